"""Figures of a logged curve; None wherever there are too few points; pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ratchet.schemas.data.training_plan import Point

_PART = 20  # one in so many points at either end is looked at
_FEWEST, _MOST = 1, 25  # of them
_WINDOW = 0.05  # of the points, of a moving mean: single steps scatter

Points = Sequence[Point]


def first(points: Points) -> float | None:
    """At the beginning, smoothed."""
    return _average(points[: _count(points)])


def last(points: Points) -> float | None:
    """At the end, smoothed."""
    return _average(points[-_count(points) :])


def mean(points: Points) -> float | None:
    """Over the steps, by trapezes.

    >>> mean([(0, 1.0), (10, 0.0)])
    0.5
    """
    if len(points) < 2:
        return _average(points)
    area = sum((right - left) * (low + high) / 2 for (left, low), (right, high) in itertools.pairwise(points))
    length = points[-1][0] - points[0][0]
    return area / length if length > 0 else None


def rise(points: Points) -> float | None:
    """The highest smoothed value over the first one; None with fewer than five points.

    >>> rise([(0, 1.0), (1, 2.0), (2, 1.0), (3, 0.5), (4, 0.5)])
    2.0
    """
    start = first(points)
    if len(points) < 5 or start is None or start <= 0:
        return None
    return max(value for _, value in smoothed(points)) / start


def smoothed(points: Points) -> list[Point]:
    """A moving mean over a twentieth of the points."""
    width = max(1, int(len(points) * _WINDOW))
    values = [value for _, value in points]
    return [(points[end - 1][0], sum(values[end - width : end]) / width) for end in range(width, len(points) + 1)]


def highest(points: Points) -> Point | None:
    """The highest point, the first of equal ones."""
    return max(points, key=lambda point: (point[1], -point[0]), default=None)


def since(points: Points, step: float) -> list[Point]:
    """The points from a step on."""
    return [point for point in points if point[0] >= step]


def _count(points: Points) -> int:
    return max(_FEWEST, min(_MOST, len(points) // _PART))


def _average(points: Points) -> float | None:
    return sum(value for _, value in points) / len(points) if points else None
