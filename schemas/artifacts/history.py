"""What was decided before a run, as BaselineReader found it: `history.json` beside the baseline's model."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.base.persisted import PersistedFormat, Values

HISTORY_FILE = "history.json"


@dataclass(frozen=True)
class History:
    """Everything that was decided before.

    Attributes:
        runs: the decisions of the evaluator, the oldest first.
        overrides: approvals and rollbacks, the oldest first.
        current: the one by which the baseline is served; None if it was pushed.
    """

    runs: tuple[RecordedDecision, ...] = ()
    overrides: tuple[Override, ...] = ()
    current: Override | None = None

    def trained_on(self, span: int, version: int) -> RecordedDecision | None:
        """The last decision on a candidate that was trained on a version of a span; None if there was none."""
        made = [run for run in self.runs if (run.span, run.span_version) == (span, version)]
        return made[-1] if made else None


# What format 0 did not say of a decision.
_NOT_SAID = {
    "span_version": 1,
    "data_digest": "",
    "model": "",
    "model_digest": "",
    "baseline_version": None,
    "baseline_digest": None,
    "delta": None,
    "delta_ci": None,
    "evaluation_broken": False,
}


def _of_format_0(values: Values) -> Values:
    return {**values, "runs": [{**_NOT_SAID, **run, "reason": run["reason"] or None} for run in values["runs"]]}


HISTORY_FORMAT = PersistedFormat(
    History, "the history of a baseline", 1, "give the command with --anew", {0: _of_format_0}
)
