"""Trivial ways to name a cause, which a diagnosis has to beat in the same table; pure but for scikit-learn's tree.

What has to be fitted is fitted on calibration cases. A bench without any fits on the cases that it judges, which
flatters the comparators, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ratchet.pipeline.bench.case_result import CaseResult, Split
from ratchet.pipeline.bench.judging import Answers, CountsAs, cause_of, counts_as
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    AUGMENTATION,
    CAUSES,
    DATASET_SHIFT,
    EVALUATION_SET,
    FORGETTING,
    NOTHING,
    OVERFITTING,
    PIPELINE,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
)

# Beginnings of rules of the data gate, and the cause that their names suggest; the first that fits holds.
_RULES = {
    "labels:": ANNOTATION,
    "boxes:": ANNOTATION,
    "schema": ANNOTATION,
    "part:labels:": ANNOTATION,
    "part:drift:": DATASET_SHIFT,
    "facts:missing_classes": FORGETTING,
    "facts:few_objects": OVERFITTING,
    "facts:": ANNOTATION,
    "classes:": ANNOTATION,
    "leak": EVALUATION_SET,
    "golden": EVALUATION_SET,
    "repeated_images": OVERFITTING,
    "drift": DATASET_SHIFT,
    "skew": DATASET_SHIFT,
}
# Beginnings of declared changes: the cause if the figure behind the arrow is higher, and if it is lower.
_CHANGES = {
    "learning_rate": (RATE_TOO_HIGH, RATE_TOO_LOW),
    "augmentation": (AUGMENTATION, AUGMENTATION),
    "epochs": (OVERFITTING, RATE_TOO_LOW),
    "min_steps": (OVERFITTING, RATE_TOO_LOW),
    "max_steps": (OVERFITTING, RATE_TOO_LOW),
    "replay": (RATE_TOO_LOW, FORGETTING),
    "l2_sp": (RATE_TOO_LOW, FORGETTING),
    "post-processing": (PIPELINE, PIPELINE),
}
_DRAWS = 200
RULE_CHANGE_GAP = "first failed gate rule, else declared change, else gap"


@dataclass(frozen=True)
class Comparator:
    """One trivial way.

    Attributes:
        name: in tables.
        draws: its answers; several where it draws them by lot.
        family: those of one kind compete with each other: of `signal` there are as many as there are signals.
        fit: share of the calibration faults that it gets right; None where it was not fitted.
    """

    name: str
    draws: tuple[Answers, ...]
    family: str = ""
    fit: float | None = None


def comparators(cases: Sequence[CaseResult]) -> list[Comparator]:
    """All of them, in the order of tables.

    Args:
        cases: all of a bench; they are fitted on its calibration cases.
    """
    fitting = fitting_cases(cases)
    return [
        _most_frequent(cases, fitting),
        _rule_change_gap(cases, fitting),
        *_signals(cases, fitting),
        _random(cases),
    ]


def fitting_cases(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """The faults that comparators are fitted on: of calibration, or all where there is none of calibration."""
    faults = [case for case in cases if counts_as(case) is CountsAs.FAULT]
    return [case for case in faults if case.split is Split.CALIBRATION] or faults


def accepted_causes(case: CaseResult) -> tuple[str, ...]:
    """The causes, without details, that name what was planted rightly."""
    return tuple(dict.fromkeys(cause_of(title) for fault in case.planted for title in fault.accepted))


def by_frequency(cases: Sequence[CaseResult]) -> tuple[str, ...]:
    """Causes by the number of cases that accept them, of equals in the order of CAUSES."""
    counted = Counter(cause for case in cases for cause in accepted_causes(case) if cause in CAUSES)
    return tuple(sorted(counted, key=lambda cause: (-counted[cause], CAUSES.index(cause))))


def _most_frequent(cases: Sequence[CaseResult], fitting: Sequence[CaseResult]) -> Comparator:
    order = by_frequency(fitting) or (NOTHING,)
    answers = {case.number: order for case in cases}
    return Comparator("most frequent cause", (answers,), fit=_share_right(fitting, answers))


def _rule_change_gap(cases: Sequence[CaseResult], fitting: Sequence[CaseResult]) -> Comparator:
    limits = sorted({gap for case in fitting if (gap := _gap(case)) is not None}) or [np.inf]

    def answers(limit: float) -> Answers:
        return {case.number: _told(case, limit) for case in cases}

    best = max(limits, key=lambda limit: (_share_right(fitting, answers(limit)), limit))
    return Comparator(RULE_CHANGE_GAP, (answers(best),), fit=_share_right(fitting, answers(best)))


def _told(case: CaseResult, limit: float) -> tuple[str, ...]:
    failed = case.gate.failed if case.gate else ()
    of_rules = [cause for rule in failed if (cause := cause_of_rule(rule))]
    of_changes = [cause for change in case.declared_changes if (cause := cause_of_change(change))]
    gap = _gap(case)
    of_gap = [OVERFITTING] if gap is not None and gap >= limit else []
    return tuple(dict.fromkeys((*of_rules, *of_changes, *of_gap))) or (NOTHING,)


def _gap(case: CaseResult) -> float | None:
    if case.train_sample is None or case.held_out is None:
        return None
    return case.train_sample - case.held_out


def cause_of_rule(rule: str) -> str | None:
    """The cause that the name of a gate's rule suggests.

    >>> cause_of_rule("drift:qa/brightness"), cause_of_rule("labels:size"), cause_of_rule("span_version")
    ('dataset_shift', 'annotation', None)
    """
    return next((cause for start, cause in _RULES.items() if rule.startswith(start)), None)


def cause_of_change(change: str) -> str | None:
    """The cause that a declared change suggests.

    >>> cause_of_change("learning_rate: peak 0.0008 -> 0.008, above the 0.0008 that it was retrained with")
    'learning_rate_too_high'
    >>> cause_of_change("replay: 0.5 -> 0"), cause_of_change("batch_size: 16 -> 20")
    ('forgetting', None)
    """
    found = next((causes for start, causes in _CHANGES.items() if change.startswith(start)), None)
    if found is None:
        return None
    before, arrow, after = change.partition(" -> ")
    rises = not arrow or _figure(before.split()[-1]) < _figure(after.split()[0].rstrip(","))
    return found[0] if rises else found[1]


def _figure(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _signals(cases: Sequence[CaseResult], fitting: Sequence[CaseResult]) -> list[Comparator]:
    names = sorted({name for case in fitting for name in case.signals})
    made = [_signal(name, cases, fitting) for name in names]
    return sorted(made, key=lambda each: (-(each.fit or 0.0), each.name))


def _signal(name: str, cases: Sequence[CaseResult], fitting: Sequence[CaseResult]) -> Comparator:
    """The best answer above a limit, the best below it, and the best where the signal could not be measured."""
    values = sorted({value for case in fitting if (value := case.signals.get(name)) is not None})
    limits = [(low + high) / 2 for low, high in pairwise(values)] or [np.inf]

    def answers(limit: float) -> Answers:
        return _by_part(cases, fitting, lambda case: _side(case.signals.get(name), limit))

    best = max(limits, key=lambda limit: _share_right(fitting, answers(limit)))
    found = answers(best)
    return Comparator(f"signal {name}", (found,), family="signal", fit=_share_right(fitting, found))


def _side(value: float | None, limit: float) -> str:
    return "missing" if value is None else "above" if value > limit else "below"


def _by_part(
    cases: Sequence[CaseResult], fitting: Sequence[CaseResult], part_of: Callable[[CaseResult], str]
) -> Answers:
    parts = {
        part: by_frequency([case for case in fitting if part_of(case) == part]) for part in set(map(part_of, cases))
    }
    return {case.number: parts[part_of(case)] or by_frequency(fitting) or (NOTHING,) for case in cases}


def _random(cases: Sequence[CaseResult]) -> Comparator:
    return Comparator("random", tuple(_lot(cases, draw) for draw in range(_DRAWS)))


def _lot(cases: Sequence[CaseResult], draw: int) -> Answers:
    """Every order of causes alike likely, the same every time."""
    rng = np.random.default_rng(draw)
    orders = rng.permuted(np.tile(np.arange(len(CAUSES)), (len(cases), 1)), axis=1).tolist()
    return {case.number: tuple(CAUSES[place] for place in order) for case, order in zip(cases, orders)}


def _share_right(cases: Sequence[CaseResult], answers: Answers) -> float:
    right = [cause_of(answers[case.number][0]) in accepted_causes(case) for case in cases]
    return sum(right) / len(right) if right else 0.0
