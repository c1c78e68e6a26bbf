"""What the TFX Trainer calls, here and on Vertex AI: trains, exports, and adds what the model was made from."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

from ratchet.components.stack import environment

environment.prepare()

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from ratchet.components.detector.sampling import Look, sample_images
from ratchet.components.detector.served import ServedDetector, read_images
from ratchet.components.object_store.emptying import empty
from ratchet.components.trainer.earlier_spans import describe_earlier_spans
from ratchet.components.trainer.export import save_model
from ratchet.components.trainer.job import Trained, TrainingJob, reprocessed, run_job
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.components.trainer.strategy import lost_workers_told, wait_for_all, worker_number
from ratchet.components.trainer.workers import WorkerLostError
from ratchet.schemas.artifacts.training_record import (
    BASELINE_DIRECTORY,
    LABELS_FILE,
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    TrainingRecord,
    read_training_record,
)
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints

SAMPLE_IMAGES = 500  # that a model carries figures of
WARMUP_IMAGES = 4


def run_fn(fn_args: FnArgs) -> None:
    """Trains a detector and exports it, training record inside.

    Args:
        fn_args: TFX's arguments; `custom_config` holds `settings` (JSON of TrainerSettings), `artifacts` (the directory
            of all artifacts, with the state of unfinished trainings in `checkpoints/`), `statistics` (path of the
            training data's FeatureStats.pb) and `baseline_digest`.
    """
    config: dict[str, Any] = fn_args.custom_config
    baseline = _baseline(fn_args.base_model)
    trained = run_job(
        TrainingJob(
            settings=settings_io.from_json(TrainerSettings, config["settings"]),
            examples=os.path.dirname(os.path.dirname(fn_args.train_files[0])),  # .../examples/7/Split-train/*
            baseline=baseline,
            baseline_record=read_training_record(baseline, fileio) if baseline else None,
            baseline_digest=config["baseline_digest"] if baseline else None,
            checkpoints=f"{config['artifacts']}/checkpoints",
            artifacts=config["artifacts"],
            log=fn_args.model_run_dir,
        )
    )
    if worker_number(trained.strategy) == 0:
        _export(trained, fn_args.serving_model_dir, baseline, config)
    _meet(trained.strategy)
    trained.forget()


def _meet(strategy: tf.distribute.Strategy) -> None:
    """Waits for all workers, so that none ends before the model is written; then the first needs no other."""
    try:
        with lost_workers_told(strategy):
            wait_for_all(strategy)
    except WorkerLostError as error:
        if worker_number(strategy) != 0:
            raise
        LOGGER.warning("%s; the model had been written by then", error)


def _baseline(base_model: str | None) -> str | None:
    """The model to start from; the reader of the baseline leaves an empty directory where there is none."""
    return base_model if base_model and tf.io.gfile.exists(f"{base_model}/saved_model.pb") else None


def _export(trained: Trained, directory: str, baseline: str | None, config: dict[str, Any]) -> None:
    examples = trained.examples
    files = examples.record_files(TRAIN_SPLIT)
    for place in (directory, _compared_directory(directory)):
        empty(place)  # what an earlier try has left would be served with it
    save_model(trained.serving, directory, _first_images(files))
    record = _with_compared(trained.record, directory, baseline)
    _write(f"{directory}/{RECORD_FILE}", TRAINING_RECORD_FORMAT.write(record))
    _write(f"{directory}/{LABELS_FILE}", json.dumps(list(record.class_names)))
    _write(f"{directory}/{TRAINING_IMAGES_FILE}", _training_images(examples, baseline).to_bytes())
    detector = ServedDetector("candidate", directory)
    look = Look("describing training images", examples, (TRAIN_SPLIT,), SAMPLE_IMAGES, detector)
    sample = sample_images(look).sample
    _write(f"{directory}/{TRAINING_SAMPLE_FILE}", sample.to_bytes())
    for path, content in describe_earlier_spans(record, detector, baseline, config["artifacts"]).items():
        _write(f"{directory}/{path}", content)
    tf.io.gfile.copy(config["statistics"], f"{directory}/{STATISTICS_FILE}", overwrite=True)


def _compared_directory(directory: str) -> str:
    return f"{os.path.dirname(directory)}/{BASELINE_DIRECTORY}"


def _with_compared(record: TrainingRecord, directory: str, baseline: str | None) -> TrainingRecord:
    """Writes the baseline that the model can be compared with, where the served one has another post-processing."""
    if not baseline or not record.post_processing:
        return record
    beside = _compared_directory(directory)
    save_model(reprocessed(baseline, read_training_record(baseline, fileio), record), beside, ())
    return dataclasses.replace(record, baseline_for_comparison=model_digest(beside, fileio))


def _first_images(files: Sequence[str]) -> list[bytes]:
    return [encoded for _, encoded in next(read_images(files, WARMUP_IMAGES))]


def _training_images(examples: ExamplesArtifact, baseline: str | None) -> Fingerprints:
    """All images that the model or one of its ancestors was trained on."""
    own = examples.fingerprints(TRAIN_SPLIT)
    if baseline is None:
        return own
    path = f"{baseline}/{TRAINING_IMAGES_FILE}"
    with tf.io.gfile.GFile(path, "rb") as file:
        return Fingerprints.join([Fingerprints.from_bytes(file.read(), path), own])


def _write(path: str, content: str | bytes) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)
