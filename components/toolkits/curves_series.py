"""What a log holds before anybody knows what its tags mean: points by tag, in the order they were written; pure.

A training that was killed goes on from its last checkpoint, so that a log goes back and says some steps twice: what was
written later counts, from its first step on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.schemas.data.training_plan import Point

STEP, EPOCH = "step", "epoch"
VALIDATION = "validation:"  # before a tag of which only the file or directory says that it is of validation images

Series = dict[str, list[Point]]
Row = tuple[float, Mapping[str, float]]  # a step, and values by tag


@dataclass(frozen=True)
class Log:
    """A log.

    Attributes:
        source: the file or directory.
        unit: of the steps: STEP or EPOCH.
        series: points by tag, steps ascending, each once; none for tags that are not known.
    """

    source: str
    unit: str
    series: Mapping[str, Sequence[Point]]


def ascending(points: Iterable[Point]) -> list[Point]:
    """The points without those that were written again later.

    >>> ascending([(1, 0.5), (2, 0.4), (3, 0.3), (2, 0.6)])
    [(1, 0.5), (2, 0.6)]
    """
    kept: list[Point] = []
    for point in points:
        while kept and kept[-1][0] >= point[0]:
            kept.pop()
        kept.append(point)
    return kept


def series_of(rows: Iterable[Row]) -> Series:
    """The points of rows, without those of rows that were written again.

    A restart drops all figures from its first step on, also those that it has not reached again.

    >>> series_of([(1, {"loss": 3.0}), (2, {"loss": 2.0, "AP": 0.5}), (1, {"loss": 2.5})])
    {'loss': [(1, 2.5)]}
    """
    kept: list[Row] = []
    for row in rows:
        while kept and kept[-1][0] > row[0]:
            kept.pop()
        kept.append(row)
    series: Series = {}
    for step, values in kept:
        for tag, value in values.items():
            series.setdefault(tag, []).append((step, value))
    return {tag: ascending(points) for tag, points in series.items()}


def joined(parts: Iterable[Series]) -> Series:
    """One series of those of several files, in the order in which they were begun.

    A file with a tag of an earlier one continues it, and what was written before it counts only up to its first step.
    A file with tags of its own was written beside the others.

    >>> joined([{"loss": [(1, 3.0), (2, 2.0)], "AP": [(2, 0.5)]}, {"loss": [(2, 2.5)]}])
    {'loss': [(1, 3.0), (2, 2.5)], 'AP': []}
    """
    whole: Series = {}
    for part in parts:
        steps = [step for points in part.values() for step, _ in points]
        if steps and any(points and part.get(tag) for tag, points in whole.items()):
            first = min(steps)
            whole = {tag: [point for point in points if point[0] < first] for tag, points in whole.items()}
        for tag, points in part.items():
            whole[tag] = [*whole.get(tag, ()), *points]
    return whole
