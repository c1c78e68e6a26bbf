from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pages.bars import BarPair, paired_bars
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
    assert [each.text for each in of_class(root, "difference")] == [f"{MINUS}0.05", "0"]
    assert [each.text for each in of_class(root, "small")] == ["0.1", "0.05", "0.01", "0.01"]
    assert words(root) == (
        f"points of AP50. missed: baseline 0.1, candidate 0.05, difference {MINUS}0.05; "
        "both: baseline 0.01, candidate 0.01, difference 0"
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
    assert [each.text for each in of_class(root, "small")] == ["0.1", "unknown", f"{MINUS}0.5", "0.1"]
    assert [each.text for each in of_class(root, "difference")] == ["+0.6"]
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
