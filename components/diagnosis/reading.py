"""The records of a run, read from where its steps wrote them or from copies; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from ratchet.components.diagnosis.adopted import adopted_pair, in_words_of_adoption
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.diagnose import diagnose, failed
from ratchet.components.diagnosis.golden_boxes import read_golden_boxes
from ratchet.components.diagnosis.other_records import pair_of_records
from ratchet.schemas.artifacts import evaluation as written
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.data_evidence import (
    DATA_DECISION_FORMAT,
    DECISION_FILE,
    EVIDENCE_FILE,
    EVIDENCE_FORMAT,
)
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, Diagnosis
from ratchet.schemas.artifacts.evaluation import EVALUATION_FORMAT
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.persisted import PersistedFormat


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
    candidate = read_training_record(places.candidate, files) if places.candidate else None
    baseline = origin_of(places.baseline, files) if places.baseline else None
    record = baseline if isinstance(baseline, TrainingRecord) else None
    is_adopted = isinstance(baseline, Adoption)
    plans = adopted_pair(baseline, candidate) if isinstance(baseline, Adoption) and candidate else None
    plans = plans or pair_of_records(candidate, record)
    return Bundle(
        verdict=evaluation.decision.verdict if evaluation else Verdict.DATA_REJECTED,
        data=data,
        evidence=evidence,
        candidate=candidate if plans is None else None,
        baseline=record if plans is None else None,
        evaluation=evaluation,
        golden=read_golden_boxes(places.evaluation, evaluation, files) if places.evaluation and evaluation else None,
        plans=plans,
        is_adopted=is_adopted,
    )


def diagnosis_at(places: RunPlaces, files: Files) -> Diagnosis:
    """Why mAP fell, from what lies there; never raises.

    Args:
        places: where the records are.
        files: the file system.

    Returns:
        A diagnosis that can be written, of state `failed` with the reason where a record is missing or makes no sense.
    """
    try:
        bundle = read_bundle(places, files)
        found = diagnose(bundle)
        found = in_words_of_adoption(found) if bundle.is_adopted else found
        DIAGNOSIS_FORMAT.write(found)
    except Exception as error:  # whatever a file holds, and whatever a file system raises
        return failed(error)
    return found


T = TypeVar("T")


def _read(path: str, kind: PersistedFormat[T], files: Files) -> T:
    with files.open(path, "rb") as file:  # so that bytes which are no text are the format's to refuse
        return kind.read(file.read(), path)
