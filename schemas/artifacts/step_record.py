"""How a step of a run on a cluster went: `runs/ID/steps/STEP.json`, where a run here asks ML Metadata."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from ratchet.schemas.base.persisted import PersistedFormat

STEPS_DIRECTORY = "steps"

Property = int | float | str


class StepState(enum.Enum):
    """How far a step came."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class StepRecord:
    """One step of one run.

    Attributes:
        step: node id.
        state: RUNNING of a step that was killed before it could say more.
        task: what the runner calls this attempt of it.
        started_at: UTC, ISO 8601.
        seconds: how long it took; 0 while it runs.
        outputs: URIs of its output artifacts, by output key.
        output_properties: custom properties of those artifacts, by output key.
        error: why it failed, in a sentence; empty otherwise.
    """

    step: str
    state: StepState
    task: str
    started_at: str
    seconds: float = 0.0
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    output_properties: dict[str, dict[str, Property]] = dataclasses.field(default_factory=dict)
    error: str = ""


STEP_RECORD_FORMAT = PersistedFormat(StepRecord, "the record of a step", 1, "delete it; the run stays as it is")
