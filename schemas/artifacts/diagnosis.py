"""Why mAP fell: `diagnosis.json`, which the step after the evaluation writes, and its summary for everybody else."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ratchet.schemas.base.persisted import PersistedFormat

DIAGNOSIS_FILE = "diagnosis.json"
DIAGNOSIS_STEP = "Diagnosis"
REJECTION_DIAGNOSIS_STEP = "RejectionDiagnosis"  # of a run whose data were rejected
DIAGNOSIS_STEPS = (DIAGNOSIS_STEP, REJECTION_DIAGNOSIS_STEP)

OVERFITTING = "overfitting"
RATE_TOO_HIGH = "learning_rate_too_high"
RATE_TOO_LOW = "learning_rate_too_low"  # or a training too short: either way it stopped before it had learned
DATASET_SHIFT = "dataset_shift"
AUGMENTATION = "augmentation"
ANNOTATION = "annotation"
FORGETTING = "forgetting"
EVALUATION_SET = "evaluation_set"
PIPELINE = "pipeline"
CAUSES = (
    OVERFITTING,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    DATASET_SHIFT,
    AUGMENTATION,
    ANNOTATION,
    FORGETTING,
    EVALUATION_SET,
    PIPELINE,
)
UNKNOWN = "unknown"
NOTHING = "nothing_to_explain"


class DiagnosisState(str, enum.Enum):
    """What came of a diagnosis; the value is what JSON and ML Metadata say."""

    NAMED = "named"
    UNKNOWN = "unknown"
    NOTHING = "nothing"  # no measurable fall
    FAILED = "failed"  # the diagnosis itself


class CauseState(str, enum.Enum):
    """What is known of one cause."""

    SUPPORTED = "supported"
    OPEN = "open"  # tested, and neither shown nor ruled out
    REFUTED = "refuted"
    NOT_TESTABLE = "not testable"


class Role(str, enum.Enum):
    """What a signal says: that an input changed, that the training or the models look like it, or how much it costs."""

    SUSPECT = "suspect"
    SYMPTOM = "symptom"
    PROOF = "proof"


@dataclass(frozen=True)
class Signal:
    """One figure that speaks for or against a cause.

    Attributes:
        name: stable across versions, `rate_ratio`.
        role: see there.
        value: what was measured; None where it could not be.
        threshold: from which on it speaks for the cause.
        unit: of value and threshold: `ratio`, `share of the fall`, `standard errors`, `fraction of box size`, ...
        supports: whether it speaks for the cause; None where it says nothing.
        sentence: what was seen, with the figure, for a stranger; of one not measured, what would measure it.
        std_error: of the value; None where there is none.
    """

    name: str
    role: Role
    value: float | None
    threshold: float
    unit: str
    supports: bool | None
    sentence: str
    std_error: float | None = None


@dataclass(frozen=True)
class CauseFinding:
    """One cause, as this run supports or refutes it.

    Attributes:
        cause: one of CAUSES.
        detail: which kind of it: `lighting`, `loose_boxes`, `leak`; empty where no kind of it stands out.
        state: see there.
        probability: 0..1, by unit weights: no frequency until it is calibrated; 0 for one refuted or not testable.
        sentence: one that a stranger understands.
        action: the exact setting or data to change; of one not testable, what would test it.
        signals: the figures that it rests on.
        share: part of the fall that undoing it gives back, 0..1; None where nothing could be undone.
        std_error: of the share.
        images: file names of images that show it, the clearest first.
    """

    cause: str
    detail: str
    state: CauseState
    probability: float
    sentence: str
    action: str
    signals: tuple[Signal, ...] = ()
    share: float | None = None
    std_error: float | None = None
    images: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Cause and detail: `dataset_shift:lighting`."""
        return f"{self.cause}:{self.detail}" if self.detail else self.cause


@dataclass(frozen=True)
class Cause:
    """The answer in short: what result.json, ML Metadata, page, messages, `status` and `history` say.

    Attributes:
        name: one of CAUSES, UNKNOWN or NOTHING.
        detail: see `CauseFinding`; empty otherwise.
        probability: of a named cause, that; else that of the answer.
        state: see DiagnosisState.
        sentence: the answer in one sentence.
        evidence: sentences, the strongest first.
        action: what to do next.
    """

    name: str
    detail: str
    probability: float
    state: DiagnosisState
    sentence: str
    evidence: tuple[str, ...]
    action: str

    @property
    def title(self) -> str:
        """Name and detail: `dataset_shift:lighting`."""
        return f"{self.name}:{self.detail}" if self.detail else self.name


@dataclass(frozen=True)
class Diagnosis:
    """The answer and everything that it rests on.

    Attributes:
        cause: the answer.
        findings: every cause, the likeliest first.
        fall: candidate minus baseline on the golden set; None where nothing was measured.
        explained: part of the fall that undoing supported causes gives back; None where nothing could be undone.
        seconds: that it took.
    """

    cause: Cause
    findings: tuple[CauseFinding, ...] = ()
    fall: float | None = None
    explained: float | None = None
    seconds: float = 0.0

    @property
    def named(self) -> tuple[CauseFinding, ...]:
        """The causes that are supported, the likeliest first."""
        return tuple(finding for finding in self.findings if finding.state is CauseState.SUPPORTED)


DIAGNOSIS_FORMAT = PersistedFormat(Diagnosis, "a diagnosis", 1, "give the command with --anew", allow_nan=False)
