"""Long series with so few points that a chart stays small, and yet every peak is seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from components.pages.chart_parts import finite

MOST_POINTS = 300

Point = tuple[float, float]


def runs_of(points: Sequence[tuple[float | None, float | None]], log_x: bool, log_y: bool) -> list[list[Point]]:
    """The points of a series that can be drawn, in runs without a gap.

    Args:
        points: in order; None, NaN and infinite values are gaps.
        log_x: whether x has to be above 0.
        log_y: whether y has to be above 0.

    Returns:
        Runs of at least one point, together little more than MOST_POINTS; the first and last point of the series and
        the peaks of every stretch are kept, and where a gap was is one.
    """
    usable = [_usable(point, log_x, log_y) for point in points]
    while usable and usable[-1] is None:
        usable.pop()
    runs: list[list[Point]] = [[]]
    for place in _kept(usable):
        point = usable[place]
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _usable(point: tuple[float | None, float | None], log_x: bool, log_y: bool) -> Point | None:
    x, y = finite(point[0]), finite(point[1])
    if x is None or y is None or (log_x and x <= 0) or (log_y and y <= 0):
        return None
    return x, y


def _kept(points: Sequence[Point | None]) -> Iterator[int]:
    """Places of the points to draw: of every stretch the lowest, the highest and a gap, and both ends."""
    if len(points) <= MOST_POINTS:
        yield from range(len(points))
        return
    stretches = MOST_POINTS // 2
    edges = [len(points) * i // stretches for i in range(stretches + 1)]
    for start, stop in itertools.pairwise(edges):
        there = [(point[1], place) for place in range(start, stop) if (point := points[place]) is not None]
        gap = next((place for place in range(start, stop) if points[place] is None), None)
        ends = {0, len(points) - 1} & set(range(start, stop))
        chosen = {min(there)[1], max(there)[1]} if there else set()
        yield from sorted(chosen | ends | ({gap} if gap is not None else set()))
