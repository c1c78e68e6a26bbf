from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.pages.line_chart import MOST_POINTS, Axis, Mark, Marker, Series, line_chart, runs_of
from tests.components.pages.drawn import HOSTILE, of_class, parsed, places, words

STEP, LOSS = Axis("step", whole=True), Axis("loss")
STRANGE = st.one_of(st.none(), st.floats(), st.floats(-1, 1), st.sampled_from([1e-9, 1e9, -1e9, 0.0]))


def candidate(*points: tuple, **fields: object) -> Series:
    return Series("candidate", "candidate", points, **fields)  # type: ignore[arg-type]


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter("text")]


def test_a_line_goes_through_its_points_from_left_to_right_and_up() -> None:
    root = parsed(line_chart([candidate((0, 0.0), (50, 1.0), (100, 0.5))], STEP, LOSS, "Loss"))

    [line] = [each for each in of_class(root, "line") if len(places(each.get("d") or "")) == 3]
    (x0, y0), (x1, y1), (x2, y2) = places(line.get("d") or "")
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(150, abs=0.2)  # the height of the plot
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.2)


def test_what_the_chart_shows_is_said_in_words() -> None:
    series = [
        Series("baseline", "baseline", [(0, 0.61), (100, 0.61)]),
        candidate((0, 0.1), (50, 0.75), (100, 0.73)),
        Series("nothing", "neutral", [(0, None)]),
    ]
    root = parsed(line_chart(series, STEP, Axis("mAP"), "Validation mAP"))
    assert words(root) == (
        "Validation mAP. baseline: from 0.61 to 0.61, lowest 0.61, highest 0.61. candidate: from 0.1 to 0.73, "
        "lowest 0.1, highest 0.75. nothing: no values."
    )
    assert [span[0].tail or span[-1].tail for span in root.iter("span")] == [
        "baseline",
        "candidate",
        "nothing: no values",
    ]


def test_titles_and_marks_are_written() -> None:
    root = parsed(line_chart([candidate((0, 0.0), (100, 1.0))], STEP, LOSS, "Loss", [Mark(60, "best step 60")]))
    assert {"step", "loss", "best step 60", "0", "100", "0.2", "1.0"} <= set(texts(root))


def test_several_marks_do_not_write_over_each_other() -> None:
    marks = [Mark(50, "best step"), Mark(51, "replay ends"), Mark(1e300, "far"), Mark(math.nan, "nowhere")]
    root = parsed(line_chart([candidate((0, 0.0), (100, 1.0))], STEP, LOSS, "Loss", marks))
    written = of_class(root, "mark-text")
    assert [each.text for each in written] == ["best step", "replay ends", "far"]
    assert len({each.get("y") for each in written}) == 3


def test_a_mark_that_is_too_long_for_the_picture_is_cut() -> None:
    root = parsed(line_chart([candidate((0, 0.0), (100, 1.0))], STEP, LOSS, "Loss", [Mark(50, "w" * 200)]))
    [mark] = of_class(root, "mark-text")
    assert (mark.text or "").endswith("…")
    assert len(mark.text or "") < 30


def test_a_marker_has_a_text_for_the_pointer() -> None:
    series = candidate((1, 0.5), (2, 0.7), markers=[Marker(2, 0.7, "run 2: 0.7"), Marker(None, math.nan, "nowhere")])
    [marker] = of_class(parsed(line_chart([series], STEP, LOSS, "mAP")), "marker")
    [title] = list(marker.iter("title"))
    assert title.text == "run 2: 0.7"


def test_gaps_part_the_line_and_a_single_point_is_a_dot() -> None:
    points = [(0, 1.0), (1, 2.0), (2, None), (3, 3.0), (4, math.nan), (5, 1.0), (6, 2.0)]
    root = parsed(line_chart([candidate(*points)], STEP, LOSS, "Loss"))
    lines = [each.get("d") or "" for each in of_class(root, "line")]
    assert max(path.count("M") for path in lines) == 2
    assert len(of_class(root, "dot")) == 1
    assert len(of_class(parsed(line_chart([candidate((3, 0.5))], STEP, LOSS, "one")), "dot")) == 1


@pytest.mark.parametrize("series", [[], [candidate()], [candidate((0, None), (math.nan, 1.0))]])
def test_where_there_is_nothing_to_draw_it_says_so(series: list[Series]) -> None:
    assert line_chart(series, STEP, LOSS, "Loss <b>") == (
        '<p class="quiet">Loss &lt;b&gt;: there is nothing to draw.</p>'
    )


def test_a_logarithmic_axis_makes_equal_factors_equally_far() -> None:
    root = parsed(line_chart([candidate((0, 1.0), (1, 0.1), (2, 0.01), (3, 0.0))], STEP, Axis("rate", log=True), "x"))
    [line] = [each for each in of_class(root, "line") if len(places(each.get("d") or "")) == 3]
    (_, y0), (_, y1), (_, y2) = places(line.get("d") or "")
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)


def test_lines_of_a_kind_have_different_patterns_and_the_legend_shows_them() -> None:
    series = [Series(name, "neutral", [(0, 1.0), (1, 2.0)]) for name in ("box", "class")] + [candidate((0, 1), (1, 2))]
    root = parsed(line_chart(series, STEP, LOSS, "Losses"))
    drawn = [each.get("class") for each in of_class(root, "line")]
    assert drawn[:3] == ["line neutral v0", "line neutral v1", "line candidate v0"]
    assert drawn[3:] == drawn[:3]


def test_texts_at_the_horizontal_axis_do_not_touch() -> None:
    root = parsed(line_chart([candidate((1e9, 1.0), (1e9 + 5, 2.0))], Axis("x"), LOSS, "far away"))
    middles = [float(each.get("x") or 0) for each in root.iter("text") if (each.text or "").startswith("1,000,000,00")]
    assert 1 <= len(middles) <= 2
    assert all(two - one > 100 for one, two in itertools.pairwise(middles))


def test_hostile_names_are_harmless() -> None:
    series = Series(HOSTILE, "neutral", [(0, 1.0), (1, 2.0)], [Marker(0, 1.0, HOSTILE)])
    root = parsed(line_chart([series], Axis(HOSTILE), Axis(HOSTILE), HOSTILE, [Mark(0, HOSTILE)]))
    assert "<script>" in words(root)
    assert not list(root.iter("script"))


@given(
    st.lists(st.lists(st.tuples(STRANGE, STRANGE), max_size=6), max_size=3),
    st.lists(STRANGE, max_size=2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_numbers_everything_lies_in_the_picture(
    lines: list, marks: list, log_x: bool, log_y: bool, whole: bool
) -> None:
    series = [
        Series(f"s{i}", "neutral", points, [Marker(x, y, "m") for x, y in points]) for i, points in enumerate(lines)
    ]
    at = [Mark(math.nan if x is None else x, "here") for x in marks]
    root = parsed(line_chart(series, Axis("x", log_x, whole), Axis("y", log_y, whole), "any", at))
    if root.tag == "p":
        return
    [svg] = [each for each in root.iter("svg") if each.get("role") == "img"]
    height = float((svg.get("viewBox") or "").split()[3])
    drawn = [place for each in of_class(svg, "line") for place in places(each.get("d") or "")]
    drawn += [(float(each.get("cx") or -1), float(each.get("cy") or -1)) for each in svg.iter("circle")]
    drawn += [(float(each.get("x") or -1), float(each.get("y") or -1)) for each in svg.iter("text")]
    assert all(0 <= x <= 360 and 0 <= y <= height for x, y in drawn)


def test_a_long_series_makes_a_small_picture() -> None:
    html = line_chart([candidate(*((i, math.sin(i / 50)) for i in range(100_000)))], STEP, LOSS, "long")
    assert len(html) < 12_000


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
