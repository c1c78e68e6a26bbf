"""How far a feature moved, beside what is allowed and how far it has moved before, drawn and in words."""

from __future__ import annotations

import math

from markupsafe import Markup

from ratchet.components.pages.feature_words import moved_by, rises
from ratchet.components.pages.html import upto
from ratchet.schemas.artifacts.data_evidence import Comparison

_WIDTH, _LEFT, _RIGHT = 320, 8, 312


def moves_figure(comparison: Comparison, kind: str) -> Markup:
    """A bar as long as the move, a thick mark at what is allowed, a dot for each move before.

    Args:
        comparison: the feature.
        kind: CSS class of the state of the rule about it, so that the bar never says otherwise than the rule.
    """
    moved = move_of(comparison)
    if not math.isfinite(moved):
        return Markup()
    marks = [value for value in (moved, comparison.allowed, comparison.from_first) if value is not None]
    farthest = max(*marks, *comparison.moved_before, 0.0)
    scale = (_RIGHT - _LEFT) / (1.05 * farthest) if farthest > 0 else 0.0

    def x(value: float) -> str:
        return f"{_LEFT + value * scale:.1f}"

    dots = "".join(f'<circle class="before" cx="{x(value)}" cy="10" r="3.5"/>' for value in comparison.moved_before)
    marked = {"limit": comparison.allowed, "noise": comparison.from_first}
    paths = "".join(f'<path class="{name}" d="M{x(at)} 1V19"/>' for name, at in marked.items() if at is not None)
    words = upto(moves_in_words(comparison), 600)
    return Markup(
        f'<svg class="gauge" viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{words}">'
        f'<rect class="track" x="{_LEFT}" y="6" width="{_RIGHT - _LEFT}" height="8" rx="2"/><rect class="moved {kind}" '
        f'x="{_LEFT}" y="6" width="{max(0.0, moved * scale):.1f}" height="8" rx="2"/>{dots}{paths}</svg>'
        f'<p class="quiet">{words}</p>'
    )


def move_of(comparison: Comparison) -> float:
    """How far a feature moved; of categories the largest difference of a share."""
    return comparison.distance if comparison.effect_size is None else comparison.effect_size


def moves_in_words(comparison: Comparison) -> str:
    """How far it moved, how far it may, and how far it has moved before."""

    def told(move: float) -> str:
        return moved_by(comparison.feature, move, rises(comparison))

    words = f"Moved by {told(move_of(comparison))}"
    words += f"; {told(comparison.allowed)} is allowed (thick mark)" if comparison.allowed is not None else ""
    if comparison.moved_before:
        between = "halves of the training data" if comparison.moved_in_halves else "earlier spans"
        low, high = (told(pick(comparison.moved_before)) for pick in (min, max))
        words += f"; between {between} (dots) by {low if low == high else f'{low} to {high}'}"
    if comparison.from_first is not None:
        words += f"; from {comparison.first}, the first, by {told(comparison.from_first)} (dotted mark)"
    return f"{words}."
