"""The data gate as a run calls it: through its executor, over data sets of several TFRecord files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT, History
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
)
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.settings import to_json
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.beam.servers import ROOT
from tests.beam.steps import CLASSES, run_example_gen, run_statistics, tiny_span
from tests.builders import training_record

IMAGES_OF_A_FILE = 64


@contextmanager
def small_files() -> Iterator[None]:
    """ExampleGen writes a file for few images."""
    from ratchet.components.example_gen import generate
    from ratchet.components.example_gen.staging import groups_of

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(generate, "groups_of", lambda shards: groups_of(shards, images=IMAGES_OF_A_FILE))
        yield


@dataclasses.dataclass(frozen=True)
class World:
    """A span, the golden set, statistics, and a model that was trained on such images."""

    directory: Path

    @property
    def span(self) -> ExamplesArtifact:
        """As ExampleGen stored it."""
        return ExamplesArtifact.open(str(self.directory / "span"), LOCAL_FILES)

    def judge(self, out: Path, args: list[str], images: int = 40, model: Path | None = None) -> dict[str, bytes]:
        """What the step writes, by the names of the files."""
        from tfx.types import standard_artifacts
        from tfx.types.experimental import simple_artifacts

        from ratchet.components.data_gate.executor import Executor
        from ratchet.components.data_gate.settings import DataGateSettings

        inputs = {
            "examples": standard_artifacts.Examples(),
            "golden": standard_artifacts.Examples(),
            "statistics": standard_artifacts.ExampleStatistics(),
            "schema": standard_artifacts.Schema(),
            "baseline": standard_artifacts.Model(),
        }
        for name, artifact in inputs.items():
            artifact.uri = str(self.directory / {"examples": "span"}.get(name, name))
        inputs["statistics"].split_names = json.dumps([TRAIN_SPLIT])
        baseline = inputs["baseline"]
        baseline.uri = str(model or baseline.uri)
        baseline.set_int_custom_property("has_baseline", 1)
        baseline.set_string_custom_property("version", "1")
        decision, passage = standard_artifacts.ExampleAnomalies(), simple_artifacts.File()
        decision.uri, passage.uri = str(out / "decision"), str(out / "passage")
        Executor(Executor.Context(beam_pipeline_args=list(args), unique_id="1")).Do(
            {name: [artifact] for name, artifact in inputs.items()},
            {"decision": [decision], "passage": [passage]},
            {
                "settings": to_json(DataGateSettings(audit_images=images)),
                "copies": to_json(CopySettings()),
                "accept_new_golden": 1,
            },
        )
        return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def make_world(directory: Path) -> World:
    """A span of two files in each split; every third image of the span is in the golden set too."""
    with small_files():
        run_example_gen(tiny_span(directory / "delivered", 90), directory / "span", [])
        run_example_gen(tiny_span(directory / "trusted", 30), directory / "golden", [], eval_fraction=1.0)
    run_statistics(directory / "span", directory / "statistics", [])
    (directory / "schema").mkdir()
    (directory / "schema" / "schema.pbtxt").write_bytes((ROOT / "schemas" / "detection.pbtxt").read_bytes())
    save_served(directory / "baseline", directory)
    return World(directory)


def save_served(baseline: Path, world: Path, begun: Path | None = None) -> Path:
    """A model as the BaselineReader hands it on."""
    from ratchet.components.detector.sampling import Look, sample_images

    served = baseline / "Format-Serving"
    save_looker(served, begun)
    (served / RECORD_FILE).parent.mkdir(exist_ok=True)
    (baseline / HISTORY_FILE).write_text(HISTORY_FORMAT.write(History()))
    (served / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(training_record(class_names=CLASSES, images=60)))
    (served / STATISTICS_FILE).write_bytes((world / "statistics" / "Split-train" / "FeatureStats.pb").read_bytes())
    stored = ExamplesArtifact.open(str(world / "span"), LOCAL_FILES)
    sample = sample_images(Look("training", stored, (TRAIN_SPLIT,), 40)).sample
    (served / TRAINING_SAMPLE_FILE).write_bytes(sample.to_bytes())
    return baseline


def save_looker(directory: Path, begun: Path | None = None) -> None:
    """A model in two halves whose detections and embeddings are sums of pixels, and hang on who is in the batch.

    Args:
        directory: where.
        begun: a file that it writes when it is first asked, to answer never.
    """
    import tensorflow as tf

    def pixels(encoded: Any) -> Any:
        image = tf.cast(tf.image.decode_jpeg(encoded, channels=3), tf.float32)
        return tf.reshape(tf.reduce_mean(image, axis=[0]), [-1])[:12] / 255.0

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def preprocess(image_bytes: Any) -> dict[str, Any]:
        return {"images": tf.map_fn(pixels, image_bytes, fn_output_signature=tf.TensorSpec([12], tf.float32))}

    def seen(images: Any) -> dict[str, Any]:
        turn: Any = tf.constant(0)
        if begun:
            tf.io.write_file(str(begun), "")
            while turn >= 0:
                turn = (turn + 1) % 2
        shifted = images + tf.reduce_mean(images) + tf.cast(turn, tf.float32)  # as no real model does
        start, size = tf.reshape(shifted[:, :6], [-1, 3, 2]) * 20, tf.reshape(images[:, 6:], [-1, 3, 2]) * 30 + 1
        return {
            "detection_boxes": tf.concat([start, start + size], axis=2),
            "detection_classes": tf.cast(images[:, :3] * 30, tf.int32) % 2 + 1,
            "detection_scores": images[:, 3:6],
            "num_detections": tf.fill([tf.shape(images)[0]], 3),
        }

    images_in = [tf.TensorSpec([None, 12], tf.float32, name="images")]

    @tf.function(input_signature=images_in)
    def detect(images: Any) -> dict[str, Any]:
        return seen(images)

    @tf.function(input_signature=images_in)
    def embed(images: Any) -> dict[str, Any]:
        return {"embedding": images * 3 + tf.reduce_mean(images)}

    @tf.function(input_signature=images_in)
    def look(images: Any) -> dict[str, Any]:
        return seen(images) | {"embedding": images * 3 + tf.reduce_mean(images)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(image_bytes: Any) -> dict[str, Any]:
        return seen(preprocess(image_bytes)["images"])

    module: Any = tf.Module()
    module.functions = (preprocess, detect, embed, look, serve)
    names = ("preprocess", "detect", "embed", "look", "serving_default")
    tf.saved_model.save(module, str(directory), signatures=dict(zip(names, module.functions)))


def gate_sources(world: World, history: History) -> Any:
    """What the step is told, for `examine`."""
    from ratchet.components.data_gate.inputs import GateSources

    return GateSources(
        span=str(world.directory / "span"),
        golden=str(world.directory / "golden"),
        statistics=str(world.directory / "statistics" / "Split-train" / "FeatureStats.pb"),
        schema=str(world.directory / "schema" / "schema.pbtxt"),
        baseline=None,
        history=history,
    )
