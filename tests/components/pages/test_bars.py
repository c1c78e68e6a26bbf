from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.pages.bars import BarPair, interval_bar, paired_bars
from tests.components.pages.drawn import HOSTILE, of_class, parsed, words

ANY = st.one_of(st.floats(), st.floats(0, 1), st.just(0.0))
MINUS = "\N{MINUS SIGN}"


def widths(html: str) -> list[tuple[str, float]]:
    [svg] = [each for each in parsed(html).iter("svg") if each.get("role") == "img"]
    return [((each.get("class") or "").split()[-1], float(each.get("width") or -1)) for each in of_class(svg, "bar")]


def test_bars_are_as_long_as_their_figures_on_one_axis() -> None:
    html = paired_bars([BarPair("missed", 0.1, 0.05), BarPair("background", 0.0, 0.2)], "AP50")
    assert widths(html) == [
        ("baseline", pytest.approx(142.5)),
        ("candidate", pytest.approx(71.2, abs=0.1)),
        ("candidate", 285),
    ]


def test_figures_and_differences_are_written_and_said() -> None:
    root = parsed(paired_bars([BarPair("missed", 0.1, 0.05), BarPair("both", 0.01, 0.01)], "points of AP50"))
    assert [each.text for each in of_class(root, "difference")] == [f"{MINUS}0.0500", "+0.0000"]
    assert [each.text for each in of_class(root, "small")] == ["0.1000", "0.0500", "0.0100", "0.0100"]
    assert words(root) == (
        f"points of AP50. missed: baseline 0.1000, candidate 0.0500, difference {MINUS}0.0500; "
        "both: baseline 0.0100, candidate 0.0100, difference +0.0000"
    )


def test_without_a_baseline_there_is_no_difference() -> None:
    root = parsed(paired_bars([BarPair("missed", None, 0.05)], "AP50"))
    assert not of_class(root, "difference")
    assert "baseline" not in "".join(root.itertext()) + words(root)
    mixed = parsed(paired_bars([BarPair("missed", None, 0.05), BarPair("both", 0.1, 0.1)], "AP50"))
    assert "baseline" in "".join(mixed.itertext())
    assert len(of_class(mixed, "difference")) == 1


def test_what_is_unknown_or_below_zero_has_words_and_no_bar() -> None:
    root = parsed(paired_bars([BarPair("missed", 0.1, math.nan), BarPair("both", -0.5, 0.1)], "AP50"))
    assert [each.text for each in of_class(root, "small")] == ["0.1000", "unknown", f"{MINUS}0.5000", "0.1000"]
    assert [each.text for each in of_class(root, "difference")] == ["+0.6000"]
    assert len(of_class(root, "bar")) == 2 + 2  # and those of the legend


def test_nothing_to_compare_is_said() -> None:
    assert parsed(paired_bars([], "AP50")).tag == "p"


def test_hostile_and_long_names_are_harmless() -> None:
    root = parsed(paired_bars([BarPair(HOSTILE, 0.1, 0.2), BarPair("w" * 500, 0.1, 0.2)], HOSTILE))
    assert not list(root.iter("script"))
    assert max(len(each.text or "") for each in of_class(root, "name")) <= 40
    assert "w" * 500 in words(root)


@given(st.lists(st.builds(BarPair, st.just("any"), st.one_of(st.none(), ANY), ANY), max_size=5))
def test_whatever_the_figures_every_bar_lies_in_the_picture(rows: list[BarPair]) -> None:
    html = paired_bars(rows, "any")
    if rows:
        assert all(0 <= width <= 285 for _, width in widths(html))


ANY_OR_NONE = st.one_of(st.none(), st.floats(), st.floats(-1, 1))


def dot(html: str) -> float:
    [value] = of_class(parsed(html), "value")
    return float(value.get("cx") or -1)


def whisker(html: str) -> tuple[float, float, int]:
    """Left and right end, px, and the number of caps."""
    [path] = of_class(parsed(html), "whisker")
    found = re.match(r"M([0-9.]+) 11H([0-9.]+)", path.get("d") or "")
    assert found
    return float(found[1]), float(found[2]), (path.get("d") or "").count("v10")


@pytest.mark.parametrize(
    ("value", "lo", "hi", "tone"),
    [
        (-0.1, -0.2, -0.01, "worse"),
        (0.1, 0.01, 0.2, "better"),
        (0.1, -0.01, 0.2, "unclear"),
        (0.1, 0.0, 0.2, "unclear"),
        (-0.1, -0.2, 0.0, "unclear"),
        (-0.1, None, None, "unclear"),
        (-0.1, -0.2, math.nan, "unclear"),
        (-0.1, -math.inf, -0.05, "worse"),
        (0.1, 0.05, math.inf, "better"),
    ],
)
def test_the_class_says_on_which_side_of_zero_the_interval_lies(
    value: float, lo: float | None, hi: float | None, tone: str
) -> None:
    root = parsed(interval_bar(value, lo, hi, 0.2, "mAP"))
    assert root.get("class") == f"interval {tone}"
    assert tone in words(root) or "no interval" in words(root)


def test_what_is_worse_lies_left_of_the_line_and_rows_share_an_axis() -> None:
    assert dot(interval_bar(0.0, -0.1, 0.1, 0.2, "mAP")) == 80
    assert dot(interval_bar(-0.1, -0.2, 0.1, 0.2, "mAP")) == 80 - 36
    assert dot(interval_bar(0.1, 0.0, 0.2, 0.2, "mAP")) == 80 + 36
    assert whisker(interval_bar(0.1, -0.1, 0.2, 0.2, "mAP")) == (44, 152, 2)


def test_what_is_beyond_the_axis_ends_there_without_a_cap() -> None:
    html = interval_bar(0.5, -0.1, math.inf, 0.2, "mAP")
    assert dot(html) == 152
    assert whisker(html) == (44, 152, 1)
    assert "unbounded" in words(parsed(html))


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_an_unknown_difference_is_not_drawn_and_without_an_interval_there_is_only_a_dot(unknown: float | None) -> None:
    assert interval_bar(unknown, -1, 1, 1, "mAP") == ""
    for ends in ((unknown, 0.1), (-0.1, unknown), (unknown, unknown)):
        root = parsed(interval_bar(0.1, *ends, 1, "mAP"))
        assert not of_class(root, "whisker")
        assert len(of_class(root, "value")) == 1


def test_the_picture_is_said_in_words_with_a_harmless_label() -> None:
    assert words(parsed(interval_bar(-0.1549, -0.17, -0.13, 0.2, "AP"))) == (
        "AP: \N{MINUS SIGN}0.155, 95 % interval \N{MINUS SIGN}0.17 to \N{MINUS SIGN}0.13, worse"
    )
    assert "<script>" in words(parsed(interval_bar(0.1, 0, 1, 1, HOSTILE)))


@given(ANY_OR_NONE, ANY_OR_NONE, ANY_OR_NONE, st.one_of(st.floats(), st.just(0.0), st.floats(0, 1)))
def test_whatever_the_numbers_the_interval_lies_in_the_picture(
    value: float | None, lo: float | None, hi: float | None, scale: float
) -> None:
    html = interval_bar(value, lo, hi, scale, "any")
    if html:
        assert 8 <= dot(html) <= 152
        if of_class(parsed(html), "whisker"):
            left, right, _ = whisker(html)
            assert 8 <= left <= right <= 152
