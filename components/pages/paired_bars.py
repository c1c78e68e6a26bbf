"""Figures of two models as pairs of bars: the baseline as an outline, the candidate filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.pages.chart_parts import finite, legend, shortened, signed
from components.pages.text import safe
from schemas.base.formatting import number

_WIDTH, _LEFT = 360, 2  # px of the SVG's own coordinates
_REACH = 285  # longest bar; a number has to fit behind it
_ROW, _BAR = 58, 15  # from one pair, and from one bar, to the next
_LONGEST_NAME = 30  # characters; the difference stands behind it


@dataclass(frozen=True)
class Row:
    """One figure of both models.

    Attributes:
        name: what it is.
        baseline: of the served model; None if there is none.
        candidate: of the new model.
    """

    name: str
    baseline: float | None
    candidate: float


def paired_bars(rows: Sequence[Row], unit: str) -> str:
    """Horizontal bars of all figures on one axis from 0, each with its number and the difference.

    Args:
        rows: from top to bottom; a negative figure has a number and no bar.
        unit: what the figures are, with their unit.

    Returns:
        A figure element with its legend; a paragraph where there is nothing to draw.
    """
    if not rows:
        return '<p class="quiet">There is nothing to compare.</p>'
    figures = [finite(value) for row in rows for value in (row.baseline, row.candidate)]
    largest = max((figure for figure in figures if figure is not None), default=0.0)
    scale = _REACH / largest if largest > 0 else 0.0
    drawn = "".join(_pair(row, place * _ROW, scale) for place, row in enumerate(rows))
    words = f"{unit}. " + "; ".join(_in_words(row) for row in rows)
    swatch = '<rect class="bar {}" x="2" y="2" width="22" height="10"/>'
    entries = [(swatch.format("candidate"), "candidate")]
    if any(row.baseline is not None for row in rows):
        entries.insert(0, (swatch.format("baseline"), "baseline"))
    return (
        f'<figure class="chart"><figcaption>{safe(unit, 200)}</figcaption><svg viewBox="0 0 {_WIDTH} '
        f'{len(rows) * _ROW}" role="img" aria-label="{safe(words, 4000)}">{drawn}</svg>{legend(entries)}</figure>'
    )


def _pair(row: Row, top: int, scale: float) -> str:
    difference = _difference(row)
    shown = f'<text class="difference" x="{_WIDTH - 2}" y="{top + 14}" text-anchor="end">{difference}</text>'
    name = safe(shortened(row.name, _LONGEST_NAME))
    return (
        f'<text class="name" x="{_LEFT}" y="{top + 14}">{name}</text>{shown if difference else ""}'
        + (_bar("baseline", row.baseline, scale, top + 20) if row.baseline is not None else "")
        + _bar("candidate", row.candidate, scale, top + 20 + _BAR)
    )


def _bar(kind: str, value: float, scale: float, top: int) -> str:
    width = max((finite(value) or 0.0) * scale, 0.0)
    bar = f'<rect class="bar {kind}" x="{_LEFT}" y="{top + 0.5}" width="{width:.1f}" height="{_BAR - 4}"/>'
    text = f'<text class="small" x="{_LEFT + width + 6:.1f}" y="{top + 10}">{_figure(value)}</text>'
    return (bar if width > 0 else "") + text


def _figure(value: float | None) -> str:
    shown = finite(value)
    return "unknown" if shown is None else number(shown)


def _difference(row: Row) -> str:
    baseline, candidate = finite(row.baseline), finite(row.candidate)
    return "" if baseline is None or candidate is None else signed(candidate - baseline)


def _in_words(row: Row) -> str:
    if row.baseline is None:
        return f"{row.name}: candidate {_figure(row.candidate)}"
    difference = _difference(row)
    words = f"{row.name}: baseline {_figure(row.baseline)}, candidate {_figure(row.candidate)}"
    return words + (f", difference {difference}" if difference else "")
