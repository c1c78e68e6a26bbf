"""What the TFX Trainer calls, here and on Vertex AI: trains, exports, and adds what the model was made from."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from ratchet.components.stack import environment

environment.prepare()

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from ratchet.components.object_store.emptying import empty
from ratchet.components.trainer.export import save_model
from ratchet.components.trainer.job import Trained, TrainingJob, reprocessed, run_job
from ratchet.components.trainer.origin_files import Origin, served_model, warmup_images, write_origin
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.components.trainer.strategy import lost_workers_told, wait_for_all, worker_number
from ratchet.components.trainer.workers import WorkerLostError
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.training_record import BASELINE_DIRECTORY, TrainingRecord, read_training_record
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.base.progress import LOGGER


def run_fn(fn_args: FnArgs) -> None:
    """Trains a detector and exports it, training record inside.

    Args:
        fn_args: TFX's arguments; `custom_config` holds `settings` (JSON of TrainerSettings), `artifacts` (the directory
            of all artifacts, with the state of unfinished trainings in `checkpoints/`), `statistics` (path of the
            training data's FeatureStats.pb) and `baseline_digest`.
    """
    config: dict[str, Any] = fn_args.custom_config
    served = served_model(fn_args.base_model)
    origin = origin_of(served, fileio) if served else None
    baseline = None if isinstance(origin, Adoption) else served  # after an adoption a first model is trained
    trained = run_job(
        TrainingJob(
            settings=settings_io.from_json(TrainerSettings, config["settings"]),
            examples=os.path.dirname(os.path.dirname(fn_args.train_files[0])),  # .../examples/7/Split-train/*
            baseline=baseline,
            baseline_record=origin,
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


def _export(trained: Trained, directory: str, served: str | None, config: dict[str, Any]) -> None:
    baseline = served if trained.record.mode == "retrain" else None  # else it did not start from it
    for place in (directory, _compared_directory(directory)):
        empty(place)  # what an earlier try has left would be served with it
    save_model(trained.serving, directory, warmup_images(trained.examples))
    record = _with_compared(trained.record, directory, baseline)
    write_origin(directory, record, Origin(trained.examples, baseline, config["artifacts"], config["statistics"]))


def _compared_directory(directory: str) -> str:
    return f"{os.path.dirname(directory)}/{BASELINE_DIRECTORY}"


def _with_compared(record: TrainingRecord, directory: str, baseline: str | None) -> TrainingRecord:
    """Writes the baseline that the model can be compared with, where the served one has another post-processing."""
    if not baseline or not record.post_processing:
        return record
    beside = _compared_directory(directory)
    save_model(reprocessed(baseline, read_training_record(baseline, fileio), record), beside, ())
    return dataclasses.replace(record, baseline_for_comparison=model_digest(beside, fileio))
