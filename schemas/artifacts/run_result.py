"""How a run ended: `runs/ID/result.json`, which is also what `ratchet run --json` prints."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass

from schemas.artifacts.decisions import Reason, Verdict
from schemas.base.persisted import PersistedFormat

RESULT_FILE = "result.json"
NOTHING_NEW_RULE = "nothing_new"
EXIT_CODES = {
    Verdict.PUSHED: 0,
    Verdict.BOOTSTRAPPED: 0,
    Verdict.BLOCKED: 3,
    Verdict.INCONCLUSIVE: 3,
    Verdict.DATA_REJECTED: 4,
    Verdict.NOTHING_NEW: 0,
}


def utc_now() -> str:
    """The present time in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class RunResult:
    """One run.

    Attributes:
        verdict: how it ended.
        reasons: the rules that decided against it, or, for a push, those that it passed; then what the data gate saw
            and did not stop the run for.
        map: candidate mAP on the golden set, over the classes that the baseline knows too; None if no candidate was
            trained.
        baseline_map: baseline mAP on the same set.
        delta: their difference.
        delta_ci: its 95 % interval.
        model: the candidate's SavedModel.
        pushed_version: its version in service; None if it was not pushed.
        report: the page; of NOTHING_NEW that of the earlier run which has decided.
        run_id: names the run in ML Metadata and under `runs/`; of NOTHING_NEW the earlier one.
        span: the span trained on.
        seconds: of each step.
        observed: the names of the rules at the end of `reasons` that are the data gate's.
        ended_at: when it ended, UTC, ISO 8601, to the second; now, unless it was read from a file.
        cause: None until a diagnosis can name it.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    map: float | None
    baseline_map: float | None
    delta: float | None
    delta_ci: tuple[float, float] | None
    model: str | None
    pushed_version: str | None
    report: str
    run_id: str
    span: int
    seconds: dict[str, float]
    observed: tuple[str, ...] = ()
    ended_at: str = dataclasses.field(default_factory=utc_now)
    cause: None = None

    @property
    def exit_code(self) -> int:
        """What `ratchet run` exits with."""
        return EXIT_CODES[self.verdict]

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The reasons that decided."""
        return self.reasons[: len(self.reasons) - len(self.observed)]

    @property
    def observations(self) -> tuple[Reason, ...]:
        """What the data gate saw and did not stop the run for."""
        return self.reasons[len(self.reasons) - len(self.observed) :]

    @property
    def first_reason(self) -> str:
        """The decisive reason in one line."""
        if self.verdict is Verdict.NOTHING_NEW:
            return self.reasons[0].actual
        against = next((reason for reason in self.deciding if not reason.passed), None)
        if against:
            return against.sentence
        seen = next((reason for reason in self.observations if not reason.passed), None)
        return f"the evaluator's rules passed; observed {seen.sentence}" if seen else "every rule passed"


RUN_RESULT_FORMAT = PersistedFormat(
    RunResult, "the result of a run", 1, "`ratchet doctor --repair` makes it again from the decision on the run"
)
