"""How far a feature moved, beside how far it has moved before, drawn."""

from __future__ import annotations

from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.data_evidence import Comparison
from ratchet.schemas.base.formatting import number

_WIDTH, _LEFT, _RIGHT = 320, 8, 312


def moves_figure(comparison: Comparison) -> str:
    """A line with a dot for each move before, and this span's as a bar; nothing where no move is known."""
    if not comparison.moved_before:
        return ""
    moved = comparison.distance if comparison.effect_size is None else comparison.effect_size
    farthest = max(moved, comparison.from_first or 0.0, *comparison.moved_before)
    scale = (_RIGHT - _LEFT) / (1.05 * farthest) if farthest > 0 else 0.0

    def x(value: float) -> str:
        return f"{_LEFT + value * scale:.1f}"

    dots = "".join(f'<circle class="before" cx="{x(value)}" cy="10" r="3.5"/>' for value in comparison.moved_before)
    first = ""
    if comparison.from_first is not None:
        first = f'<path class="noise" d="M{x(comparison.from_first)} 3V17"/>'
    words = _words(comparison, moved)
    return (
        f'<svg class="gauge" viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{safe(words)}">'
        f'<rect class="track" x="{_LEFT}" y="9" width="{_RIGHT - _LEFT}" height="2"/>{dots}{first}'
        f'<path class="limit" d="M{x(moved)} 3V17"/></svg><p class="quiet">{safe(words)}</p>'
    )


def _words(comparison: Comparison, moved: float) -> str:
    before = "halves of the training data" if comparison.moved_in_halves else "spans trained on, one after the other"
    low, high = (number(pick(comparison.moved_before)) for pick in (min, max))
    usual = low if low == high else f"{low} to {high}"
    words = f"Moved by {number(moved)} (thick mark); between {before} (dots): {usual}"
    if comparison.from_first is not None:
        words += f"; from {comparison.first}, the first, by {number(comparison.from_first)} (dotted mark)"
    return f"{words}."
