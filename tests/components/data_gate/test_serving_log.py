"""Every form of log that a served model leaves behind."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.imaging.quality import image_quality
from ratchet.pipeline.data.log_sample import log_sample
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.data import features
from tests.builders import encode, picture

pytestmark = pytest.mark.tensorflow
IMAGES = [encode(picture(seed=seed)) for seed in range(3)]
BRIGHTNESS = [image_quality(encoded, "").brightness for encoded in IMAGES]


def read(log: Path, limit: int = 100) -> list[float]:
    from ratchet.components.data_gate.serving_log import read_serving_log

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


def test_the_newest_images_of_a_file_are_those_at_its_end(tmp_path: Path) -> None:
    json_lines(tmp_path / "lines", *({"image": text(encoded)} for encoded in IMAGES))
    assert read(tmp_path / "lines", limit=2) == pytest.approx([BRIGHTNESS[2], BRIGHTNESS[1]])
    of_examples(tmp_path / "records")
    assert sorted(read(tmp_path / "records", limit=2)) == pytest.approx(sorted(BRIGHTNESS[1:]))


def test_the_file_that_was_written_to_last_is_the_newest_whatever_its_name(tmp_path: Path) -> None:
    for name, encoded, age in (("b", IMAGES[0], 2000), ("a", IMAGES[1], 3000), ("c", IMAGES[2], 1000)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"image": text(encoded)}) + "\n")
        os.utime(tmp_path / f"{name}.jsonl", (age, age))
    assert read(tmp_path, limit=2) == pytest.approx([BRIGHTNESS[1], BRIGHTNESS[0]])


def test_files_of_one_moment_are_told_apart_by_the_numbers_in_their_names(tmp_path: Path) -> None:
    for number, encoded in ((9, IMAGES[0]), (10, IMAGES[1])):
        (tmp_path / f"log-{number}.jsonl").write_text(json.dumps({"image": text(encoded)}) + "\n")
        os.utime(tmp_path / f"log-{number}.jsonl", (1000, 1000))
    assert read(tmp_path, limit=1) == pytest.approx([BRIGHTNESS[1]])


def test_blank_lines_and_an_entry_that_is_being_written_are_passed_over(tmp_path: Path) -> None:
    json_lines(tmp_path / "log", {"image": text(IMAGES[0])}, {"image": text(IMAGES[1])})
    with (tmp_path / "log" / "served-1.jsonl").open("a") as file:
        file.write("\n \n" + json.dumps({"image": text(IMAGES[2])})[:400])
    assert read(tmp_path / "log") == pytest.approx([BRIGHTNESS[1], BRIGHTNESS[0]])
    of_examples(tmp_path / "records")
    whole = gzip.decompress((tmp_path / "records" / "served.tfrecord.gz").read_bytes())
    (tmp_path / "records" / "served.tfrecord.gz").unlink()
    (tmp_path / "records" / "served.tfrecord").write_bytes(whole[:-100])
    assert sorted(read(tmp_path / "records")) == pytest.approx(sorted(BRIGHTNESS[:2]))


def test_an_image_that_was_asked_about_often_counts_once(tmp_path: Path) -> None:
    json_lines(tmp_path / "log", *[{"image": text(IMAGES[0])}] * 5, {"instances": [{"b64": text(IMAGES[1])}] * 3})
    assert read(tmp_path / "log") == pytest.approx([BRIGHTNESS[1], BRIGHTNESS[0]])


def test_a_few_broken_images_of_clients_are_passed_over_and_many_are_an_error(tmp_path: Path) -> None:
    good = [{"image": text(encode(picture(seed=seed)))} for seed in range(20)]
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


def test_records_say_camera_and_time_where_they_have_them(tmp_path: Path) -> None:
    import tensorflow as tf

    from ratchet.components.requests.log import RequestLog

    told = {"camera": b"north", "logged_at": b"2026-11-28T23:10:00+01:00", features.IMAGE_ENCODED: IMAGES[0]}
    others = {"source/camera": b"south", features.IMAGE_ENCODED: IMAGES[1]}
    with tf.io.TFRecordWriter(str(tmp_path / "served.tfrecord")) as writer:
        for values in (told, others):
            of = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[each])) for name, each in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=of)).SerializeToString())
    found = [logged for logged, _ in RequestLog(str(tmp_path), 10, "--log")]
    assert {(each.camera, each.at.isoformat() if each.at else None) for each in found} == {
        ("north", "2026-11-28T23:10:00+01:00"),
        ("south", None),
    }


def test_what_is_passed_over_is_counted_and_the_log_is_called_as_it_was_given(tmp_path: Path) -> None:
    from ratchet.components.requests.log import RequestLog

    good = [{"image": text(encode(picture(seed=seed)))} for seed in range(20)]
    json_lines(tmp_path / "log", *good, {"image": text(b"no image")})
    log = RequestLog(str(tmp_path / "log"), 100, "--log")
    assert (len(list(log)), len(log.unreadable)) == (20, 1)
    with pytest.raises(ConfigError, match=r"^--log = .*no such directory"):
        RequestLog(str(tmp_path / "nowhere"), 100, "--log")
