"""The steps that use Beam, called through TFX's executors as a run calls them, on a tiny data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.beam.servers import ROOT
from tests.builders import coco, coco_annotation, coco_image, write_span

CLASSES = ("cat", "dog")
CATEGORIES = (3, 7)


def tiny_span(directory: Path, images: int = 24) -> Path:
    """A delivery of noise, with objects of two classes."""
    entries = [coco_image(number) for number in range(1, images + 1)]
    objects = [
        coco_annotation(
            number, number, category_id=CATEGORIES[number % 2], bbox=[number % 48, 2.5, 12.25, 9 + number % 7]
        )
        for number in range(1, images + 1)
    ]
    return write_span(directory, coco(images=entries, annotations=objects))


def run_example_gen(delivered: Path, out: Path, args: list[str], eval_fraction: float = 0.25) -> dict[str, Any]:
    """What `dataset.json` says of the examples.

    Args:
        delivered: the delivery.
        out: where the examples are stored.
        args: Beam's options.
        eval_fraction: the share of the validation images.
    """
    from tfx.types import standard_artifacts

    from ratchet.components.example_gen.executor import Executor
    from ratchet.components.example_gen.settings import ReadingSettings
    from ratchet.schemas.base.settings import to_json

    examples = standard_artifacts.Examples()
    examples.uri = str(out)
    properties = {
        "directory": str(delivered),
        "is_span_base": 0,
        "span": 0,
        "eval_fraction": eval_fraction,
        "held_out_fraction": 0.0,
        "group_by": "",
        "schema_file": str(ROOT / "schemas" / "detection.pbtxt"),
        "reading": to_json(ReadingSettings()),
        "exif": "refuse",
        "content": "",
    }
    Executor(_context(Executor, args)).Do({}, {"examples": [examples]}, properties)
    return json.loads((out / "dataset.json").read_text(encoding="utf-8"))


def run_statistics(examples_of: Path, out: Path, args: list[str]) -> bytes:
    """Statistics of the training split, as they are stored."""
    from tfx.types import artifact_utils, standard_artifacts

    from ratchet.components.stack.beam_executors import StatisticsExecutor

    examples, statistics = standard_artifacts.Examples(), standard_artifacts.ExampleStatistics()
    examples.uri, statistics.uri = str(examples_of), str(out)
    examples.split_names = artifact_utils.encode_split_names(["train"])
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    StatisticsExecutor(_context(StatisticsExecutor, args)).Do(
        {"examples": [examples]}, {"statistics": [statistics]}, {"exclude_splits": "[]"}
    )
    return (out / "Split-train" / "FeatureStats.pb").read_bytes()


def evaluate(examples_of: Path, model: str, out: Path, args: list[str], step: str = "MapEvaluator") -> Any:
    """What MapEvaluator's Beam pipeline measures."""
    from ratchet.components.map_evaluator.beam_evaluation import DataPart, Evaluators, add_data_set, load_matches
    from ratchet.components.stack.beam_pipelines import WatchedPipeline
    from ratchet.schemas.artifacts.evaluation import MATCHES_FILE
    from ratchet.schemas.data.records import LabelMap

    out.mkdir(parents=True)
    files = tuple(sorted(str(file) for file in (examples_of / "Split-train").iterdir()))
    images = json.loads((examples_of / "dataset.json").read_text(encoding="utf-8"))["images"]["train"]
    evaluators = Evaluators({"candidate": model}, LabelMap(CLASSES, CATEGORIES), (), batch_size=4)
    with WatchedPipeline(args, step) as pipeline:
        add_data_set(pipeline, DataPart("golden", files, images), evaluators, str(out), str(out / "lines"))
    measured = load_matches(str(out / MATCHES_FILE))
    measured.raise_errors()
    return measured


def save_guesser(directory: Path, begun: Path | None = None) -> str:
    """A SavedModel that finds boxes by sums of pixels: wrong ones, the same for the same pixels.

    Args:
        directory: where.
        begun: a file that it writes when it is first asked, to answer never.
    """
    import tensorflow as tf

    def guess(encoded: Any) -> Any:
        pixels = tf.cast(tf.image.decode_jpeg(encoded, channels=3), tf.float32)
        means = tf.reshape(tf.reduce_mean(pixels, axis=[0]), [-1])[:12] / 255.0  # [12]
        start, size = tf.reshape(means[:6], [3, 2]) * 20, tf.reshape(means[6:], [3, 2]) * 30 + 1
        return tf.concat([start, start + size, means[:3, None] * 3, means[3:6, None]], axis=1)  # [3, 6]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(image_bytes: Any) -> dict[str, Any]:
        rows = tf.map_fn(guess, image_bytes, fn_output_signature=tf.TensorSpec([3, 6], tf.float32))
        turn: Any = tf.constant(0)
        if begun:
            tf.io.write_file(str(begun), "")
            while turn >= 0:
                turn = (turn + 1) % 2
        return {
            "detection_boxes": rows[:, :, :4] + tf.cast(turn, tf.float32),
            "detection_classes": tf.cast(rows[:, :, 4], tf.int32) % 2 + 1,
            "detection_scores": rows[:, :, 5],
            "num_detections": tf.fill([tf.shape(rows)[0]], 3),
        }

    module = tf.Module()
    module.serve = serve  # pyright: ignore[reportAttributeAccessIssue]
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serve})
    return str(directory)


def _context(executor: Any, args: list[str]) -> Any:
    return executor.Context(beam_pipeline_args=list(args), unique_id="1")


def tables_of(measured: Any) -> dict[str, np.ndarray]:
    """Every number that was measured, by name."""
    import dataclasses

    found = {"digests": measured.digests, "image_ids": measured.image_ids}
    for name, table in measured.tables.items():
        for field in dataclasses.fields(table):
            found[f"{name}.{field.name}"] = np.asarray(getattr(table, field.name))
    return found
