"""How a run ended: `runs/ID/result.json`, which is also what `ratchet run --json` prints."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass

from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import Cause
from ratchet.schemas.artifacts.publication import AFTER_PUSH
from ratchet.schemas.base.differences import NO_DIFFERENCE, Clarity, clarity, measured
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.persisted import PersistedFormat

RESULT_FILE = "result.json"
NOTHING_NEW_RULE = "nothing_new"
_MAP_RULES = ("map_drop", "map_interval")  # about the difference of mAP
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
        cause: what the diagnosis says; None where none was made.
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
    cause: Cause | None = None

    @classmethod
    def untrained(
        cls,
        verdict: Verdict,
        reasons: tuple[Reason, ...],
        report: str,
        run_id: str,
        span: int,
        seconds: dict[str, float],
    ) -> RunResult:
        """How a run ended that trained nothing."""
        nothing = dict.fromkeys(("map", "baseline_map", "delta", "delta_ci", "model", "pushed_version"))
        return cls(
            verdict=verdict, reasons=reasons, report=report, run_id=run_id, span=span, seconds=seconds, **nothing
        )

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
    def decisive(self) -> Reason | None:
        """The rule that decided against the run: a measured fall, even of a class, before a difference that is none."""
        against = [reason for reason in self.deciding if not reason.passed]
        return next((reason for reason in against if self._is_clear(reason)), against[0]) if against else None

    @property
    def first_reason(self) -> str:
        """The decisive reason in one line; of a difference that is none, that first."""
        if self.verdict is Verdict.NOTHING_NEW:
            return self.reasons[0].actual
        noise = f"{measured(self.delta, self.delta_ci)}; " if self.is_noise else ""
        first = self.decisive
        if first:
            return f"{noise}{first.rule}: expected {first.expected}" if self.blocked_by_noise else first.sentence
        seen = next((reason for reason in self.observations if not reason.passed), None)
        kept = f"the evaluator's rules passed; observed {seen.sentence}" if seen else self._all_kept
        after = self.trouble_after_push
        return noise + (f"pushed, but {after.sentence}" if after else kept)

    @property
    def trouble_after_push(self) -> Reason | None:
        """What went wrong once the model was in service; None if nothing did, or nobody looked."""
        return next((reason for reason in self.deciding if reason.warning and reason.rule in AFTER_PUSH), None)

    @property
    def _all_kept(self) -> str:
        untested = sum(not reason.tested for reason in self.reasons)
        return f"no rule failed; {many(untested, 'rule')} not tested" if untested else "every rule passed"

    @property
    def is_noise(self) -> bool:
        """Whether the interval of the difference contains 0, so that mAP neither rose nor fell."""
        return clarity(self.delta_ci) is Clarity.NOISE

    @property
    def blocked_by_noise(self) -> bool:
        """Whether what decided against the run is a difference of mAP that is none."""
        return self.is_noise and self.decisive is not None and self.decisive.rule in _MAP_RULES

    def _is_clear(self, reason: Reason) -> bool:
        none = NO_DIFFERENCE in reason.actual or (self.is_noise and reason.rule in _MAP_RULES)
        return not none and not reason.rule.startswith("class_and_slice_drops")  # which only sums up


RUN_RESULT_FORMAT = PersistedFormat(
    RunResult, "the result of a run", 1, "`ratchet doctor --repair` makes it again from the decision on the run"
)
