"""What a bench has to reach, and what makes its figures worth reading; pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ratchet.pipeline.bench.case_result import CaseResult, Group, Split
from ratchet.pipeline.bench.judging import CONVERGED, MILD, CountsAs, Verdicts, counts_as, unconverged
from ratchet.pipeline.bench.leak_tree import LeakTest
from ratchet.pipeline.bench.shares import Share
from ratchet.pipeline.bench.tables import Leaks, Table, judged_cases
from ratchet.schemas.base.formatting import listed, many, percent

_ENOUGH_REGRESSIONS = 60
_ENOUGH = 20  # cases: of 20 that are all right the interval begins at 84 %
_AHEAD = 0.15  # of the best trivial comparator
_MILD_SHARE, _PAIR_SHARE, _TRUTH_IMAGES = 1 / 3, 0.15, 1000
_SHOWN = 5


class Reached(str, enum.Enum):
    """What became of a goal or a rule."""

    YES = "reached"
    NO = "missed"
    TOO_FEW = "too few cases"  # it is as it should be, or there is no case, and more cases could show otherwise
    IN_SAMPLE = "reached, but thresholds were looked at on these cases"


@dataclass(frozen=True)
class Goal:
    """One goal or rule.

    Attributes:
        name: what it is about.
        wanted: what reaches it.
        found: what was found.
        reached: see there.
    """

    name: str
    wanted: str
    found: str
    reached: Reached


def goals(table: Table) -> list[Goal]:
    """What a table reaches.

    Args:
        table: of one mode, open or blind.
    """
    scores, first = table.product, 0.80 if table.blind else 0.85
    found = [
        _no_regression(table.verdicts),
        _at_most("good candidates blocked", table.verdicts.good_blocked, 0.05),
        _at_least("right cause first", scores.first, first),
        _at_least("right cause among the first two", scores.first_two, 0.92),
        _at_most("harmless cases with a named cause", scores.harmless_named, 0.02),
        _at_least('strangers "unknown"', scores.strangers_unknown, 0.80),
        _ahead(table),
    ]
    return [_in_sample(goal) for goal in found] if table.split is Split.CALIBRATION else found


def _in_sample(goal: Goal) -> Goal:
    """A goal that is reached on the cases which thresholds were looked at is not reached yet."""
    return replace(goal, reached=Reached.IN_SAMPLE) if goal.reached is Reached.YES else goal


def _no_regression(found: Verdicts) -> Goal:
    """Says beside it how many were pushed at all, for a gate that blocks everything lets no regression by either."""
    share = found.regressions_pushed
    few = Reached.TOO_FEW if share.n < _ENOUGH_REGRESSIONS else Reached.YES
    said = f"{share}; pushed at all: {found.pushed.short}" if share.n else str(share)
    return Goal("regressions pushed", f"none of {_ENOUGH_REGRESSIONS} or more", said, Reached.NO if share.hits else few)


def _at_least(name: str, share: Share, limit: float) -> Goal:
    reached = share.value is not None and share.value >= limit
    return Goal(name, f"at least {percent(limit)}", str(share), _state(share, reached))


def _at_most(name: str, share: Share, limit: float) -> Goal:
    reached = share.value is not None and share.value <= limit
    return Goal(name, f"at most {percent(limit)}", str(share), _state(share, reached))


def _state(share: Share, reached: bool) -> Reached:
    if not share.n or (reached and share.n < _ENOUGH):
        return Reached.TOO_FEW
    return Reached.YES if reached else Reached.NO


def _ahead(table: Table) -> Goal:
    name, wanted = "ahead of the best trivial comparator", f"at least {100 * _AHEAD:.0f} points"
    own, best = table.product.first.value, table.best_comparator
    other = best.scores.first.value if best else None
    if own is None or best is None or other is None:
        return Goal(name, wanted, "no case", Reached.TOO_FEW)
    ahead = own - other
    found = f"{100 * ahead:+.0f} points, of {best.name}: {best.scores.first}"
    return Goal(name, wanted, found, Reached.YES if ahead >= _AHEAD else Reached.NO)


def rules(attempts: Sequence[CaseResult], cases: Sequence[CaseResult], leaks: Leaks) -> list[Goal]:
    """What keeps a bench honest, and whether this one kept to it.

    Args:
        attempts: all of them.
        cases: the last one of each case.
        leaks: what lists of files give away.
    """
    judged = judged_cases(cases)
    kinds = [counts_as(case) for case in judged]
    faults = [case for case, kind in zip(judged, kinds) if kind is CountsAs.FAULT and case.truth]
    mild = [case for case in faults if case.truth and (case.truth.delta.value or 0.0) > MILD]
    pairs = [case for case in judged if case.group is Group.PAIR]
    return [
        *_of_controls(judged),
        _kept("faults that cost less than .05", "a third of the faults", Share(len(mild), len(faults)), _MILD_SHARE),
        _kept("pairs", percent(_PAIR_SHARE), Share(len(pairs), len(judged)), _PAIR_SHARE),
        *_of_truth(judged),
        *_of_splits(cases),
        _of_leak("names and counts of files alone", leaks.names),
        _of_leak("sizes of files as well", leaks.files),
        _of_failures(judged),
        _of_harmless(judged, kinds),
        _of_attempts(attempts, cases),
    ]


def _kept(name: str, wanted: str, share: Share, limit: float) -> Goal:
    kept = Reached.YES if (share.value or 0.0) >= limit else Reached.NO
    return Goal(name, f"at least {wanted}", str(share), kept if share.n else Reached.TOO_FEW)


def _of_controls(cases: Sequence[CaseResult]) -> Iterator[Goal]:
    controls = [case for case in cases if case.group is Group.CONTROL]
    away = unconverged(cases)
    share = Share(len(controls) - len(away), len(controls))
    found = f"{share}{'; away: ' + listed([case.number for case in away], _SHOWN) if away else ''}"
    kept = Reached.NO if away else Reached.YES
    wanted = f"all within {CONVERGED:g} of true mAP"
    yield Goal("controls at their baseline", wanted, found, kept if controls else Reached.TOO_FEW)


def _of_truth(cases: Sequence[CaseResult]) -> Iterator[Goal]:
    images = [case.truth.images for case in cases if case.truth]
    if images:
        reached = Reached.YES if min(images) >= _TRUTH_IMAGES else Reached.NO
        yield Goal("images of the truth set", f"at least {_TRUTH_IMAGES:,}", f"{min(images):,}", reached)


def _of_splits(cases: Sequence[CaseResult]) -> Iterator[Goal]:
    name, wanted = "cases that are scored beside those of calibration", "other seeds"
    seeds = {split: {case.seed for case in cases if case.split is split} for split in Split}
    if not seeds[Split.CALIBRATION] or not seeds[Split.SCORE]:
        only = "calibration" if seeds[Split.CALIBRATION] else "scored"
        found = f"only {only} cases are here: comparators are fitted on what they are judged by, which flatters them"
        yield Goal(name, wanted, found, Reached.TOO_FEW)
        return
    both = seeds[Split.CALIBRATION] & seeds[Split.SCORE]
    found = f"{many(len(both), 'seed')} in both" if both else "no seed in both"
    yield Goal(name, wanted, found, Reached.NO if both else Reached.YES)


def _of_leak(name: str, test: LeakTest) -> Goal:
    wanted = "a tree on them is no better than chance"
    if not test.n:
        return Goal(name, wanted, "no fault is asked of a list of its files", Reached.TOO_FEW)
    found = f"{test.right} of {test.n} right, by chance {percent(test.chance)}: p = {test.probability:.2g}"
    return Goal(name, wanted, found, Reached.NO if test.leaks else Reached.YES)


def _of_failures(cases: Sequence[CaseResult]) -> Goal:
    failed = [case.number for case in cases if case.error]
    found = f"{len(failed)}: {listed(failed, _SHOWN)}" if failed else "none"
    return Goal("failed cases", "none", found, Reached.NO if failed else Reached.YES)


def _of_harmless(cases: Sequence[CaseResult], kinds: Sequence[CountsAs]) -> Goal:
    planned = {Group.FAULT, Group.PAIR, Group.STRANGER}
    costless = [c.number for c, kind in zip(cases, kinds) if c.group in planned and kind is CountsAs.HARMLESS]
    out = [case for case, kind in zip(cases, kinds) if kind is CountsAs.LEFT_OUT and not case.error]
    odd, untrained = [c.number for c in out if c.truth], [c.number for c in out if not c.truth]
    found = f"{len(costless)} count as harmless because they cost less than .01"
    found += f"; {many(len(untrained), 'case')} never trained: {listed(untrained, _SHOWN)}" if untrained else ""
    found += f"; {many(len(odd), 'harmless change')} fell and left out: {listed(odd, _SHOWN)}" if odd else ""
    return Goal("planned cases that are no regressions", "counted by what they cost", found, Reached.YES)


def _of_attempts(attempts: Sequence[CaseResult], cases: Sequence[CaseResult]) -> Goal:
    codes = sorted({case.code for case in cases})
    found = f"{many(len(attempts), 'attempt')} at {many(len(cases), 'case')}, by {listed(codes, _SHOWN, '; ')}"
    return Goal("attempts", "all are kept, the last one counts", found, Reached.YES)
