"""Every form of log that a served model leaves behind."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.imaging.quality import image_quality
from pipeline.data.log_sample import log_sample
from schemas.base.errors import ConfigError, DataError
from schemas.data import features
from tests.builders import encode, picture

pytestmark = pytest.mark.tensorflow
IMAGES = [encode(picture(seed=seed)) for seed in range(3)]
BRIGHTNESS = [image_quality(encoded, "").brightness for encoded in IMAGES]


def read(log: Path, limit: int = 100) -> list[float]:
    from components.data_gate.serving_log import read_serving_log

    return read_serving_log(str(log), limit).images[features.QA_BRIGHTNESS].tolist()


def json_lines(log: Path, *entries: object) -> None:
    log.mkdir(exist_ok=True)
    (log / "served-1.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def text(encoded: bytes) -> str:
    return base64.b64encode(encoded).decode()


def of_own_command(log: Path) -> None:
    (log.parent / "images").mkdir()
    for number, encoded in enumerate(IMAGES):
        (log.parent / "images" / f"{number}.jpg").write_bytes(encoded)
    log_sample([log.parent / "images"], log, 1.0)


def of_rest_instances(log: Path) -> None:
    json_lines(log, {"instances": [{"b64": text(IMAGES[0])}, {"image_bytes": {"b64": text(IMAGES[1])}}]},
               {"inputs": {"image_bytes": [{"b64": text(IMAGES[2])}]}})  # fmt: skip


def of_examples(log: Path) -> None:
    import tensorflow as tf

    log.mkdir()
    with tf.io.TFRecordWriter(str(log / "served.tfrecord.gz"), "GZIP") as writer:
        for encoded in IMAGES:
            value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
            features_of = tf.train.Features(feature={features.IMAGE_ENCODED: value})
            writer.write(tf.train.Example(features=features_of).SerializeToString())


def of_tensorflow_serving(log: Path) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log.mkdir()
    with tf.io.TFRecordWriter(str(log / "served.tfrecord-00000")) as writer:
        logged = prediction_log_pb2.PredictionLog()  # pyright: ignore[reportAttributeAccessIssue]
        logged.predict_log.request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(IMAGES))
        writer.write(logged.SerializeToString())


@pytest.mark.parametrize("write", [of_own_command, of_rest_instances, of_examples, of_tensorflow_serving])
def test_every_form_of_log_gives_the_same_figures(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "log")
    np.testing.assert_allclose(sorted(read(tmp_path / "log")), sorted(BRIGHTNESS))


def test_the_newest_log_comes_first_and_no_more_is_read_than_asked(tmp_path: Path) -> None:
    json_lines(tmp_path / "log", {"image": text(IMAGES[0])})
    (tmp_path / "log" / "served-2.jsonl").write_text(json.dumps({"image": text(IMAGES[1])}) + "\n")
    assert read(tmp_path / "log", limit=1) == pytest.approx([BRIGHTNESS[1]])


def test_a_few_broken_images_of_clients_are_passed_over_and_many_are_an_error(tmp_path: Path) -> None:
    good = [{"image": text(IMAGES[0])}] * 20
    json_lines(tmp_path / "log", *good, {"image": text(b"no image")})
    assert len(read(tmp_path / "log")) == 20
    json_lines(tmp_path / "log", good[0], {"image": text(b"no image")})
    with pytest.raises(DataError, match=r"1 of 2 images cannot be decoded.*served-1\.jsonl, line 2.*not a JPEG or PNG"):
        read(tmp_path / "log")


@pytest.mark.parametrize("line", ["[1, 2]", "{}", '{"image": 7}', '{"image": "***"}', "no json", '{"instances": [7]}'])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "served-1.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=r"served-1\.jsonl, line 1: not a logged request"):
        read(tmp_path)


def test_a_damaged_record_file_is_named(tmp_path: Path) -> None:
    of_examples(tmp_path / "log")
    (tmp_path / "log" / "served.tfrecord.gz").rename(tmp_path / "log" / "served.tfrecord")  # now read as plain
    with pytest.raises(DataError, match=r"served\.tfrecord, after record 0: damaged"):
        read(tmp_path / "log")


def test_no_log_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such directory"):
        read(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="ratchet log-sample"):
        read(tmp_path)
