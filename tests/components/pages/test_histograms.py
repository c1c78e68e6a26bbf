from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.pages.features import AXES, axis
from ratchet.components.pages.histograms import (
    BINS,
    MOST_CATEGORIES,
    common_grid,
    common_range,
    distributions,
    rebinned,
)
from ratchet.schemas.artifacts.data_evidence import Distribution
from ratchet.schemas.data import features
from tests.components.data_gate.page.content import comparison, numbers

GRID = np.linspace(0.0, 1.0, 11)


def categories(**shares: float) -> Distribution:
    return Distribution(tuple(shares.values()), categories=tuple(shares), values=10)


def test_equal_distributions_look_equal_whatever_their_buckets() -> None:
    even = numbers(*[0.1] * 10)
    uneven = numbers(0.05, 0.15, 0.8, edges=(0, 0.05, 0.2, 1))
    np.testing.assert_allclose(rebinned(even, GRID), rebinned(uneven, GRID), atol=1e-12)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0, 1)), min_size=2, max_size=12))
def test_no_share_is_lost(buckets: list[tuple[float, float]]) -> None:
    edges = sorted(edge for edge, _ in buckets)
    shares = tuple(share for _, share in buckets[1:])
    assert rebinned(numbers(*shares, edges=tuple(edges)), GRID).sum() == pytest.approx(sum(shares))


def test_values_that_are_all_the_same_fill_one_bin() -> None:
    same = numbers(0.5, 0.5, edges=(0.55, 0.55, 0.55))
    assert rebinned(same, GRID).tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert common_range(same, same) == (0.55 - 0.5, 0.55 + 0.5)


def test_whole_numbers_have_a_bin_each() -> None:
    quantiles, buckets = numbers(0.4, 0.6, edges=(1, 1, 3)), numbers(0.4, 0.0, 0.6, edges=(1, 1.4, 2.6, 3))
    grid = common_grid(quantiles, buckets, whole=True)
    assert grid.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert rebinned(buckets, grid).tolist() == pytest.approx([0.4, 0.0, 0.6])
    assert len(common_grid(numbers(1.0, edges=(0, 1000)), whole=True)) == BINS + 1
    assert axis(features.QA_NUM_BOXES).ticks(0.5, 3.5) == [1, 2, 3]


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    outlier = numbers(0.4999, 0.4999, 0.0002, edges=(0, 1, 2, 1000))
    assert common_range(outlier) == (0, 2)
    assert rebinned(outlier, np.linspace(0, 2, 3)).tolist() == pytest.approx([0.4999, 0.5001])


@pytest.mark.parametrize(
    "strange",
    [
        Distribution(()),
        numbers(0.5, 0.5, edges=(-math.inf, 0, math.inf), median=math.nan),
        numbers(math.nan, 1.0, median=math.inf),
        numbers(0.0, 0.0),
        numbers(1.0, edges=(1e300, 1e308)),
        numbers(1.0, edges=(5.0, 5.0)),
        numbers(1.0, edges=(0.0, 1.0, 2.0)),
    ],
)
@pytest.mark.parametrize("feature", ["qa/sharpness", features.QA_BOX_LOG_AREA])
def test_strange_statistics_still_make_a_picture(strange: Distribution, feature: str) -> None:
    for values in ({"other": strange}, {"span": strange}, {"other": strange, "span": strange}):
        html = distributions(comparison(feature=feature, **values), "training data")
        assert html.startswith(("<svg", "<p"))
        assert not re.search(r"[\s\"MVhH](nan|inf|-inf)", html)


def test_the_picture_says_its_medians_in_units_to_those_who_cannot_see_it() -> None:
    area = comparison(
        feature=features.QA_BOX_LOG_AREA,
        other=numbers(1.0, edges=(-4, -2), median=math.log(0.05)),
        span=numbers(1.0, edges=(-3, -1), median=math.log(0.2)),
    )
    assert "Medians: training data 5 %, this span 20 %." in distributions(area, "training data")


def test_categories_of_both_sides_are_paired_by_name() -> None:
    html = distributions(comparison(other=categories(cat=0.8, dog=0.2), span=categories(dog=0.7, cow=0.3)), "before")
    assert "cat 80 % and 0 %, dog 20 % and 70 %, cow 0 % and 30 %" in html
    assert html.count("<rect") == 6


def test_of_many_categories_those_are_shown_that_changed_most() -> None:
    other = {f"c{i}": 0.04 for i in range(25)}
    span = dict.fromkeys(other, 0.04) | {"c3": 0.0, "c24": 0.08}
    html = distributions(comparison(other=categories(**other), span=categories(**span)), "before")
    assert html.count("<rect") == 2 * MOST_CATEGORIES
    assert ">c24<" in html
    assert "15 categories that differ less" in html


@pytest.mark.parametrize("feature", [*AXES, "qa/sharpness"])
@pytest.mark.parametrize(("low", "high"), [(-4.0, -1.0), (-0.02, 0.03), (0.0, 12.0), (3.0, 3.2), (-30.0, 40.0)])
def test_an_axis_has_a_few_different_round_marks(feature: str, low: float, high: float) -> None:
    ticks = axis(feature).ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)
    assert len({axis(feature).text(tick) for tick in ticks}) == len(ticks)
