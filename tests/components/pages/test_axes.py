from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.pages.axes import Axis, linear_scale, log_scale, tick_texts

NUMBERS = st.one_of(st.floats(-1e100, 1e100), st.floats(-10, 10), st.floats(-1e-6, 1e-6), st.sampled_from([0.0, 1e9]))
SIZES = st.one_of(st.floats(1e-100, 1e100), st.floats(1e-9, 1e9))


@given(st.lists(NUMBERS, max_size=5), st.booleans(), st.booleans())
def test_a_linear_axis_holds_all_values_and_has_a_few_marks(values: list[float], whole: bool, roomy: bool) -> None:
    scale = linear_scale(values, whole, roomy)
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in values)
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    assert all(one < two for one, two in itertools.pairwise(scale.ticks))
    assert len(scale.ticks) <= 8
    assert whole or len(scale.ticks) >= 2
    assert len(scale.texts()) == len(scale.ticks)
    assert all(0 <= scale.share(value) <= 1 for value in values)


@given(st.lists(SIZES, max_size=5))
def test_a_logarithmic_axis_holds_all_values_and_has_a_few_marks(values: list[float]) -> None:
    scale = log_scale(values)
    assert 0 < scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert len(set(scale.texts())) == len(scale.ticks)


@given(st.integers(-10, 10), st.integers(2, 9), st.sampled_from([1, 2, 5]), st.integers(-9, 9))
def test_marks_are_told_apart_by_their_texts(first: int, count: int, multiple: int, power: int) -> None:
    step = multiple * 10.0**power
    assert len(set(tick_texts([(first + i) * step for i in range(count)]))) == count


def test_values_lie_where_they_should() -> None:
    assert [linear_scale([0, 10]).share(value) for value in (0, 5, 10, -3, 99)] == [0, 0.5, 1, 0, 1]
    assert [log_scale([1, 100]).share(value) for value in (1, 10, 100, 1e9)] == pytest.approx([0, 0.5, 1, 1])


def test_marks_are_round() -> None:
    assert linear_scale([0.61, 0.73]).ticks == (0.62, 0.64, 0.66, 0.68, 0.7, 0.72)
    assert linear_scale([-0.013, 0.011], roomy=True).ticks == (-0.015, -0.01, -0.005, 0, 0.005, 0.01, 0.015)
    assert linear_scale([1, 3], whole=True).ticks == (1, 2, 3)
    assert log_scale([0.1, 5]).ticks == (0.1, 0.2, 0.5, 1, 2, 5)
    assert log_scale([1e-6, 1]).ticks == (1e-6, 1e-4, 1e-2, 1)


def test_a_logarithmic_axis_of_less_than_a_decade_has_more_than_two_marks() -> None:
    assert log_scale([0.29, 0.61]).ticks == (0.3, 0.4, 0.5, 0.6)


def test_places_that_are_named_are_called_by_their_names() -> None:
    axis = Axis("span", whole=True, names=("3", "7", "8"))
    assert axis.scale([1, 3], roomy=False).texts() == ["3", "7", "8"]


def test_a_roomy_axis_begins_and_ends_at_a_mark() -> None:
    scale = linear_scale([0.613, 0.727], roomy=True)
    assert (scale.low, scale.high) == (scale.ticks[0], scale.ticks[-1]) == (0.6, 0.75)


def test_equal_values_still_have_an_axis_around_them() -> None:
    for value in (0.0, 0.5, -3.0, 1e9, 1e-9):
        scale = linear_scale([value, value])
        assert scale.share(value) == pytest.approx(0.5)
    assert linear_scale([3, 3], whole=True).ticks == (3,)
    assert log_scale([0.01, 0.01]).share(0.01) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ticks", "texts"),
    [
        ((0.0, 0.2, 0.4), ["0", "0.2", "0.4"]),
        ((0.7275, 0.73), ["0.7275", "0.7300"]),
        ((-0.01, 0.0, 0.01), ["\N{MINUS SIGN}0.01", "0", "0.01"]),
        ((0.0, 20000.0, 40000.0), ["0", "20,000", "40,000"]),
        ((0.0, 1.5e7), ["0", "1.5·10⁷"]),
        ((1e9, 1e9 + 1), ["1,000,000,000", "1,000,000,001"]),
        ((-5e-10, 1e-9), ["\N{MINUS SIGN}5·10⁻¹⁰", "10⁻⁹"]),
        ((), []),
    ],
)
def test_texts_say_what_is_needed_and_no_more(ticks: tuple, texts: list[str]) -> None:
    assert tick_texts(ticks) == texts


def test_texts_of_a_logarithmic_axis_are_all_of_one_kind() -> None:
    assert log_scale([1e-3, 1]).texts() == ["0.001", "0.01", "0.1", "1"]
    assert log_scale([1e-5, 1e-2]).texts() == ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"]
    assert math.isclose(log_scale([1e-5, 1e-2]).ticks[0], 1e-5)
