"""One case of `ratchet bench`: what was planted, and what came of it. `cases/NNN-A.json` in the bench's directory.

DIR/cases/007-1.json      the case 007, first attempt; every attempt is kept
DIR/material/007/         what somebody needs to judge it without Ratchet, see `material.py`
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.schemas.artifacts.decisions import DataVerdict, Verdict
from ratchet.schemas.artifacts.diagnosis import Cause, CauseState
from ratchet.schemas.artifacts.evaluation import Delta
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import reason_of
from ratchet.schemas.base.persisted import PersistedFormat

CASES_DIRECTORY = "cases"
MATERIAL_DIRECTORY = "material"
_FILE = re.compile(r"(\d{3,})-(\d+)\.json")


class Group(str, enum.Enum):
    """What kind of case it is; the value is what JSON and tables say."""

    FAULT = "fault"  # one fault, whose cause is known
    PAIR = "pair"  # two faults at once
    CONTROL = "control"  # nothing was planted
    DECOY = "decoy"  # a harmless change, declared or in the data
    STRANGER = "stranger"  # a fault of which no cause is an answer: "unknown" is right


class Split(str, enum.Enum):
    """What a case may be used for."""

    CALIBRATION = "calibration"  # thresholds may be looked at here, and only here
    SCORE = "score"


@dataclass(frozen=True)
class PlantedFault:
    """One fault, as it was written down before the run.

    Attributes:
        name: what it is called: `loose`, `rate`.
        strength: in the unit of what plants it.
        accepted: causes any of which names it rightly: a cause (`dataset_shift`) stands for all its details, a title
            (`dataset_shift:brightness`) for that one; empty for a stranger or a decoy.
        settings: that it changes, by dotted key.
    """

    name: str
    strength: float
    accepted: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.strength:g}"


@dataclass(frozen=True)
class GateSaid:
    """What the data gate said of the span.

    Attributes:
        verdict: see there.
        first_failed: the rule that is named first; None if none failed.
        failed: all rules that failed, the best explanation first.
        warned: the rules that passed with a warning.
    """

    verdict: DataVerdict
    first_failed: str | None = None
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """One cause in the order of a diagnosis.

    Attributes:
        title: cause and detail.
        probability: 0..1.
        state: see there.
    """

    title: str
    probability: float
    state: CauseState


@dataclass(frozen=True)
class Outcome:
    """How the run ended in one mode of the data gate.

    Attributes:
        verdict: DATA_REJECTED where an enforcing gate stopped it.
        cause: the answer of the diagnosis.
        ranking: all causes, the likeliest first.
        pushed: whether the candidate went, or would have gone, into service.
    """

    verdict: Verdict
    cause: Cause
    ranking: tuple[Ranked, ...]
    pushed: bool


@dataclass(frozen=True)
class Measured:
    """Both models on one data set.

    Attributes:
        images: how many.
        candidate: its mAP; None where it is undefined.
        baseline: mAP of the baseline.
        delta: candidate minus baseline, with its interval.
    """

    images: int
    candidate: float | None
    baseline: float | None
    delta: Delta


@dataclass(frozen=True)
class CaseResult:
    """One attempt at one case.

    Attributes:
        number: of the case, three digits or more; neutral: it says nothing of what was planted.
        attempt: 1, 2, ...: how often the case was run; every attempt is kept.
        group: see there.
        split: see there.
        source: which data it was made of: `digits`, or the name that was given.
        seed: of the case.
        blind: whether `declared_changes` were blank, and a fault of policy was planted below the policy.
        planted: what was planted; empty for a control.
        digests: SHA-256 by what it is of: `span`, `golden`, `truth`, `baseline`, `candidate`, `faults`.
        code: version and digest of the source that ran.
        declared_changes: what the candidate's training record declares.
        gate: what the data gate said; None if the case failed before.
        observing: with a gate that only warns; None if the case failed.
        enforcing: with a gate that stops the run; None if the case failed.
        golden: both models on the golden set that the run had.
        truth: both models on the independent truth set.
        to_control: truth of this candidate minus that of the control of the same seed; None for the control itself.
        train_sample: candidate's mAP on images that it was trained on.
        held_out: candidate's mAP on images of the same span that chose nothing.
        signals: every signal of the observing diagnosis by `CAUSE/NAME`, or `CAUSE:DETAIL/NAME`; None where it could
            not be measured.
        listing: what a list of the case's input files says: see `listing.py`.
        seconds: of each part of the case.
        error: why the case failed; empty if it did not.
    """

    number: str
    attempt: int
    group: Group
    split: Split
    source: str
    seed: int
    blind: bool
    planted: tuple[PlantedFault, ...]
    digests: dict[str, str]
    code: str
    declared_changes: tuple[str, ...] = ()
    gate: GateSaid | None = None
    observing: Outcome | None = None
    enforcing: Outcome | None = None
    golden: Measured | None = None
    truth: Measured | None = None
    to_control: Delta | None = None
    train_sample: float | None = None
    held_out: float | None = None
    signals: dict[str, float | None] = field(default_factory=dict)
    listing: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def file_name(self) -> str:
        """Where it is kept below CASES_DIRECTORY."""
        return f"{self.number}-{self.attempt}.json"


CASE_RESULT_FORMAT = PersistedFormat(
    CaseResult, "the result of a bench case", 1, "remove it and give the command again, which runs the case anew"
)


def read_cases(directory: Path) -> list[CaseResult]:
    """Every attempt at every case of a bench, by number and attempt.

    Args:
        directory: of the bench, or its `cases`.

    Raises:
        StateError: there is none, or one cannot be read.
    """
    cases = directory / CASES_DIRECTORY if (directory / CASES_DIRECTORY).is_dir() else directory
    try:
        files = [path for path in cases.iterdir() if _FILE.fullmatch(path.name)]
        results = [CASE_RESULT_FORMAT.read(path.read_text(encoding="utf-8"), str(path)) for path in files]
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{directory}: cannot be read ({reason_of(error)}); give the directory of a bench") from error
    if not results:
        raise StateError(f"{directory}: no bench case is there; run `ratchet bench` into it, or give another directory")
    return sorted(results, key=lambda case: (case.number, case.attempt))


def last_attempts(results: Sequence[CaseResult]) -> list[CaseResult]:
    """The last attempt at each case, by number."""
    ordered = sorted(results, key=lambda case: (case.number, case.attempt))
    return list({case.number: case for case in ordered}.values())
