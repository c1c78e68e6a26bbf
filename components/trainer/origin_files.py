"""What a model carries of the data it was made from: beside the SavedModel itself, all that later runs ask of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import tensorflow as tf

from ratchet.components.detector.sampling import Look, sample_images
from ratchet.components.detector.served import ServedDetector, read_images
from ratchet.components.detector.warmup import BATCH
from ratchet.components.trainer.earlier_spans import describe_earlier_spans
from ratchet.schemas.artifacts.training_record import (
    LABELS_FILE,
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    TrainingRecord,
)
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints

SAMPLE_IMAGES = 500  # that a model carries figures of


@dataclass(frozen=True)
class Origin:
    """What a model was trained on, and from.

    Attributes:
        examples: the new span.
        baseline: directory of the model that it was trained from; None for a first model.
        artifacts: the artifacts directory of the pipeline root, to which the places of examples are relative.
        statistics: path of the training data's FeatureStats.pb.
    """

    examples: ExamplesArtifact
    baseline: str | None
    artifacts: str | None
    statistics: str


def served_model(base_model: str | None) -> str | None:
    """Directory of the served model; None before the first one, where BaselineReader leaves an empty directory.

    Args:
        base_model: of TFX's FnArgs.
    """
    return base_model if base_model and tf.io.gfile.exists(f"{base_model}/saved_model.pb") else None


def write_origin(directory: str, record: TrainingRecord, origin: Origin) -> None:
    """Writes record, label map, fingerprints, statistics and samples of all training data into a SavedModel.

    Args:
        directory: the SavedModel, which is loaded and shown a sample of its training images.
        record: its training record.
        origin: its data.

    Raises:
        StateError: the model cannot be loaded, or its data is no longer what ExampleGen wrote.
    """
    _write(f"{directory}/{RECORD_FILE}", TRAINING_RECORD_FORMAT.write(record))
    _write(f"{directory}/{LABELS_FILE}", json.dumps(list(record.class_names)))
    _write(f"{directory}/{TRAINING_IMAGES_FILE}", _training_images(origin).to_bytes())
    detector = ServedDetector("candidate", directory)
    look = Look("describing training images", origin.examples, (TRAIN_SPLIT,), SAMPLE_IMAGES, detector)
    _write(f"{directory}/{TRAINING_SAMPLE_FILE}", sample_images(look).sample.to_bytes())
    for path, content in describe_earlier_spans(record, detector, origin.baseline, origin.artifacts).items():
        _write(f"{directory}/{path}", content)
    tf.io.gfile.copy(origin.statistics, f"{directory}/{STATISTICS_FILE}", overwrite=True)


def warmup_images(examples: ExamplesArtifact) -> list[bytes]:
    """The first training images of a span, which a server is warmed up with."""
    return [encoded for _, encoded in next(read_images(examples.record_files(TRAIN_SPLIT), BATCH))]


def _training_images(origin: Origin) -> Fingerprints:
    """All images that the model or one of its ancestors was trained on."""
    own = origin.examples.fingerprints(TRAIN_SPLIT)
    if origin.baseline is None:
        return own
    path = f"{origin.baseline}/{TRAINING_IMAGES_FILE}"
    with tf.io.gfile.GFile(path, "rb") as file:
        return Fingerprints.join([Fingerprints.from_bytes(file.read(), path), own])


def _write(path: str, content: str | bytes) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)
