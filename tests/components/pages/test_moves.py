from __future__ import annotations

from dataclasses import replace

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
)


def test_how_far_a_span_moved_stands_beside_how_far_spans_moved_before() -> None:
    figure = moves_figure(MOVED)
    assert figure.count('class="before"') == 2
    assert "Moved by 0.25 (thick mark); between spans trained on, one after the other (dots): 0.05 to 0.1" in figure
    assert "from span 1, the first, by 0.5" in figure


def test_of_one_span_its_halves_are_told() -> None:
    figure = moves_figure(replace(MOVED, moved_before=(0.1,), moved_in_halves=True, from_first=None))
    assert "between halves of the training data (dots): 0.1." in figure
    assert "the first" not in figure


def test_what_moves_by_a_share_is_told_by_its_distance() -> None:
    assert "Moved by 0.3 " in moves_figure(replace(MOVED, effect_size=None))


def test_nothing_is_drawn_where_no_move_is_known() -> None:
    assert moves_figure(replace(MOVED, moved_before=())) == ""


def test_spans_that_never_moved_can_be_drawn() -> None:
    assert moves_figure(replace(MOVED, effect_size=0.0, moved_before=(0.0,), from_first=0.0)).count("<circle") == 1
