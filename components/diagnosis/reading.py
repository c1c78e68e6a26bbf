"""The records of a run, read from where its steps wrote them or from copies; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from components.coco.lines import annotations_in, results_in
from components.diagnosis.bundle import Bundle, GoldenBoxes
from schemas.artifacts import evaluation as written
from schemas.artifacts.data_evidence import (
    DATA_DECISION_FORMAT,
    DECISION_FILE,
    EVIDENCE_FILE,
    EVIDENCE_FORMAT,
)
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.evaluation import BASELINE, CANDIDATE, EVALUATION_FORMAT, GOLDEN, Evaluation
from schemas.artifacts.training_record import read_training_record
from schemas.base.files import Files
from schemas.base.persisted import PersistedFormat

SAMPLE = 2000  # golden images; beyond, a random sample says the same


@dataclass(frozen=True)
class RunPlaces:
    """Directories of a run's artifacts.

    Attributes:
        decision: of the data gate: its decision and its evidence.
        candidate: SavedModel of the candidate; None if none was trained.
        baseline: SavedModel of the baseline; None before the first model.
        evaluation: of the evaluator; None if no candidate was trained.
    """

    decision: str
    candidate: str | None = None
    baseline: str | None = None
    evaluation: str | None = None


def read_bundle(places: RunPlaces, files: Files) -> Bundle:
    """All that a diagnosis looks at.

    Args:
        places: where it is.
        files: the file system.

    Raises:
        OSError: a file is missing or cannot be read.
        StateError: a file is spoilt, or of a newer version.
        DataError: the boxes of golden images make no sense.
    """
    data = _read(f"{places.decision}/{DECISION_FILE}", DATA_DECISION_FORMAT, files)
    evidence = _read(f"{places.decision}/{EVIDENCE_FILE}", EVIDENCE_FORMAT, files)
    evaluation = None
    if places.evaluation:
        evaluation = _read(f"{places.evaluation}/{written.EVALUATION_FILE}", EVALUATION_FORMAT, files)
    return Bundle(
        verdict=evaluation.decision.verdict if evaluation else Verdict.DATA_REJECTED,
        data=data,
        evidence=evidence,
        candidate=read_training_record(places.candidate, files) if places.candidate else None,
        baseline=read_training_record(places.baseline, files) if places.baseline else None,
        evaluation=evaluation,
        golden=_golden_boxes(f"{places.evaluation}/{GOLDEN}", evaluation, files) if evaluation else None,
    )


T = TypeVar("T")


def _read(path: str, kind: PersistedFormat[T], files: Files) -> T:
    with files.open(path, "r") as file:
        return kind.read(file.read(), path)


def _golden_boxes(directory: str, evaluation: Evaluation, files: Files) -> GoldenBoxes:
    names = {CANDIDATE: written.CANDIDATE_FILE}
    if evaluation.golden.baseline:
        names[BASELINE] = written.BASELINE_FILE
    with files.open(f"{directory}/{written.MATCHES_FILE}", "rb") as file, np.load(file, allow_pickle=False) as arrays:
        image_ids = arrays[f"table/{CANDIDATE}/image_ids"]
    chosen = _sample(image_ids)
    truth = annotations_in(_lines(f"{directory}/{written.GROUND_TRUTH_FILE}", files)(), chosen.tolist(), "golden set")
    found = {
        model: results_in(
            _lines(f"{directory}/{name}", files)(), truth.image_ids, truth.label_map, f"detections of the {model}"
        )
        for model, name in names.items()
    }
    return GoldenBoxes(
        image_ids=truth.image_ids,
        file_names=tuple(truth.file_names),
        sizes_px=np.asarray(truth.sizes_px, np.float64),
        class_names=tuple(truth.label_map.names),
        truth=truth.objects,
        found=found,
        max_detections=evaluation.golden.max_detections,
        of=len(image_ids),
    )


def _sample(image_ids: np.ndarray) -> np.ndarray:
    if len(image_ids) <= SAMPLE:
        return np.sort(image_ids)
    return np.sort(np.random.default_rng(0).choice(image_ids, SAMPLE, replace=False))


def _lines(path: str, files: Files) -> Callable[[], Iterator[str]]:
    def lines() -> Iterator[str]:
        with files.open(path, "r") as file:
            yield from file

    return lines
