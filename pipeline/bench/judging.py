"""What each bench case counts as, and how often an answer to it is right; pure.

Whose answers they are makes no difference: a diagnosis, a trivial comparator and anybody else's are rankings of causes,
the likeliest first, scored here alike. "unknown" and "nothing_to_explain" may stand in a ranking as a cause does.

A cause is right if it is one of those that were written down before the run. That holds for the cause alone; whether
the detail is right too (`annotation:loose_boxes`, not `annotation:shifted_boxes`) is counted beside it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.pipeline.bench.case_result import CaseResult, Group, Measured, Outcome, Split
from ratchet.pipeline.bench.shares import Share
from ratchet.schemas.artifacts.diagnosis import CAUSES, EVALUATION_SET, UNKNOWN, CauseState

REGRESSION = -0.01  # true difference from which on a case may count as a regression
GOOD = 0.01  # true difference from which on a candidate is a good one
CONVERGED = 0.01  # a control is no farther from its baseline
MILD = -0.05  # true difference above which a regression is mild
_RULED_OUT = (CauseState.REFUTED, CauseState.NOT_TESTABLE)

Answers = Mapping[str, Sequence[str]]  # number of a case -> causes, the likeliest first


class CountsAs(str, enum.Enum):
    """What a case counts as, whatever it was planned as."""

    FAULT = "fault"
    PAIR = "pair"
    STRANGER = "stranger"
    HARMLESS = "harmless"  # controls, decoys, and all that did not cost what a regression costs
    LEFT_OUT = "left out"  # failed, never trained, or a control or decoy that fell although nothing was to make it fall


@dataclass(frozen=True)
class Question:
    """A case as far as answers to it are judged by it.

    Attributes:
        case: its number.
        counts_as: see there.
        split: see there.
        blind: whether the changes were not declared.
        accepted: of each planted fault, the causes that name it rightly.
        fall: true difference; None where it was not measured.
    """

    case: str
    counts_as: CountsAs
    split: Split
    blind: bool
    accepted: tuple[tuple[str, ...], ...] = ()
    fall: float | None = None

    @property
    def is_mild(self) -> bool:
        """Whether it cost little."""
        return self.fall is not None and self.fall > MILD

    @property
    def asks_detail(self) -> bool:
        """Whether a detail was written down: otherwise any is as right as the cause alone, and nothing is counted."""
        return any(":" in title for titles in self.accepted for title in titles)


@dataclass(frozen=True)
class Scores:
    """How often answers were right.

    Attributes:
        first: faults whose first cause is right.
        first_two: faults with the right cause among the first two.
        detail: faults of which a detail was written down, whose first cause is right with it.
        mild: faults that cost less than MILD says and whose first cause is right.
        pairs: pairs whose first cause is one of the two, and both among the first three.
        harmless_named: harmless cases with a named cause, which is wrong.
        strangers_unknown: strangers whose answer is "unknown", or what else was accepted before the run.
    """

    first: Share
    first_two: Share
    detail: Share
    mild: Share
    pairs: Share
    harmless_named: Share
    strangers_unknown: Share


@dataclass(frozen=True)
class Verdicts:
    """What became of candidates.

    Attributes:
        regressions_pushed: of all that truly fell.
        good_blocked: of all that truly rose, on a golden set that is none of the faults.
        pushed: of all: where nothing is, no regression is either, and that says nothing.
    """

    regressions_pushed: Share
    good_blocked: Share
    pushed: Share


def fell(measured: Measured | None) -> bool:
    """Whether a difference is a regression: large enough, and its interval below 0."""
    delta = measured.delta if measured else None
    if delta is None or delta.value is None or delta.hi is None:
        return False
    return delta.value <= REGRESSION and delta.hi < 0


def is_mismeasured(case: CaseResult) -> bool:
    """Whether all that was planted is in what measures: it need not make the candidate any worse."""
    return bool(case.planted) and all(
        fault.accepted and {cause_of(title) for title in fault.accepted} == {EVALUATION_SET} for fault in case.planted
    )


def counts_as(case: CaseResult) -> CountsAs:
    """What a case counts as."""
    if case.error:
        return CountsAs.LEFT_OUT
    if case.group is Group.FAULT and is_mismeasured(case):
        return CountsAs.FAULT
    if case.truth is None or case.truth.delta.value is None:
        return CountsAs.LEFT_OUT
    if not fell(case.truth):
        return CountsAs.HARMLESS
    planned = {Group.FAULT: CountsAs.FAULT, Group.PAIR: CountsAs.PAIR, Group.STRANGER: CountsAs.STRANGER}
    return planned.get(case.group, CountsAs.LEFT_OUT)


def question_of(case: CaseResult) -> Question:
    """A case as a question."""
    return Question(
        case=case.number,
        counts_as=counts_as(case),
        split=case.split,
        blind=case.blind,
        accepted=tuple(fault.accepted for fault in case.planted),
        fall=case.truth.delta.value if case.truth else None,
    )


def ranking_of(outcome: Outcome) -> tuple[str, ...]:
    """What a diagnosis answers, and then the causes that it did not rule out, the likeliest first."""
    first = outcome.cause.title
    others = (ranked.title for ranked in outcome.ranking if ranked.state not in _RULED_OUT)
    return (first, *(title for title in others if title != first))


def cause_of(title: str) -> str:
    """The cause of a title, without its detail.

    >>> cause_of("dataset_shift:brightness"), cause_of("unknown")
    ('dataset_shift', 'unknown')
    """
    return title.partition(":")[0]


def causes_in_order(ranking: Iterable[str]) -> tuple[str, ...]:
    """The causes of a ranking without details, each once."""
    return tuple(dict.fromkeys(map(cause_of, ranking)))


def named(ranking: Sequence[str]) -> bool:
    """Whether the answer is a cause."""
    return bool(ranking) and cause_of(ranking[0]) in CAUSES


def score(questions: Sequence[Question], answers: Answers) -> Scores:
    """How often answers are right.

    Args:
        questions: the cases.
        answers: a case without one counts as answered by "unknown".
    """
    rankings = {each.case: tuple(answers.get(each.case, ())) or (UNKNOWN,) for each in questions}

    def share(
        of: CountsAs,
        is_hit: Callable[[Question, Sequence[str]], bool],
        is_asked: Callable[[Question], bool] = lambda _: True,
    ) -> Share:
        chosen = [each for each in questions if each.counts_as is of and is_asked(each)]
        return Share(sum(is_hit(each, rankings[each.case]) for each in chosen), len(chosen))

    return Scores(
        first=share(CountsAs.FAULT, first_is_right),
        first_two=share(CountsAs.FAULT, _right_in_two),
        detail=share(CountsAs.FAULT, _detail_is_right, lambda each: each.asks_detail),
        mild=share(CountsAs.FAULT, first_is_right, lambda each: each.is_mild),
        pairs=share(CountsAs.PAIR, _pair_is_right),
        harmless_named=share(CountsAs.HARMLESS, lambda _, ranking: named(ranking)),
        strangers_unknown=share(CountsAs.STRANGER, _stranger_is_right),
    )


def first_is_right(question: Question, ranking: Sequence[str]) -> bool:
    """Whether the first cause of a ranking is an accepted one."""
    return cause_of(ranking[0]) in _accepted(question)


def _right_in_two(question: Question, ranking: Sequence[str]) -> bool:
    return any(cause in _accepted(question) for cause in causes_in_order(ranking)[:2])


def _detail_is_right(question: Question, ranking: Sequence[str]) -> bool:
    accepted = [title for titles in question.accepted for title in titles]
    return ranking[0] in accepted or cause_of(ranking[0]) in accepted


def _pair_is_right(question: Question, ranking: Sequence[str]) -> bool:
    order = causes_in_order(ranking)
    accepted = [{cause_of(title) for title in titles} for titles in question.accepted]
    return first_is_right(question, ranking) and all(set(order[:3]) & each for each in accepted)


def _stranger_is_right(question: Question, ranking: Sequence[str]) -> bool:
    return cause_of(ranking[0]) in {UNKNOWN, *_accepted(question)}


def _accepted(question: Question) -> set[str]:
    return {cause_of(title) for titles in question.accepted for title in titles}


def verdicts(cases: Sequence[CaseResult], outcomes: Mapping[str, Outcome]) -> Verdicts:
    """What became of candidates.

    Args:
        cases: failed ones count for nothing.
        outcomes: of each case that did not fail, by number.
    """
    done = [case for case in cases if case.number in outcomes and case.truth and not case.error]
    down = [case for case in done if fell(case.truth)]
    up = [case for case in done if _is_good(case) and not is_mismeasured(case)]
    return Verdicts(
        regressions_pushed=Share(sum(outcomes[case.number].pushed for case in down), len(down)),
        good_blocked=Share(sum(not outcomes[case.number].pushed for case in up), len(up)),
        pushed=Share(sum(outcomes[case.number].pushed for case in done), len(done)),
    )


def _is_good(case: CaseResult) -> bool:
    value = case.truth.delta.value if case.truth else None
    return value is not None and value >= GOOD


def unconverged(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """Controls whose true difference is not within CONVERGED: their baseline had not learned all there was."""
    controls = [case for case in cases if case.group is Group.CONTROL and case.truth]
    values = [(case, case.truth.delta.value) for case in controls if case.truth]
    return [case for case, value in values if value is not None and abs(value) > CONVERGED]
