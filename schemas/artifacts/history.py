"""What was decided before a run, as BaselineReader found it: `history.json` beside the baseline's model."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from schemas.artifacts.overrides import Override

HISTORY_FILE = "history.json"


@dataclass(frozen=True)
class PastRun:
    """A decision of the evaluator.

    Attributes:
        run_id: the run.
        span: number of its span.
        verdict: how it ended.
        map: the candidate's mAP on the golden set, over the classes that the baseline knows too.
        baseline_map: the baseline's; None before the first model.
        decided_at: UTC time, ISO 8601.
        golden_digest: the golden set that decided.
        evaluation: URI of the ModelEvaluation artifact.
        reason: the first rule that decided against it, in a sentence; empty if none did.
    """

    run_id: str
    span: int
    verdict: str
    map: float
    baseline_map: float | None
    decided_at: str
    golden_digest: str
    evaluation: str
    reason: str = ""


@dataclass(frozen=True)
class History:
    """Everything that was decided before.

    Attributes:
        runs: the oldest first.
        overrides: approvals and rollbacks, the oldest first.
        current: the one by which the baseline is served; None if it was pushed.
    """

    runs: tuple[PastRun, ...] = ()
    overrides: tuple[Override, ...] = ()
    current: Override | None = None

    def to_json(self) -> str:
        """JSON text."""
        values = {
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "overrides": [override.to_json() for override in self.overrides],
            "current": self.current and self.current.to_json(),
        }
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> History:
        """The inverse of `to_json`."""
        values = json.loads(text)
        return cls(
            runs=tuple(PastRun(**entry) for entry in values["runs"]),
            overrides=tuple(Override.from_json(entry) for entry in values["overrides"]),
            current=values["current"] and Override.from_json(values["current"]),
        )
