"""Decisions are values with reasons."""

from __future__ import annotations

import enum
from dataclasses import dataclass

_EVALUATION_RULES = ("map_defined", "no_rules")  # besides those named trust:...
GOLDEN_BUDGET = "trust:golden_budget"
DEFAULT_GOLDEN_BUDGET = 100  # docs/evaluation.md, what a look costs


class Verdict(str, enum.Enum):
    """How a run ended, or that there was nothing new to run for; the value is what command line and JSON say."""

    PUSHED = "PUSHED"
    BLOCKED = "BLOCKED"
    INCONCLUSIVE = "INCONCLUSIVE"
    BOOTSTRAPPED = "BOOTSTRAPPED"
    DATA_REJECTED = "DATA_REJECTED"
    NOTHING_NEW = "NOTHING_NEW"

    @property
    def pushes(self) -> bool:
        """Whether the candidate goes into service."""
        return self in (Verdict.PUSHED, Verdict.BOOTSTRAPPED)


class State(str, enum.Enum):
    """What became of one rule; each rule is in one of them."""

    FAILED = "failed"
    FOLLOWS = "follows"  # from a finding that failed or warned
    WARNING = "warning"
    NOT_TESTED = "not tested"
    PASSED = "passed"


@dataclass(frozen=True)
class Reason:
    """One rule and what it saw.

    Attributes:
        rule: the rule's name, stable across versions: `map_drop`, `drift:qa/brightness`.
        expected: what would have passed, for a person to read.
        actual: what was found.
        passed: False for a rule that decided against the run.
        warning: True for a rule that passed and that a person should look at all the same.
        images: file names of images that show it, the worst first.
        tested: False where there was too little to decide by, or another finding made it pointless: such a rule decides
            nothing, and is not counted among those that passed.
        strength: what was found over what would have passed, above 1 beyond it; None where no number says so.
        cause: the rule of the finding that this one follows from; None where it stands alone.
        measure: how it was measured, exactly, for tables and JSON; empty where `actual` says all.
    """

    rule: str
    expected: str
    actual: str
    passed: bool = False
    warning: bool = False
    images: tuple[str, ...] = ()
    tested: bool = True
    strength: float | None = None
    cause: str | None = None
    measure: str = ""

    @property
    def state(self) -> State:
        """What a person would say of it."""
        if not self.tested:
            return State.NOT_TESTED
        if not self.passed:
            return State.FAILED
        if self.cause is not None:
            return State.FOLLOWS
        return State.WARNING if self.warning else State.PASSED

    @property
    def sentence(self) -> str:
        """The rule, what it expected and what it found, in one line."""
        return f"{self.rule}: expected {self.expected}; found {self.actual}"


class DataVerdict(str, enum.Enum):
    """What the data gate thinks of a span."""

    PASS = "PASS"
    WARN = "WARN"
    REJECT = "REJECT"


# Rules of the data gate without which no candidate of the span could be measured: they stop a run in observe mode too.
NEVER_OBSERVED = {
    "classes:golden_set": "a class that is only in one of golden set and span is never found, or never counted",
    "classes:served_model": "training goes on from a model that knows the class that is missing",
    "golden_boxes": "without a labelled box no mAP is defined",
}


@dataclass(frozen=True)
class DataDecision:
    """What the data gate decided before training.

    Attributes:
        passed: whether the run may go on. In observe mode it may although the verdict is REJECT, unless a rule of
            NEVER_OBSERVED failed.
        reasons: all rules that were looked at, the best explanation of a rejection first.
    """

    passed: bool
    reasons: tuple[Reason, ...]

    @property
    def verdict(self) -> DataVerdict:
        """The worst that a rule said."""
        if self.failures:
            return DataVerdict.REJECT
        return DataVerdict.WARN if any(reason.warning for reason in self.reasons) else DataVerdict.PASS

    @property
    def failures(self) -> tuple[Reason, ...]:
        """The rules that the data broke, each for itself."""
        return tuple(reason for reason in self.reasons if not reason.passed)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """The rules that passed with a warning and follow from nothing else."""
        return tuple(reason for reason in self.reasons if reason.state is State.WARNING)

    @property
    def untested(self) -> tuple[Reason, ...]:
        """The rules that there was too little to decide by."""
        return tuple(reason for reason in self.reasons if reason.state is State.NOT_TESTED)

    @property
    def counts(self) -> dict[State, int]:
        """How many rules are in each state; they add up to all of them."""
        return {state: sum(reason.state is state for reason in self.reasons) for state in State}

    @property
    def observable(self) -> bool:
        """Whether the run could go on in observe mode."""
        return not any(reason.rule in NEVER_OBSERVED for reason in self.failures)

    @property
    def remarkable(self) -> tuple[Reason, ...]:
        """What a person should see: the rules that the data broke, the warnings, then what was not tested."""
        return self.failures + self.warnings + self.untested

    def following_from(self, cause: Reason) -> tuple[Reason, ...]:
        """What another finding explains."""
        return tuple(reason for reason in self.reasons if reason.cause == cause.rule and reason.tested)


@dataclass(frozen=True)
class Decision:
    """What the evaluator decided; `failures` are its reasons against, `reasons` all it looked at."""

    verdict: Verdict
    reasons: tuple[Reason, ...]

    @property
    def failures(self) -> tuple[Reason, ...]:
        """The rules that decided against the run."""
        return tuple(reason for reason in self.reasons if not reason.passed)

    @property
    def explaining(self) -> tuple[Reason, ...]:
        """What explains the verdict: what decided against and warnings; of a pass, every rule."""
        return self.failures + self.warnings if self.failures else self.reasons

    @property
    def evaluation_broken(self) -> bool:
        """Whether the evaluation itself failed, so that its figures say nothing for or against the candidate.

        A check of the evaluation (`trust:...`) failed, an mAP is undefined, or no rule was set that could block. That a
        golden budget is spent says how often the golden set was asked, not that it answers wrongly.
        """
        failed = [reason for reason in self.failures if reason.rule != GOLDEN_BUDGET]
        return any(reason.rule.startswith("trust:") or reason.rule in _EVALUATION_RULES for reason in failed)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """The rules that passed with a warning."""
        return tuple(reason for reason in self.reasons if reason.passed and reason.warning)
