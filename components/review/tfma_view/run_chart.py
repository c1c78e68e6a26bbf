"""Figures over runs as an inline SVG: a place for every run, named by its span, day and version; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from ratchet.components.pages.axes import Scale, linear_scale
from ratchet.components.pages.html import upto
from ratchet.components.pages.numbers import score
from ratchet.components.review.tfma_view.tables import SeriesRow

_LEFT, _MARGIN, _TOP, _BOTTOM, _HEIGHT = 40, 36, 10, 170, 224
_LABEL_WIDTH, _LINE = 84, 15  # px of the SVG's own coordinates
_MANY = 40
_PATTERNS = ("candidate", "neutral", "neutral v1", "neutral v2")


def run_chart(rows: Sequence[SeriesRow], names: Sequence[str], shown: Sequence[str], width: int) -> Markup:
    """A line for each figure, with a gap where a run does not have it.

    Args:
        rows: the runs, the oldest first.
        names: of their figures.
        shown: the figures that are drawn.
        width: of the drawing, px of its own coordinates.

    Returns:
        An SVG element; nothing where no run has any of them.
    """
    lines = {name: [row.figures[names.index(name)] for row in rows] for name in shown}
    values = [value for line in lines.values() for value in line if value is not None]
    if not values:
        return Markup()
    scale = linear_scale(values, roomy=True)
    places = [_x(place, len(rows), width) for place in range(len(rows))]
    lines_drawn = [
        _line(name, line, rows, scale, places, style) for (name, line), style in zip(lines.items(), _PATTERNS)
    ]
    words = f"{', '.join(shown)} of {len(rows)} runs; the table has the figures"
    opened = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(width, _HEIGHT, words)
    return Markup().join([opened, _grid(scale, width), *lines_drawn, *_labels(rows, places, width), Markup("</svg>")])


def styles_of(shown: Sequence[str]) -> list[tuple[str, str]]:
    """Name and CSS classes of each line, for the legend."""
    return list(zip(shown, _PATTERNS))


def _x(place: int, count: int, width: int) -> float:
    first, last = _LEFT + _MARGIN, width - _MARGIN - 6
    return (first + last) / 2 if count == 1 else first + (last - first) * place / (count - 1)


def _y(value: float, scale: Scale) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * scale.share(value)


def _grid(scale: Scale, width: int) -> Markup:
    row = Markup(
        '<path class="grid" d="M{} {:.1f}H{}"/><text class="small" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    )
    places = [(_y(tick, scale), text) for tick, text in zip(scale.ticks, scale.texts())]
    return Markup().join(row.format(_LEFT, y, width, _LEFT - 6, y + 4.5, text) for y, text in places)


def _line(
    name: str,
    values: Sequence[float | None],
    rows: Sequence[SeriesRow],
    scale: Scale,
    places: Sequence[float],
    style: str,
) -> Markup:
    path, pen, dots = "", "M", []
    dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>')
    for x, row, value in zip(places, rows, values):
        if value is None:
            pen = "M"
            continue
        y = _y(value, scale)
        path, pen = f"{path}{pen}{x:.1f} {y:.1f}", "L"
        told = upto(f"{row.run.identifier}: {name} {score(value)}", 300)
        dots.append(dot.format(style, x, y, 1.5 if len(values) > _MANY else 3.5, told))
    return Markup('<path class="line {}" d="{}"/>').format(style, path) + Markup().join(dots)


def _labels(rows: Sequence[SeriesRow], places: Sequence[float], width: int) -> list[Markup]:
    """Span, day and version of as many runs as have room, counted from the newest."""
    every = math.ceil(len(rows) * _LABEL_WIDTH / (width - _LEFT))
    named = Markup('<text class="small" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    found = []
    for place in range(len(rows) - 1, -1, -every):
        run = rows[place].run
        lines = ["" if run.span is None else f"span {run.span}", run.at[:10], run.version or run.verdict]
        for line, text in enumerate(lines):
            found.append(named.format(places[place], _BOTTOM + 18 + _LINE * line, upto(text, 14)))
    return found
