"""What stands in `runs/ID/` besides the result: what was asked for, why it was given up, what a pruning left."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ratchet.schemas.base.persisted import PersistedFormat, Values

REQUEST_FILE = "request.json"
ABANDONED_FILE = "abandoned.json"
PRUNED_FILE = "pruned.json"
CRASH_FILE = "crashed.json"
UNREPORTED_FILE = "unreported"  # beside a result that nobody has seen yet; it is empty


@dataclass(frozen=True)
class RunRecord:
    """A run at its start.

    Attributes:
        span: number of its span.
        asked: everything that could change its result, by name; digests of what is large.
        baseline: version and digest of what was served; None before the first model.
        command: what a person gave to ask for it.
        started_at: UTC time, ISO 8601.
        code: of Ratchet, that started it.
        span_version: version of that span.
    """

    span: int
    asked: dict[str, Any]
    baseline: tuple[str, str] | None
    command: str
    started_at: str
    code: str
    span_version: int = 1

    @property
    def key(self) -> str:
        """The same for the same request, whatever is served."""
        return key_of(self.asked)


def key_of(asked: dict[str, Any]) -> str:
    """Changes with anything that was asked for.

    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 1, "b": 3})
    True
    """
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class AbandonedRun:
    """A run that nothing can go on with.

    Attributes:
        at: UTC time, ISO 8601.
        why: in a sentence.
    """

    at: str
    why: str


@dataclass(frozen=True)
class CrashedRun:
    """A run of a job of which a step failed for good.

    Attributes:
        at: UTC time, ISO 8601.
        why: in a sentence that names the step.
        span: number of its span; 0 if it was not known yet.
    """

    at: str
    why: str
    span: int


@dataclass(frozen=True)
class PrunedRun:
    """A run whose artifacts are gone, or were about to be: such a run is never resumed.

    Attributes:
        at: UTC time, ISO 8601.
        left: the artifacts that are left, as paths relative to the root.
    """

    at: str
    left: tuple[str, ...]


def _without_beam(values: Values) -> Values:
    """How Beam ran the steps was among what was asked for; it changes no result."""
    asked = values["asked"]
    if not isinstance(asked.get("settings"), dict):
        return values
    settings = {key: value for key, value in asked["settings"].items() if key != "beam_args"}
    return {**values, "asked": {**asked, "settings": settings}}


RUN_RECORD_FORMAT = PersistedFormat(
    RunRecord, "what a run was asked for", 2, "the same command begins a new run", {1: _without_beam}, ("key",)
)
ABANDONED_FORMAT = PersistedFormat(AbandonedRun, "why a run was given up", 1, "restore it from a backup")
PRUNED_FORMAT = PersistedFormat(PrunedRun, "what a pruning wrote", 1, "delete it, the next pruning makes it anew")
CRASH_FORMAT = PersistedFormat(CrashedRun, "why a run crashed", 1, "delete it, nothing depends on it")
