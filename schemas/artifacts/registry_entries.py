"""What the registry's files hold: models that were served, decisions, and what is put into service just now.

    registry/served.json              Pointer
    registry/versions/index.json      EntryIndexFile, of ServedModel by VERSION.json
    registry/decisions/index.json     EntryIndexFile, of RecordedDecision by KEY.json

These are signed where there is a key, so a key of theirs never changes its name: a signature is of what stands there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ratchet.schemas.artifacts.adoption import ADOPTED
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.persisted import PersistedFormat

POINTER_FILE = "served.json"
APPROVED = "APPROVED"  # the verdict of a model that a person let into service
_VERSION = re.compile(r"[0-9]{1,19}", re.ASCII)
_HIGHEST_VERSION = 2**63 - 1  # TensorFlow Serving reads an int64


def is_version(name: str) -> bool:
    """Whether a name is the number of a version, as TensorFlow Serving reads it."""
    return _VERSION.fullmatch(name) is not None and int(name) <= _HIGHEST_VERSION


def _checked_version(name: str) -> str:
    if not is_version(name):
        raise ValueError(f"version is {shown(name)}")
    return name


# Remembered by the reader, in no file: a signature is of these values, also of keys that this version does not know.
AsWritten = Annotated[Mapping[str, Any] | None, BeforeValidator(lambda _: None), Field(exclude=True)]


Finite = Annotated[float, Field(allow_inf_nan=False)]  # NaN is no JSON, and equals not even itself


@dataclass(frozen=True)
class ServedModel:
    """A model that was once put into service.

    Attributes:
        version: name of its directory under the serving directory.
        path: its SavedModel.
        digest: `model_digest` of that directory.
        span: the span it was trained on; 0 of an adopted model.
        golden_digest: the golden set it was measured on.
        map: its COCO mAP there.
        verdict: `PUSHED`, `BOOTSTRAPPED`, `APPROVED` or `ADOPTED`.
        run_id: the run that made it; of an adopted model `adopt-DATE-TIME`, which is no run.
        pushed_at: UTC time, ISO 8601.
        blessed: False once it was left behind by a rollback.
        restores: of a rollback, the earlier version whose bytes these are.
        override: of an approval, rollback or adoption, sha256 of its line in the log.
        signature: of all the others, if the registry is signed.
        as_written: see `AsWritten`; None for what was not read from a file.
    """

    version: Annotated[str, AfterValidator(_checked_version)]
    path: str
    digest: str
    span: int
    golden_digest: str
    map: Finite
    verdict: str
    run_id: str
    pushed_at: str
    blessed: bool
    restores: str | None = None
    override: str | None = None
    signature: str | None = None
    as_written: AsWritten = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def words(self) -> str:
        """Which model it is, in a sentence."""
        is_adopted = self.verdict == ADOPTED
        return f"the adopted version {self.version}" if is_adopted else f"version {self.version} of run {self.run_id}"


@dataclass(frozen=True)
class RecordedDecision:
    """What was once decided about a candidate.

    Attributes:
        run_id: the run it belongs to.
        span: the span the candidate was trained on.
        span_version: version of that span.
        data_digest: content digest of that span.
        golden_digest: the golden set that decided.
        verdict: of the run.
        map: the candidate's COCO mAP on that set, over the classes that the baseline knows too.
        baseline_map: the baseline's; None before the first model.
        decided_at: UTC time, ISO 8601.
        model: URI of the candidate's Model artifact.
        model_digest: `model_digest` of the SavedModel that was measured.
        baseline_version: the version it was compared with; None before the first model.
        baseline_digest: `model_digest` of that version.
        evaluation: URI of the ModelEvaluation artifact.
        delta: candidate minus baseline; None where it is undefined.
        delta_ci: its 95 % interval.
        reason: the first rule that decided against the candidate, in a sentence; None if none did.
        evaluation_broken: whether the evaluation itself could not be trusted.
        rule: the name of that rule; None in decisions that were recorded without it.
        evaluation_digest: sha256 of the evaluation's file; None in decisions that were recorded without it.
        signature: of all the others, if the registry is signed.
        as_written: see `AsWritten`; None for what was not read from a file.
    """

    run_id: str
    span: int
    span_version: int
    data_digest: str
    golden_digest: str
    verdict: str
    map: Finite
    baseline_map: Finite | None
    decided_at: str
    model: str
    model_digest: str
    baseline_version: str | None
    baseline_digest: str | None
    evaluation: str
    delta: Finite | None
    delta_ci: tuple[Finite, Finite] | None
    reason: str | None
    evaluation_broken: bool
    rule: str | None = None
    evaluation_digest: str | None = None
    signature: str | None = None
    as_written: AsWritten = dataclasses.field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Intent:
    """A publication that has begun: all that is needed to complete it, or to take it back.

    Attributes:
        model: the entry of the version that is to be served.
        staged: where its bytes wait in the serving directory.
        source: a SavedModel with the same bytes, should those be lost.
        override: the approval or rollback by which it is served; None for a push.
        left_behind: versions that are no longer blessed then.
        decision: on the run whose candidate is pushed; None for an approval or rollback.
        signature: of all the others, if the registry is signed.
        as_written: see `AsWritten`; None for what was not read from a file.
    """

    model: ServedModel
    staged: str
    source: str
    override: Override | None = None
    left_behind: tuple[str, ...] = ()
    decision: RecordedDecision | None = None
    signature: str | None = None
    as_written: AsWritten = dataclasses.field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Pointer:
    """What is served, and what is being put into service just now.

    Attributes:
        served: the model that is served; None if none ever was.
        pushing: a publication that has begun; None almost always.
    """

    served: ServedModel | None = None
    pushing: Intent | None = None

    @property
    def served_as(self) -> tuple[str, str] | None:
        """Version and digest of the served model: no version number is given twice, so they are one model in service.

        None if nothing is served.
        """
        return self.served and (self.served.version, self.served.digest)


@dataclass(frozen=True)
class EntryIndexFile:
    """All entries of a directory.

    Attributes:
        entries: by name; each is the JSON object that it would be as a file of its own, which it once was.
    """

    entries: dict[str, Any]


_FIX = "`ratchet doctor --repair` mends what can be mended; else restore it from a backup"
# In format 0 places were absolute; in this one they are relative to the pipeline root. Number 1 was never written.
SERVED_MODEL_FORMAT = PersistedFormat(ServedModel, "a registry entry", 2, _FIX)
RECORDED_DECISION_FORMAT = PersistedFormat(RecordedDecision, "a registry entry", 2, _FIX)
INTENT_FORMAT = PersistedFormat(Intent, "the record of a publication", 2, _FIX)
POINTER_FORMAT = PersistedFormat(
    Pointer, "a registry entry", 2, _FIX, {0: lambda values: {"served": values, "pushing": None}}
)
# Number 3 is the first: an earlier version, which has a file an entry, takes it for an entry newer than its own.
ENTRY_INDEX_FORMAT = PersistedFormat(EntryIndexFile, "an index of registry entries", 3, _FIX)
