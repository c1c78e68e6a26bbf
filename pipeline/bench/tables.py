"""The figures of a bench beside its trivial comparators: one table a mode of the gate, blind cases apart; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ratchet.pipeline.bench.case_result import CaseResult, Outcome, Split
from ratchet.pipeline.bench.comparators import Comparator, comparators
from ratchet.pipeline.bench.judging import (
    CountsAs,
    Question,
    Scores,
    Verdicts,
    counts_as,
    question_of,
    ranking_of,
    score,
    verdicts,
)
from ratchet.pipeline.bench.leak_tree import LeakTest, leak_test, leak_tree
from ratchet.pipeline.bench.shares import Share

OBSERVING, ENFORCING = "observing", "enforcing"
PRODUCT = "diagnosis"
OF_NAMES, OF_FILES = "tree on names and counts of files", "tree on names, counts and sizes of files"
HEADS = {
    "first": "right cause first",
    "first_two": "among the first two",
    "detail": "with its detail",
    "mild": "first, of mild faults",
    "pairs": "pairs",
    "harmless_named": "harmless with a named cause",
    "strangers_unknown": 'strangers "unknown"',
}
SHORT_HEADS = ("first", "first two", "detail", "mild", "pairs", "harmless", "strangers")  # for a terminal
_BYTES = "bytes/"


@dataclass(frozen=True)
class Row:
    """One way to name causes.

    Attributes:
        name: of it.
        scores: how often it is right.
    """

    name: str
    scores: Scores


@dataclass(frozen=True)
class Table:
    """All ways on the same cases.

    Attributes:
        mode: OBSERVING or ENFORCING.
        blind: whether the cases are those in which nothing is declared.
        split: the cases' split.
        cases: how many there are of each kind.
        verdicts: what became of candidates in this mode, of all runs whatever their split: no threshold of the
            diagnosis decides a push.
        rows: the diagnosis, then the comparators.
        signals: each signal alone, the best of calibration first.
    """

    mode: str
    blind: bool
    split: Split
    cases: dict[str, int]
    verdicts: Verdicts
    rows: tuple[Row, ...]
    signals: tuple[Row, ...] = ()

    @property
    def title(self) -> str:
        """Of the table: `Observing, blind`."""
        return f"{self.mode.capitalize()}{', blind' if self.blind else ''}"

    @property
    def file_name(self) -> str:
        """Of its picture, without a suffix."""
        return f"{self.mode}{'-blind' if self.blind else ''}"

    @property
    def product(self) -> Scores:
        """Of the diagnosis."""
        return self.rows[0].scores

    @property
    def best_comparator(self) -> Row | None:
        """The one that has the right cause first most often, chosen in hindsight, which favours the comparators."""
        others = [*self.rows[1:], *self.signals]
        return max(others, key=lambda row: row.scores.first.value or 0.0, default=None)


@dataclass(frozen=True)
class Leaks:
    """What a list of the cases' files tells.

    Attributes:
        names: names and counts alone, which must tell nothing.
        files: sizes too, which a dark or blurred image cannot hide.
    """

    names: LeakTest
    files: LeakTest


def tables(cases: Sequence[CaseResult]) -> list[Table]:
    """One table for each mode of the gate, of open cases and of blind ones, where there are any.

    Args:
        cases: the last attempt at each; judged are those of the split SCORE, or of calibration where there are no
            others.
    """
    trivial = comparators(cases)
    trivial += [leak_tree(cases, listings(cases, sizes), name) for sizes, name in ((False, OF_NAMES), (True, OF_FILES))]
    judged, runs = judged_cases(cases), different_runs(cases)
    return [
        _table(mode, blind, chosen, trivial, verdicts(runs, outcomes(runs, mode)))
        for mode in (OBSERVING, ENFORCING)
        for blind in (False, True)
        if (chosen := [case for case in judged if case.blind is blind])
    ]


def judged_cases(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """The cases of the split SCORE; all where there are none."""
    return [case for case in cases if case.split is Split.SCORE] or list(cases)


def different_runs(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """The cases whose candidates are not the same: a blind bench takes runs of an open one."""
    by_candidate = {case.digests.get("candidate", case.number): case for case in cases}
    return list(by_candidate.values())


def listings(cases: Sequence[CaseResult], sizes: bool) -> dict[str, dict[str, float]]:
    """What a list of each case's files says, where one was kept.

    Args:
        cases: whichever.
        sizes: with sizes of files or without.
    """
    return {
        case.number: {key: value for key, value in case.listing.items() if sizes or not key.startswith(_BYTES)}
        for case in cases
        if case.listing
    }


def leaks(cases: Sequence[CaseResult]) -> Leaks:
    """Whether names, counts and sizes of files give away what was planted."""
    return Leaks(leak_test(cases, listings(cases, sizes=False)), leak_test(cases, listings(cases, sizes=True)))


def outcomes(cases: Sequence[CaseResult], mode: str) -> dict[str, Outcome]:
    """How each case ended in one mode, by number; failed cases are left out."""
    ended = {case.number: case.observing if mode == OBSERVING else case.enforcing for case in cases if not case.error}
    return {number: outcome for number, outcome in ended.items() if outcome is not None}


def answers(cases: Sequence[CaseResult], mode: str) -> dict[str, tuple[str, ...]]:
    """The diagnosis's ranking of each case, by number."""
    return {number: ranking_of(outcome) for number, outcome in outcomes(cases, mode).items()}


def _table(
    mode: str, blind: bool, cases: Sequence[CaseResult], trivial: Sequence[Comparator], of_runs: Verdicts
) -> Table:
    questions = [question_of(case) for case in cases]
    rows = [Row(PRODUCT, score(questions, answers(cases, mode)))]
    rows += [_row(each, questions) for each in trivial if not each.family]
    counted = [counts_as(case) for case in cases]
    return Table(
        mode=mode,
        blind=blind,
        split=cases[0].split,
        cases={kind.value: counted.count(kind) for kind in CountsAs},
        verdicts=of_runs,
        rows=tuple(rows),
        signals=tuple(_row(each, questions) for each in trivial if each.family),
    )


def _row(comparator: Comparator, questions: Sequence[Question]) -> Row:
    drawn = [score(questions, draw) for draw in comparator.draws]
    return Row(comparator.name, _mean(drawn))


def _mean(drawn: Sequence[Scores]) -> Scores:
    def mean(name: str) -> Share:
        shares = [getattr(scores, name) for scores in drawn]
        return Share(sum(share.hits for share in shares) / len(shares), shares[0].n)

    return Scores(**{field.name: mean(field.name) for field in fields(Scores)})


def shown_rows(table: Table) -> list[Row]:
    """The rows that people see: of the signals alone the best of calibration, and the best in hindsight."""
    rows = list(table.rows)
    if table.signals:
        chosen = table.signals[0]
        hindsight = max(table.signals, key=lambda row: row.scores.first.value or 0.0)
        rows.insert(3, Row(f"{chosen.name} alone, chosen on calibration", chosen.scores))
        rows.insert(4, Row(f"{hindsight.name} alone, best of {len(table.signals)} in hindsight", hindsight.scores))
    return rows


def shares_json(scores: Scores | Verdicts) -> dict[str, Any]:
    """All shares of some figures, with their 95 % intervals."""
    shares: dict[str, Share] = {field.name: getattr(scores, field.name) for field in fields(scores)}
    return {
        name: {"hits": share.hits, "n": share.n, "share": share.value, "wilson": share.interval}
        for name, share in shares.items()
    }
