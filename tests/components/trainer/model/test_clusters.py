from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.trainer.model.clusters import cluster


def spread(values: np.ndarray, centres: np.ndarray) -> float:
    return float((np.abs(values[:, None] - centres).min(axis=1) ** 2).sum())


def least_spread(values: list[float], count: int) -> float:
    """Tries every division of the sorted values into at most `count` runs."""
    points = np.array(sorted(values))
    count = min(count, len(points))
    return min(
        sum(float(((run - run.mean()) ** 2).sum()) for run in np.split(points, cuts))
        for cuts in itertools.combinations(range(1, len(points)), count - 1)
    )


@given(st.lists(st.integers(-300, 300).map(lambda n: n / 100), min_size=1, max_size=9), st.integers(1, 4))
def test_no_division_of_the_values_has_a_smaller_spread(values: list[float], count: int) -> None:
    assert spread(np.array(values), cluster(np.array(values), count)) == pytest.approx(
        least_spread(values, count), abs=1e-9
    )


def test_a_small_cluster_far_out_is_not_missed() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0, 0.2, 990), np.full(10, 3.0)])
    assert cluster(values, 2) == pytest.approx([0, 3], abs=0.02)


def test_fewer_different_values_than_clusters_give_fewer_centres() -> None:
    assert cluster(np.array([0.5, 0.5, 2.0]), 4).tolist() == [0.5, 2.0]


def test_many_equal_values_weigh_more() -> None:
    assert cluster(np.array([0.0, 0.0, 0.0, 1.0]), 1) == pytest.approx([0.25])
