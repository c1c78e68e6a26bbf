"""The Beam part on every kind of runner that can be had here, with a model that needs no training."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.map_evaluator.matches import PERFECT, DataSetMatches
from ratchet.schemas.artifacts.evaluation import MATCHES_FILE
from ratchet.schemas.artifacts.golden_boxes import BOXES_FILE, GoldenBoxes
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import image_digest
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap, record_to_json

pytestmark = pytest.mark.tensorflow
LABEL_MAP = LabelMap(("cat", "dog"), (3, 7))
IMAGES, SHARDS = 90, 3


def record(image_id: int) -> ImageRecord:
    generator = np.random.default_rng(image_id)
    boxes = generator.uniform(1, 60, (3, 4))
    truth = GroundTruth(boxes, generator.integers(1, 3, 3), boxes[:, 2] * boxes[:, 3], np.zeros(3, bool))
    return ImageRecord(image_id, f"{image_id}.png", 128, 128, truth, {"camera": "ab"[image_id % 2]})


def encoded(image_id: int) -> bytes:
    """No picture: the model below finds what is written in it, the ground truth with an error."""
    error = np.random.default_rng(1000 + image_id).normal(0, 3, (3, 4))
    x, y, width, height = (record(image_id).truth.boxes_xywh_px + error).T
    corners = np.stack([y, x, y + abs(height), x + abs(width)], axis=1)
    rows = np.concatenate([corners, record(image_id).truth.labels[:, None], np.arange(3)[:, None] / 4 + 0.1], axis=1)
    return ",".join(f"{value:.5f}" for value in rows.ravel()).encode()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    import tensorflow as tf

    paths = []
    for shard in range(SHARDS):
        paths.append(str(tmp_path_factory.mktemp("examples") / f"data-{shard}"))
        with tf.io.TFRecordWriter(paths[-1]) as writer:
            for image_id in range(shard, IMAGES, SHARDS):
                values = {features.RECORD: record_to_json(record(image_id)), features.IMAGE_ENCODED: encoded(image_id)}
                lists = {
                    key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for key, value in values.items()
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())
    return tuple(paths)


def save_reader(
    directory: Path,
    label_shift: int = 0,
    begun: Path | None = None,
    constant: bool = False,
    taken_for: tuple[int, int] = (1, 2),
    no_numbers: bool = False,
) -> str:
    """A SavedModel with the serving signature alone, as one of another origin would be.

    Args:
        directory: where.
        label_shift: added to every label.
        begun: a file that it writes when it is first asked, to answer never.
        constant: whether it says the same of every image.
        taken_for: its labels of what the data labels 1 and 2.
        no_numbers: whether what it finds are no numbers.
    """
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(image_bytes: Any) -> dict[str, Any]:
        numbers = tf.strings.to_number(tf.strings.split(image_bytes, ",").to_tensor())
        rows = tf.reshape(numbers, [-1, 3, 6])
        turn: Any = tf.constant(0)
        if begun:
            tf.io.write_file(str(begun), "")
            while turn >= 0:
                turn = (turn + 1) % 2
        if constant:
            rows = tf.tile(
                tf.constant([[[10.0, 10, 40, 40, 1, 0.9], [5, 5, 50, 50, 2, 0.8], [0, 0, 60, 60, 1, 0.7]]]),
                tf.stack([tf.shape(rows)[0], 1, 1]),
            )
        return {
            "detection_boxes": rows[:, :, :4] + tf.cast(turn, tf.float32) + (float("nan") if no_numbers else 0.0),
            "detection_classes": tf.gather([0, *taken_for], tf.cast(rows[:, :, 4], tf.int32)) + label_shift,
            "detection_scores": rows[:, :, 5],
            "num_detections": tf.fill([tf.shape(rows)[0]], 3),
        }

    module = tf.Module()
    module.serve = serve  # pyright: ignore[reportAttributeAccessIssue]
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serve})
    return str(directory)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_reader(tmp_path_factory.mktemp("model") / "1")


def evaluated(shards: tuple[str, ...], model: str, out: Path, *options: str) -> DataSetMatches:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from ratchet.components.map_evaluator.beam_evaluation import DataPart, Evaluators, add_data_set

    out.mkdir(parents=True, exist_ok=True)
    evaluators = Evaluators({"candidate": model}, LABEL_MAP, ("camera",), batch_size=8)
    with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
        add_data_set(pipeline, DataPart("golden", shards, IMAGES), evaluators, str(out), str(out / "lines"))
    measured = DataSetMatches.load(str(out / MATCHES_FILE))
    measured.raise_errors()
    return measured


def assert_equal(one: DataSetMatches, other: DataSetMatches) -> None:
    for name, table in one.tables.items():
        for field in dataclasses.fields(table):
            assert np.array_equal(getattr(table, field.name), getattr(other.tables[name], field.name))
    assert np.array_equal(one.digests, other.digests)
    assert one.shuffled == other.shuffled


@pytest.fixture(scope="module")
def in_memory(shards: tuple[str, ...], model: str, tmp_path_factory: pytest.TempPathFactory) -> DataSetMatches:
    return evaluated(shards, model, tmp_path_factory.mktemp("in_memory"))


def test_every_image_is_measured_once_with_its_digest_and_attributes(in_memory: DataSetMatches) -> None:
    assert in_memory.image_ids.tolist() == list(range(IMAGES))
    assert bytes(in_memory.digests[7]) == image_digest(record(7), encoded(7))
    assert in_memory.attributes["camera"].tolist() == ["a", "b"] * (IMAGES // 2)
    assert len(in_memory.tables["candidate"].detections) == len(in_memory.tables[PERFECT].detections) == 3 * IMAGES
    assert 0 < in_memory.shuffled["candidate"].after < in_memory.shuffled["candidate"].before < 1


def test_the_lines_become_coco_files_that_score_the_same(
    shards: tuple[str, ...], model: str, tmp_path: Path, in_memory: DataSetMatches
) -> None:
    from ratchet.components.coco.writing import join_detections, join_ground_truth
    from ratchet.components.map_evaluator.evaluate_files import evaluate_files
    from ratchet.components.map_evaluator.settings import EvaluatorSettings
    from ratchet.components.metrics.average_precision import detection_metrics

    evaluated(shards, model, tmp_path)
    lines = [line for path in sorted(tmp_path.glob("lines-*")) for line in path.read_text().splitlines()]
    with open(tmp_path / "gt.json", "w") as file:
        join_ground_truth(lines, LABEL_MAP, file)
    with open(tmp_path / "dt.json", "w") as file:
        join_detections(lines, 0, file)
    scored = evaluate_files(
        tmp_path / "gt.json", tmp_path / "dt.json", None, EvaluatorSettings(slice_by=("camera",))
    ).scored
    metrics = detection_metrics(in_memory.tables["candidate"], num_classes=2)
    assert scored.candidate.coco == metrics.coco
    assert 0 < metrics.coco["AP"] < 1
    assert scored.slice_support["camera=a"].images == IMAGES // 2


def test_the_boxes_of_golden_images_are_kept_and_score_the_same(
    shards: tuple[str, ...], model: str, tmp_path: Path, in_memory: DataSetMatches
) -> None:
    from ratchet.components.metrics.average_precision import mean_average_precision
    from ratchet.components.metrics.match_table import build_table
    from ratchet.components.metrics.matching import match

    evaluated(shards, model, tmp_path, "--direct_num_workers=2", "--direct_running_mode=multi_threading")
    boxes = GoldenBoxes.from_bytes((tmp_path / BOXES_FILE).read_bytes(), BOXES_FILE)
    assert boxes.file_names == tuple(f"{image_id}.png" for image_id in range(IMAGES))
    assert boxes.class_names == LABEL_MAP.names
    assert boxes.of == IMAGES
    again = build_table(match(boxes.image_ids, boxes.truth, boxes.found["candidate"], boxes.max_detections))
    assert mean_average_precision(again) == mean_average_precision(in_memory.tables["candidate"])


def test_several_processes_measure_the_same(
    shards: tuple[str, ...], model: str, tmp_path: Path, in_memory: DataSetMatches
) -> None:
    options = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert_equal(evaluated(shards, model, tmp_path, *options), in_memory)


@pytest.fixture
def job_service(tmp_path: Path) -> Iterator[str]:
    """Beam's own portable job service, in a process of its own, on a free port."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", "--port", str(port)]
    with open(tmp_path / "job_service.txt", "w") as log:
        service = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for_port(port, service)
            yield f"localhost:{port}"
        finally:
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()


def wait_for_port(port: int, service: subprocess.Popen[bytes]) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) == 0:
                return
        assert service.poll() is None, "the job service ended"
        time.sleep(0.1)


def portable(endpoint: str) -> tuple[str, ...]:
    return (
        "--runner=PortableRunner",
        f"--job_endpoint={endpoint}",
        "--job_server_timeout=3600",  # instead of a minute, in which a busy machine may start no worker
        "--environment_type=beam:env:harness_subprocess_python:v1",
        f"--environment_config={sys.executable} -m apache_beam.runners.worker.sdk_worker_main",
    )


def test_a_portable_runner_with_worker_processes_measures_the_same(
    shards: tuple[str, ...], model: str, tmp_path: Path, in_memory: DataSetMatches, job_service: str
) -> None:
    assert_equal(evaluated(shards, model, tmp_path, *portable(job_service)), in_memory)


def test_a_model_of_other_labels_is_an_error_that_names_it(shards: tuple[str, ...], tmp_path: Path) -> None:
    other = save_reader(tmp_path / "other", label_shift=5)
    with pytest.raises(StateError, match=r"candidate \(.*other\): returns for image \d+ the label [67]"):
        evaluated(shards, other, tmp_path / "out")


def test_a_model_that_cannot_be_loaded_is_an_error_that_names_it(shards: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(StateError, match=r"candidate \(.*broken\): cannot be loaded as a SavedModel"):
        evaluated(shards, str(tmp_path / "broken"), tmp_path / "out")
