from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from components.pages.line_chart import MOST_POINTS, runs_of

STRANGE = st.one_of(st.none(), st.floats(), st.integers(-5, 5))


def flat(points: list) -> list:
    return [point for run in runs_of(points, False, False) for point in run]


def test_short_series_are_kept_whole() -> None:
    points = [(float(i), float(i % 7)) for i in range(MOST_POINTS)]
    assert runs_of(points, False, False) == [points]


def test_what_is_unknown_parts_a_line() -> None:
    values = [None, 1.0, 2.0, math.nan, math.inf, 3.0, -math.inf, 4.0, None]
    runs = runs_of([(float(i), value) for i, value in enumerate(values)], False, False)
    assert runs == [[(1, 1), (2, 2)], [(5, 3)], [(7, 4)]]
    assert runs_of([(None, 1.0), (math.nan, 2.0)], False, False) == []


def test_on_a_logarithmic_axis_what_is_not_above_zero_is_a_gap() -> None:
    points = [(0.0, 1.0), (1.0, 0.0), (2.0, -1.0), (3.0, 5.0)]
    assert runs_of(points, log_x=False, log_y=True) == [[(0, 1)], [(3, 5)]]
    assert runs_of(points, log_x=True, log_y=False) == [[(1, 0), (2, -1), (3, 5)]]


def test_long_series_keep_their_peaks_ends_and_gaps() -> None:
    values: list = [0.0, 1.0] * 10_000
    values[0] = values[-1] = 0.5  # no peak of its stretch
    values[777], values[12_345], values[15_000:15_010] = 9.0, -9.0, [None] * 10
    runs = runs_of([(float(i), value) for i, value in enumerate(values)], False, False)
    points = [point for run in runs for point in run]
    assert (777, 9) in points
    assert (12_345, -9) in points
    assert (points[0], points[-1]) == ((0, 0.5), (19_999, 0.5))
    assert len(runs) == 2
    assert runs[0][-1][0] < 15_000 <= runs[1][0][0]


@given(st.lists(st.tuples(STRANGE, STRANGE), max_size=3 * MOST_POINTS))
def test_a_series_is_never_drawn_with_many_more_points(points: list) -> None:
    drawn = flat(points)
    assert len(drawn) <= MOST_POINTS + 2
    assert all(math.isfinite(x) and math.isfinite(y) for x, y in drawn)
    assert all(run for run in runs_of(points, False, False))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=2000))
def test_lowest_and_highest_are_always_drawn_in_order(values: list[float]) -> None:
    drawn = flat([(float(i), value) for i, value in enumerate(values)])
    assert {min(y for _, y in drawn), max(y for _, y in drawn)} == {
        0.0 if abs(value) < 1e-100 else value for value in (min(values), max(values))
    }
    assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)
