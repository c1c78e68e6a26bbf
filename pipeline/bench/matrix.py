"""Planted causes beside named ones; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.pipeline.bench.case_result import CaseResult, Group
from ratchet.pipeline.bench.comparators import accepted_causes
from ratchet.pipeline.bench.judging import CountsAs, cause_of, counts_as
from ratchet.schemas.artifacts.diagnosis import CAUSES, NOTHING, UNKNOWN

ANSWERS = (*CAUSES, UNKNOWN, NOTHING)
_TWO, _STRANGER, _CONTROL = "two causes", "stranger", "control"
_DECOY, _COSTLESS = "decoy", "cost less than .01"
PLANTED = (*CAUSES, _TWO, _STRANGER, _CONTROL, _DECOY, _COSTLESS)


@dataclass(frozen=True)
class Matrix:
    """How often each answer was given to each planted cause.

    Attributes:
        planted: its rows, those of PLANTED that occur.
        named: its columns, ANSWERS.
        counts: of each row, by column.
        accepted: of each row, the columns that are right for some of its cases.
    """

    planted: tuple[str, ...]
    named: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    accepted: tuple[frozenset[str], ...]

    def n(self, row: int) -> int:
        """Cases in a row."""
        return sum(self.counts[row])


def matrix(cases: Sequence[CaseResult], answers: Mapping[str, Sequence[str]]) -> Matrix:
    """The matrix of a bench; what is left out of its figures is left out here.

    Args:
        cases: those judged.
        answers: rankings by number; cases without one are left out.
    """
    chosen = [case for case in cases if counts_as(case) is not CountsAs.LEFT_OUT and answers.get(case.number)]
    counted = Counter((planted_as(case), cause_of(answers[case.number][0])) for case in chosen)
    rows = [row for row in PLANTED if any(planted_as(case) == row for case in chosen)]
    right = [frozenset().union(*(_right(case) for case in chosen if planted_as(case) == row)) for row in rows]
    counts = tuple(tuple(counted[row, column] for column in ANSWERS) for row in rows)
    return Matrix(tuple(rows), ANSWERS, counts, tuple(right))


def planted_as(case: CaseResult) -> str:
    """The row of a case: of several accepted causes that which stands first."""
    kind = counts_as(case)
    if kind is CountsAs.FAULT:
        return accepted_causes(case)[0]
    if kind is CountsAs.HARMLESS:
        return {Group.CONTROL: _CONTROL, Group.DECOY: _DECOY}.get(case.group, _COSTLESS)
    return _TWO if kind is CountsAs.PAIR else _STRANGER


def _right(case: CaseResult) -> frozenset[str]:
    kind = counts_as(case)
    if kind is CountsAs.HARMLESS:
        return frozenset((UNKNOWN, NOTHING))
    return frozenset((*accepted_causes(case), *((UNKNOWN,) if kind is CountsAs.STRANGER else ())))
