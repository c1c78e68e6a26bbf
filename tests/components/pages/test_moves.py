from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ratchet.components.pages.moves import moves_figure
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution

NOTHING = Distribution(())
MOVED = Comparison(
    DRIFT,
    "qa/brightness",
    "jensen shannon divergence",
    0.3,
    0.1,
    0.05,
    NOTHING,
    NOTHING,
    effect_size=0.25,
    reference="span 3",
    moved_before=(0.1, 0.05),
    first="span 1",
    from_first=0.5,
    allowed=0.12,
)


def test_how_far_a_span_moved_stands_beside_what_is_allowed_and_how_far_spans_moved_before() -> None:
    figure = moves_figure(MOVED, "reject")
    assert figure.count('class="before"') == 2
    assert "Moved by 28 %; 13 % is allowed (thick mark); between earlier spans (dots) by 5.1 % to 11 %" in figure
    assert "from span 1, the first, by 65 %" in figure


def test_a_fall_is_told_as_the_rule_tells_it() -> None:
    dark = replace(MOVED, effect_size=1.1, other=replace(NOTHING, median=60.0), span=replace(NOTHING, median=20.0))
    assert "Moved by 67 %" in moves_figure(dark, "reject")


@pytest.mark.parametrize("kind", ["reject", "pass"])
def test_the_bar_has_the_state_of_the_rule(kind: str) -> None:
    assert f'class="moved {kind}"' in moves_figure(MOVED, kind)


def test_of_one_span_its_halves_are_told() -> None:
    figure = moves_figure(replace(MOVED, moved_before=(0.1,), moved_in_halves=True, from_first=None), "pass")
    assert "between halves of the training data (dots) by 11 %." in figure
    assert "the first" not in figure


def test_what_moves_by_a_share_is_told_by_its_distance() -> None:
    shares = replace(MOVED, feature="image/object/class/text", effect_size=None, allowed=None)
    assert "Moved by 30 percentage points;" in moves_figure(shares, "pass")


def test_what_cannot_be_compared_is_not_drawn() -> None:
    assert moves_figure(replace(MOVED, effect_size=float("nan")), "pass") == ""


def test_nothing_leaves_the_picture() -> None:
    figure = moves_figure(replace(MOVED, effect_size=3.0, allowed=9.0), "pass")
    assert max(float(value) for value in re.findall(r'(?:width="|M)([0-9.]+)', figure)) <= 320


def test_spans_that_never_moved_can_be_drawn() -> None:
    still = replace(MOVED, effect_size=0.0, moved_before=(0.0,), from_first=0.0, allowed=0.0)
    assert moves_figure(still, "pass").count("<circle") == 1
