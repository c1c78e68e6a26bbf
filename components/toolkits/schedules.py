"""Learning-rate schedules as points, from a rate at any place of a training; pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from ratchet.schemas.data.training_plan import Point, RateSchedule

RateAt = Callable[[float], float]

_BETWEEN = 16  # points between two knots: a half cosine is followed to better than 1 % of its height
_NEARLY = 1e-6  # relative: what is no step and no bend
_MOST_KNOTS = 2000


def schedule(
    kind: str, rate_at: RateAt, length: float | None, knots: Iterable[float] = (), warmup_steps: float | None = None
) -> RateSchedule | None:
    """A schedule, sampled.

    Args:
        kind: see RateSchedule.
        rate_at: the rate at a place, 0..length.
        length: of the training, in any unit; None where it is not known: then there is one point, the highest rate.
        knots: places where the rate steps or bends.
        warmup_steps: see RateSchedule.

    Returns:
        None where a rate is no finite number.

    >>> schedule("step", lambda step: 0.1 if step < 50 else 0.01, 100, [50]).points
    ((0.0, 0.1), (0.5, 0.1), (0.5, 0.01), (1.0, 0.01))
    """
    inside = sorted({knot for knot in knots if knot > 0 and (length is None or knot < length)})[:_MOST_KNOTS]
    try:
        if length is None or length <= 0:
            points = [(0.0, max(rate_at(place) for place in (0.0, *inside)))]
        else:
            points = _bends([point for span in _spans(inside, length) for point in _sampled(rate_at, *span)])
            points = [(place / length, rate) for place, rate in points]
    except (OverflowError, ZeroDivisionError, ValueError, TypeError):  # settings that no training could follow
        return None
    is_finite = all(math.isfinite(rate) for _, rate in points)
    return RateSchedule(kind, tuple(points), warmup_steps) if is_finite else None


def multiples(every: float, length: float | None, most: int = 1000, start: float = 0.0) -> list[float]:
    """The places at which something happens every so many steps.

    Args:
        every: steps between two of them.
        length: of the training; None or nothing for none.
        most: places.
        start: from where it is counted.

    >>> multiples(3, 10)
    [3.0, 6.0, 9.0]
    """
    if not length or length <= 0 or every <= 0:
        return []
    count = int(min(length / every, most))
    return [float(start + every * each) for each in range(1, count + 1)]


def constant(rate: float) -> RateAt:
    """The same rate everywhere."""
    return lambda place: rate


def cosine(peak: float, final: float, start: float, end: float) -> RateAt:
    """Half a cosine from peak to final (Loshchilov & Hutter 2017), level before and after."""

    def rate_at(place: float) -> float:
        share = min(max((place - start) / (end - start), 0.0), 1.0) if end > start else 1.0
        left = 0.5 * (1 + math.cos(math.pi * share))
        return peak * left + final * (1 - left)

    return rate_at


def polynomial(first: float, last: float, start: float, end: float, power: float = 1.0) -> RateAt:
    """From one rate to another with a power of what is left, level before and after; power 1 is a straight line."""

    def rate_at(place: float) -> float:
        share = min(max((place - start) / (end - start), 0.0), 1.0) if end > start else 1.0
        left = (1 - share) ** power
        return first * left + last * (1 - left)

    return rate_at


def exponential(initial: float, every: float, factor: float, is_stepwise: bool, start: float = 0.0) -> RateAt:
    """Times a factor every so many steps, smoothly or at once."""

    def rate_at(place: float) -> float:
        times = max(place - start, 0.0) / every if every > 0 else 0.0
        return initial * factor ** (math.floor(times) if is_stepwise else times)

    return rate_at


def steps(boundaries: Sequence[float], rates: Sequence[float]) -> RateAt:
    """One rate up to each boundary; there is a rate more than boundaries.

    >>> [steps([10, 20], [3, 2, 1])(place) for place in (0, 10, 19, 20)]
    [3, 2, 2, 1]
    """
    ordered = sorted(boundaries)
    return lambda place: rates[bisect.bisect_right(ordered, place)]


def warmed_up(rate_at: RateAt, start: float, end: float, length: float, power: float = 1.0) -> RateAt:
    """The same after a rise from one rate to another over the first part."""
    rise = polynomial(start, end, 0.0, length, power)
    return lambda place: rise(place) if place < length else rate_at(place)


def _spans(knots: list[float], length: float) -> list[tuple[float, float]]:
    ends = [0.0, *knots, float(length)]
    return list(itertools.pairwise(ends))


def _sampled(rate_at: RateAt, start: float, end: float) -> list[Point]:
    # At the end itself the rate may have stepped: then what counts is the rate just before.
    places = [start + (end - start) * part / _BETWEEN for part in range(_BETWEEN)]
    points = [(place, rate_at(place)) for place in places]
    before, there = rate_at(end - (end - start) * 1e-9), rate_at(end)
    is_same = math.isclose(before, there, rel_tol=_NEARLY, abs_tol=_NEARLY * max(rate for _, rate in points))
    return [*points, (end, there if is_same else before)]


def _bends(points: list[Point]) -> list[Point]:
    # A point that is its neighbour once more, or lies on the line between its neighbours, says nothing.
    once = [
        point
        for point, following in itertools.zip_longest(points, points[1:])
        if following is None or following[0] != point[0] or not _is_near(point[1], following[1])
    ]
    kept = once[:1]
    for (place, rate), following in itertools.zip_longest(once[1:], once[2:]):
        (start, first), (end, last) = kept[-1], following or (place, rate)
        if not start < place < end or not _is_near(rate, first + (last - first) * (place - start) / (end - start)):
            kept.append((place, rate))
    return kept


def _is_near(rate: float, other: float) -> bool:
    return math.isclose(rate, other, rel_tol=_NEARLY, abs_tol=1e-15)
