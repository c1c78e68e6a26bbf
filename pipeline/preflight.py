"""Everything that can be known to be wrong before TensorFlow is started and anything is written."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.example_gen.dataset import find_span, read_source, splits_of
from components.example_gen.source import Source
from components.map_evaluator.scoring import check_settings
from components.registry.registry import Registry, ServedModel
from components.trainer.lineage import read_earlier, read_record
from components.trainer.policy import NewSpan, plan_training
from pipeline.config import PipelineSettings
from pipeline.notify.settings import NotifySettings
from schemas import __version__
from schemas import settings as settings_io
from schemas.checked_json import Problems
from schemas.dataset import TRAIN_SPLIT
from schemas.errors import ConfigError
from schemas.files import LOCAL_FILES
from schemas.records import record_to_json
from schemas.tfdv_schema import DEFAULT_SCHEMA_FILE, read_class_names
from schemas.training_record import TrainedData, TrainingRecord


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
        command: what a person gave to ask for it, for the page at its end.
    """

    settings: PipelineSettings
    data: Path
    golden: Path
    span: int | None
    root: Path
    bootstrap: bool
    command: str = ""


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
    names = read_class_names(schema_file(request.settings), LOCAL_FILES)
    found = find_span(str(request.data), request.span)
    span = read_source(found.directory, class_names=names)
    golden = read_source(str(request.golden), strict=True, class_names=names)
    for source in (span, golden):
        _check_files(source)
    check_settings(golden.label_map.names, _attributes(golden), request.settings.evaluator)
    served = _baseline(request)
    init_checkpoint = request.settings.training.init_checkpoint
    if served is None and init_checkpoint and not _checkpoint_exists(init_checkpoint):
        raise ConfigError(f"training.init_checkpoint = {init_checkpoint!r}: no such file")
    _check_training(request, found.number, span, _record(served))
    return Checked(found.number, served, _key(request, span, golden, served))


def schema_file(settings: PipelineSettings) -> str:
    """The curated schema: the user's, or the one that comes along."""
    return settings.data.schema or str(DEFAULT_SCHEMA_FILE)


def _check_files(source: Source) -> None:
    """Whether the image files are there; what is in them is seen when they are read."""
    problems = Problems()
    for path in _paths(source):
        if not os.path.isfile(path):
            problems.add(f"{path}: no such file; deliver it or remove the image from the annotations")
    problems.raise_if_any()


def _paths(source: Source) -> list[str]:
    return [path for shard in source.shards for path in shard.paths]


def _attributes(dataset: Source) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for record in dataset.records for name in record.attributes)
    return {name: np.array([record.attributes.get(name, "") for record in dataset.records]) for name in names}


def _baseline(request: RunRequest) -> ServedModel | None:
    root = request.root
    registry = Registry(f"{root}/registry", f"{root}/serving/{request.settings.name}", LOCAL_FILES)
    return registry.baseline(request.bootstrap)


def _check_training(request: RunRequest, number: int, span: Source, baseline: TrainingRecord | None) -> None:
    data = request.settings.data
    splits = splits_of(span.records, data.eval_fraction, data.group_by)
    records = [record for record in span.records if splits[record.image_id] == TRAIN_SPLIT]
    names = span.label_map.names
    counts = collections.Counter(label for record in records for label in record.truth.labels.tolist())
    boxes = {name: counts[label] for label, name in enumerate(names, start=1)}
    plan = plan_training(
        request.settings.trainer, NewSpan(TrainedData(number, 1, "", len(records), names, ""), boxes), baseline
    )
    for earlier in plan.replayed:
        read_earlier(earlier, LOCAL_FILES)


def _record(served: ServedModel | None) -> TrainingRecord | None:
    if served is None:
        return None
    return read_record(served.path, LOCAL_FILES)


def _checkpoint_exists(path: str) -> bool:
    return "://" in path or any(os.path.exists(f"{path}{suffix}") for suffix in ("", ".index"))


def _key(request: RunRequest, span: Source, golden: Source, served: ServedModel | None) -> str:
    # Whom it tells changes nothing about a run: a crashed one goes on although that was changed.
    settings = dataclasses.replace(request.settings, notify=NotifySettings())
    parts: list[Any] = [
        _identity(span),
        _identity(golden),
        settings_io.to_json(settings),
        [served.version, served.digest] if served else None,
        __version__,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _identity(source: Source) -> str:
    """Changes with the annotations and with every image file that was written again; no image is read for it."""
    digest = hashlib.sha256(json.dumps([source.directory, source.label_map.names]).encode())
    for record in source.records:
        digest.update(record_to_json(record))
    for path in _paths(source):
        stat = os.stat(path)
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
