"""Whether names, sizes and counts of files tell what was planted, as they would if a bench leaked; pure.

A decision tree is given nothing but what a list of a case's files says. It is fitted on calibration cases, as every
comparator is, and must do no better on the others than the best answer that is always the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.pipeline.bench.case_result import CaseResult, Split
from ratchet.pipeline.bench.comparators import Comparator, accepted_causes, by_frequency, fitting_cases
from ratchet.pipeline.bench.judging import Answers, CountsAs, counts_as
from ratchet.pipeline.bench.shares import chance_of
from ratchet.schemas.artifacts.diagnosis import CAUSES, NOTHING

_LEAST = 2  # cases in a leaf: a leaf of one learns a case by heart
SURE = 0.05
Listing = Mapping[str, float]


@dataclass(frozen=True)
class LeakTest:
    """What a tree on a list of files knew.

    Attributes:
        right: faults that it named rightly.
        n: faults.
        chance: share that the best constant answer names rightly.
        probability: of so many hits or more by that chance alone.
    """

    right: int
    n: int
    chance: float
    probability: float

    @property
    def leaks(self) -> bool:
        """Whether the list told more than chance."""
        return self.probability < SURE


def listing_of(directory: Path) -> dict[str, float]:
    """Names, sizes and counts of the files below a directory, in figures.

    Args:
        directory: of a case's input.
    """
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    names = [path.relative_to(directory).as_posix() for path in files]
    figures: dict[str, float] = {
        "count/files": len(files),
        "count/directories": sum(path.is_dir() for path in directory.rglob("*")),
        "name/all": _as_number(names),
        "name/longest": max(map(len, names), default=0),
        "name/mean_length": float(np.mean([len(name) for name in names])) if names else 0.0,
    }
    for suffix in sorted({path.suffix for path in files}):
        sizes = np.array([path.stat().st_size for path in files if path.suffix == suffix], float)
        of = suffix.lstrip(".") or "none"
        figures |= {
            f"count/{of}": len(sizes),
            f"bytes/{of}/mean": float(sizes.mean()),
            f"bytes/{of}/least": float(sizes.min()),
            f"bytes/{of}/most": float(sizes.max()),
            f"bytes/{of}/spread": float(sizes.std()),
        }
    return figures


def _as_number(names: Sequence[str]) -> float:
    return int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest()[:6], "big") / 2**48


def leak_tree(cases: Sequence[CaseResult], listings: Mapping[str, Listing], name: str) -> Comparator:
    """A decision tree on lists of files.

    Args:
        cases: all of a bench.
        listings: of each case, by number.
        name: in tables.
    """
    fitting = [case for case in fitting_cases(cases) if case.number in listings]
    known = [case for case in cases if case.number in listings]
    return Comparator(name, (_answers(fitting, known, listings),))


def _answers(fitting: Sequence[CaseResult], asked: Sequence[CaseResult], listings: Mapping[str, Listing]) -> Answers:
    if not asked:  # calibration cases alone, say, of which none is held against the tree
        return {}
    if not asked:
        return {}
    order = by_frequency(fitting)
    kinds = [_answer(case, order) for case in fitting]
    if len(set(kinds)) < 2:
        return {case.number: tuple(kinds[:1]) or (NOTHING,) for case in asked}
    from sklearn.tree import DecisionTreeClassifier  # here: a second to import

    columns = sorted({key for case in fitting for key in listings[case.number]})
    tree = DecisionTreeClassifier(min_samples_leaf=_LEAST, random_state=0)
    tree.fit(_table(fitting, listings, columns), kinds)
    chances = np.asarray(tree.predict_proba(_table(asked, listings, columns)))
    likely_first = np.argsort(-chances, axis=1, kind="stable").tolist()
    names = [str(each) for each in tree.classes_]
    return {case.number: tuple(names[place] for place in places) for case, places in zip(asked, likely_first)}


def leak_test(cases: Sequence[CaseResult], listings: Mapping[str, Listing]) -> LeakTest:
    """Whether the tree does better than chance on the faults that it was not fitted on.

    Args:
        cases: all of a bench; without calibration cases each fault is asked of a tree that was fitted on the others. Of
            calibration cases alone nothing is asked: their answers are known.
        listings: of each case, by number.
    """
    faults = [case for case in cases if counts_as(case) is CountsAs.FAULT and case.number in listings]
    calibration = [case for case in faults if case.split is Split.CALIBRATION]
    scored = [case for case in faults if case.split is Split.SCORE]
    asked = scored if calibration else faults
    if calibration:
        answers = _answers(calibration, asked, listings)
    else:
        answers = {case.number: _of_the_others(case, faults, listings) for case in asked}
    right = sum(answers[case.number][0] in accepted_causes(case) for case in asked)
    constant = [sum(cause in accepted_causes(case) for case in asked) for cause in CAUSES]
    chance = max(constant) / len(asked) if asked else 0.0
    return LeakTest(right, len(asked), chance, chance_of(right, len(asked), chance))


def _of_the_others(case: CaseResult, faults: Sequence[CaseResult], listings: Mapping[str, Listing]) -> Sequence[str]:
    return _answers([other for other in faults if other is not case], [case], listings)[case.number]


def _answer(case: CaseResult, order: Sequence[str]) -> str:
    """Of several accepted causes the most frequent one."""
    return min(accepted_causes(case), key=lambda cause: order.index(cause) if cause in order else len(order))


def _table(cases: Sequence[CaseResult], listings: Mapping[str, Listing], columns: Sequence[str]) -> np.ndarray:
    return np.array([[listings[case.number].get(column, -1.0) for column in columns] for case in cases], float)
