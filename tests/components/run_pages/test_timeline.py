from __future__ import annotations

import re

import pytest

from ratchet.components.run_pages.timeline import MOST_MARKS, date_ticks, seconds, timeline
from tests.components.run_pages.content import APPROVED, FIRST, SECOND, index, row


def places(drawn: str, kind: str) -> list[tuple[float, float]]:
    found = re.findall(rf'class="at {kind}" transform="translate\(([\d.]+) ([\d.]+)\)', drawn)
    return [(float(x), float(y)) for x, y in found]


def chart(drawn: str) -> str:
    return drawn.partition('<div class="legend">')[0]


def test_what_was_served_is_a_line_of_steps_that_ends_where_another_golden_set_takes_over() -> None:
    drawn = chart(timeline(index()))
    first, second = re.findall(r'class="line served" d="M([\d.]+) [\d.]+(?:H[\d.]+V[\d.]+)*H([\d.]+)"', drawn)
    assert float(first[1]) == float(second[0])  # from the first set's last model to the second set's first
    assert len(re.findall(r"H[\d.]+V", drawn)) == 1  # one step on the first golden set, none on the second
    assert drawn.count('class="mark"') == 1
    assert "golden set 1" in drawn
    assert "golden set 2" in drawn


def test_days_and_not_runs_are_the_horizontal_axis() -> None:
    drawn = chart(timeline(index()))
    [(first, _)], [(pushed, _)], [(blocked, _)] = (
        places(drawn, kind) for kind in ("bootstrapped", "pushed", "blocked")
    )
    assert (blocked - pushed) / (pushed - first) == pytest.approx(29, rel=0.05)


def test_a_higher_map_lies_higher_and_a_span_that_was_never_trained_on_below_the_axis() -> None:
    drawn = chart(timeline(index()))
    [(_, low)], [(_, high)], [(_, below)] = (places(drawn, kind) for kind in ("blocked", "pushed", "data_rejected"))
    assert high < low < below


def test_every_verdict_has_a_shape_of_its_own_in_the_chart_and_in_the_legend() -> None:
    kinds = ("PUSHED", "BOOTSTRAPPED", "BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "APPROVED", "ROLLED_BACK")
    served = (FIRST, SECOND, APPROVED, APPROVED.__class__(APPROVED.at, "400", 0.6, 2, "ROLLED_BACK"))
    drawn = timeline(index(rows=tuple(row(day + 1, kind) for day, kind in enumerate(kinds[:5])), served=served))
    shapes = dict(re.findall(r'class="at (\w+)" transform="translate\([^)]*\)(?: scale\([^)]*\))?">(<[^>]*>)', drawn))
    assert len(shapes) == len(set(shapes.values())) == len(kinds)
    legend = drawn.partition('<div class="legend">')[2]
    assert all(f'class="at {kind.lower()}"' in legend for kind in kinds)


def test_names_of_runs_stay_text_and_hidden_characters_are_seen() -> None:
    drawn = timeline(index(rows=(row(1, run_id='</title><script>alert("x")</script>\u202e'),)))
    assert "<script>" not in drawn
    assert "\\u202e" in drawn


def test_who_cannot_see_the_chart_hears_what_it_shows() -> None:
    label = re.search(r'aria-label="(mAP over time: [^"]*)"', timeline(index()))
    assert label
    assert (
        "3 candidates of 4 runs; served: 3 versions, from 0.5000 on 2030-01-01 to 0.4000 since 2030-02-03" in label[1]
    )
    assert "on 2 golden sets, between which mAP cannot be compared" in label[1]


@pytest.mark.parametrize("served", [(), (FIRST,)])
def test_a_root_without_or_with_a_single_model_is_drawn_too(served: tuple[object, ...]) -> None:
    assert ("line served" in timeline(index(rows=(), served=served))) == bool(served)


def test_a_single_moment_and_a_single_figure_are_drawn_within_the_frame() -> None:
    drawn = timeline(index(rows=(row(1),), served=(), made_at=row(1).at))
    [(x, y)] = places(chart(drawn), "blocked")
    assert 52 <= x <= 944
    assert 34 <= y <= 212


def test_only_so_many_marks_are_drawn_and_many_are_smaller() -> None:
    many = chart(timeline(index(rows=tuple(row(1 + number % 28) for number in range(MOST_MARKS + 50)))))
    assert many.count('class="at blocked"') == MOST_MARKS
    assert "scale(0.5)" in many
    assert "scale(1.0)" in chart(timeline(index()))


@pytest.mark.parametrize(
    ("first", "last", "texts"),
    [
        ("2030-01-01T10:00:30+00:00", "2030-01-01T10:02:30+00:00", ["01-01 10:01", "10:02"]),
        ("2030-01-01T22:00:00+00:00", "2030-01-02T03:00:00+00:00",
         ["01-01 22:00", "23:00", "01-02 00:00", "01:00", "02:00", "03:00"]),
        ("2030-01-01T00:00:00+00:00", "2030-01-03T00:00:00+00:00",
         ["01-01 00:00", "06:00", "12:00", "18:00", "01-02 00:00", "06:00", "12:00", "18:00", "01-03 00:00"]),
        ("2030-01-01T12:00:00+00:00", "2030-01-08T00:00:00+00:00",
         ["2030-01-02", "2030-01-03", "2030-01-04", "2030-01-05", "2030-01-06", "2030-01-07", "2030-01-08"]),
        ("2027-03-01T00:00:00+00:00", "2030-03-01T00:00:00+00:00",
         ["2027-07", "2028-01", "2028-07", "2029-01", "2029-07", "2030-01"]),
        ("2000-03-01T00:00:00+00:00", "2030-03-01T00:00:00+00:00",
         ["2005", "2010", "2015", "2020", "2025", "2030"]),
    ],
)  # fmt: skip
def test_ticks_are_round_moments(first: str, last: str, texts: list[str]) -> None:
    ticks = date_ticks(seconds(first), seconds(last))
    assert [text for _, text in ticks] == texts
    assert all(seconds(first) <= moment <= seconds(last) for moment, _ in ticks)
