"""Orders by radix are those of numpy's stable sorts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.metrics.ordering import ascending, best_first, places_in_runs, run_starts

SCORES = st.one_of(st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 0.5, 1.0]), st.floats(0, 1, width=32))


@given(st.lists(SCORES, max_size=50))
def test_the_best_come_first_and_equal_ones_stay_in_order(values: list[float]) -> None:
    scores = np.array(values, np.float64)
    assert best_first(scores).tolist() == np.argsort(-scores, kind="stable").tolist()


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**62)), max_size=50), st.randoms())
def test_rows_are_sorted_stably_from_any_order(values: list[int], random) -> None:
    rows = list(range(len(values)))
    random.shuffle(rows)
    expected = sorted(rows, key=lambda row: values[row])
    assert ascending(np.array(values, np.int64), np.array(rows, np.int64)).tolist() == expected


@given(st.lists(st.integers(0, 2), max_size=30))
def test_runs_are_of_equal_neighbours(values: list[int]) -> None:
    starts = [k for k in range(len(values)) if k == 0 or values[k] != values[k - 1]]
    assert run_starts(np.array(values, np.int64)).tolist() == starts
    places = [k - max(start for start in starts if start <= k) for k in range(len(values))]
    assert places_in_runs(np.array(values, np.int64)).tolist() == places
