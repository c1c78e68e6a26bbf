"""Everything that can be known to be wrong before TensorFlow is started and anything is written."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.example_gen.dataset import DataSet, find_span, read_dataset, split_of
from components.map_evaluator.scoring import check_settings
from components.registry.registry import Registry, ServedModel
from components.trainer.policy import plan_training
from pipeline.config import PipelineSettings
from schemas import __version__
from schemas import settings as settings_io
from schemas.dataset import TRAIN_SPLIT
from schemas.errors import ConfigError
from schemas.files import LOCAL_FILES
from schemas.progress import Progress
from schemas.training_record import RECORD_FILE, TrainingRecord


@dataclass(frozen=True)
class RunRequest:
    """What a user asks for.

    Attributes:
        settings: the configuration.
        data: directory of the `span-N` directories.
        golden: directory of the golden set.
        span: the span to train on; None for the newest.
        root: pipeline root.
        bootstrap: whether a first model is wanted.
    """

    settings: PipelineSettings
    data: Path
    golden: Path
    span: int | None
    root: Path
    bootstrap: bool


@dataclass(frozen=True)
class Checked:
    """A request found possible.

    Attributes:
        span: number of the span.
        served: the baseline; None for a bootstrap.
        key: changes with anything that could change the run's result.
    """

    span: int
    served: ServedModel | None
    key: str


def check(request: RunRequest) -> Checked:
    """Checks data, registry and settings together.

    Raises:
        InputError: something the user gave cannot work.
        StateError: the pipeline root contradicts itself.
    """
    number, directory = find_span(str(request.data), request.span)
    span = _read(directory, f"checking span {number}")
    golden = _read(str(request.golden), "checking golden set")
    check_settings(golden.label_map.names, _attributes(golden), request.settings.evaluator)
    served = _baseline(request)
    init_checkpoint = request.settings.training.init_checkpoint
    if served is None and init_checkpoint and not _checkpoint_exists(init_checkpoint):
        raise ConfigError(f"training.init_checkpoint = {init_checkpoint!r}: no such file")
    fraction = request.settings.data.eval_fraction
    training_images = sum(split_of(record.file_name, fraction) == TRAIN_SPLIT for record in span.records)
    plan_training(request.settings.trainer, training_images, _record(served))
    return Checked(number, served, _key(request, span, golden, served))


def _attributes(dataset: DataSet) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for record in dataset.records for name in record.attributes)
    return {name: np.array([record.attributes.get(name, "") for record in dataset.records]) for name in names}


def _baseline(request: RunRequest) -> ServedModel | None:
    root = request.root
    registry = Registry(f"{root}/registry", f"{root}/serving/{request.settings.name}", LOCAL_FILES)
    return registry.baseline(request.bootstrap)


def _record(served: ServedModel | None) -> TrainingRecord | None:
    if served is None:
        return None
    path = Path(served.path) / RECORD_FILE
    return TrainingRecord.from_json(path.read_text(encoding="utf-8"), str(path))


def _read(directory: str, title: str) -> DataSet:
    progress: list[Progress] = []

    def show(done: int, total: int) -> None:
        if not progress:
            progress.append(Progress(title, total))
        progress[0].update(done)

    return read_dataset(directory, LOCAL_FILES, on_progress=show)


def _checkpoint_exists(path: str) -> bool:
    return "://" in path or any(os.path.exists(f"{path}{suffix}") for suffix in ("", ".index"))


def _key(request: RunRequest, span: DataSet, golden: DataSet, served: ServedModel | None) -> str:
    parts: list[Any] = [
        span.digest,
        golden.digest,
        settings_io.to_json(request.settings),
        served.digest if served else None,
        __version__,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
