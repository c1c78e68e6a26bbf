"""Two models' figures as bars, and a difference with its interval as a small picture for a table's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.axes import linear_scale
from ratchet.components.pages.chart_parts import finite, legend, shortened, signed
from ratchet.components.pages.text import safe
from ratchet.schemas.base.formatting import difference, minus

_WIDTH, _LEFT = 360, 2  # px of the SVG's own coordinates
_REACH = 285  # longest bar; a number has to fit behind it
_ROW, _BAR = 58, 15  # from one pair, and from one bar, to the next
_LONGEST_NAME = 30  # characters; the difference stands behind it


@dataclass(frozen=True)
class BarPair:
    """One figure of both models.

    Attributes:
        name: what it is.
        baseline: of the served model; None if there is none.
        candidate: of the new model.
    """

    name: str
    baseline: float | None
    candidate: float


def paired_bars(rows: Sequence[BarPair], unit: str) -> Markup:
    """Horizontal bars of all figures on one axis from 0, each with its number and the difference.

    Args:
        rows: from top to bottom, scores or parts of them; a negative figure has a number and no bar.
        unit: what the figures are, with their unit.

    Returns:
        A figure element with its legend; a paragraph where there is nothing to draw.
    """
    if not rows:
        return Markup('<p class="quiet">There is nothing to compare.</p>')
    figures = [finite(value) for row in rows for value in (row.baseline, row.candidate)]
    largest = max((figure for figure in figures if figure is not None), default=0.0)
    scale = _REACH / largest if largest > 0 else 0.0
    drawn = "".join(_pair(row, place * _ROW, scale) for place, row in enumerate(rows))
    words = f"{unit}. " + "; ".join(_in_words(row) for row in rows)
    swatch = '<rect class="bar {}" x="2" y="2" width="22" height="10"/>'
    entries = [(swatch.format("candidate"), "candidate")]
    if any(row.baseline is not None for row in rows):
        entries.insert(0, (swatch.format("baseline"), "baseline"))
    return Markup(
        f'<figure class="chart"><figcaption>{safe(unit, 200)}</figcaption><svg viewBox="0 0 {_WIDTH} '
        f'{len(rows) * _ROW}" role="img" aria-label="{safe(words, 4000)}">{drawn}</svg>{legend(entries)}</figure>'
    )


def _pair(row: BarPair, top: int, scale: float) -> str:
    change = _difference(row)
    shown = f'<text class="difference" x="{_WIDTH - 2}" y="{top + 14}" text-anchor="end">{change}</text>'
    name = safe(shortened(row.name, _LONGEST_NAME))
    return (
        f'<text class="name" x="{_LEFT}" y="{top + 14}">{name}</text>{shown if change else ""}'
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
    return "unknown" if shown is None else minus(f"{shown:.4f}")


def _difference(row: BarPair) -> str:
    baseline, candidate = finite(row.baseline), finite(row.candidate)
    return "" if baseline is None or candidate is None else minus(difference(candidate - baseline))


def _in_words(row: BarPair) -> str:
    if row.baseline is None:
        return f"{row.name}: candidate {_figure(row.candidate)}"
    change = _difference(row)
    words = f"{row.name}: baseline {_figure(row.baseline)}, candidate {_figure(row.candidate)}"
    return words + (f", difference {change}" if change else "")


_INTERVAL_WIDTH, _INTERVAL_HEIGHT = 160, 22  # px of the SVG's own coordinates
_ZERO, _WHISKER_REACH, _MIDDLE = 80, 72, 11
_BEYOND = 1e100  # stands for infinity, with which nothing can be drawn


def interval_bar(value: float | None, lo: float | None, hi: float | None, scale: float, label: str) -> Markup:
    """A zero line, the interval as a whisker and the difference as a dot; what is worse lies left of the line.

    Args:
        value: candidate - baseline, higher is better; unknown if None or NaN.
        lo: lower end of the interval; infinite without a bound, None or NaN if there is no interval.
        hi: upper end, likewise.
        scale: the largest absolute value on the axis, the same in all rows of a table; what is beyond it is drawn at
            the end of the axis, without a cap.
        label: what is compared, for those who cannot see the picture.

    Returns:
        An SVG element of class `worse` where the whole interval is below 0, `better` where it is above, and `unclear`
        else; an empty string for an unknown difference.
    """
    dot = finite(value)
    if dot is None:
        return Markup()
    ends = _interval(lo, hi)
    tone = _tone(ends)
    reach = finite(scale) or 0.0
    per_px = (reach if reach > 0 else max(map(abs, (dot, *(ends or ()))), default=1.0) or 1.0) / _WHISKER_REACH
    return Markup(
        f'<svg class="interval {tone}" viewBox="0 0 {_INTERVAL_WIDTH} {_INTERVAL_HEIGHT}" role="img" '
        f'aria-label="{safe(f"{label}: {_interval_in_words(dot, ends, tone)}")}">'
        f'<path class="zero" d="M{_ZERO} 1V{_INTERVAL_HEIGHT - 1}"/>{_whisker(ends, per_px)}'
        f'<circle class="value" cx="{_x(dot, per_px):.1f}" cy="{_MIDDLE}" r="4"/></svg>'
    )


def _interval(lo: float | None, hi: float | None) -> tuple[float, float] | None:
    """Both ends in order, None if one is unknown; an infinite end stays far beyond every axis."""
    if lo is None or hi is None or lo != lo or hi != hi:
        return None
    low, high = sorted(finite(max(-_BEYOND, min(end, _BEYOND))) or 0.0 for end in (lo, hi))
    return low, high


def _interval_in_words(value: float, ends: tuple[float, float] | None, tone: str) -> str:
    if ends is None:
        return f"{signed(value)}, no interval"
    low, high = (signed(end) if abs(end) < _BEYOND else "unbounded" for end in ends)
    return f"{signed(value)}, 95 % interval {low} to {high}, {tone}"


def _x(value: float, per_px: float) -> float:
    return _ZERO + max(-_WHISKER_REACH, min(value / per_px, _WHISKER_REACH))


def _whisker(ends: tuple[float, float] | None, per_px: float) -> str:
    if ends is None:
        return ""
    caps = "".join(f"M{_x(end, per_px):.1f} 6v10" for end in ends if abs(end) <= per_px * _WHISKER_REACH * (1 + 1e-9))
    left, right = (_x(end, per_px) for end in ends)
    return f'<path class="whisker" d="M{left:.1f} {_MIDDLE}H{right:.1f}{caps}"/>'


def _tone(ends: tuple[float, float] | None) -> str:
    return "unclear" if ends is None or ends[0] <= 0 <= ends[1] else "better" if ends[0] > 0 else "worse"


_AXIS_WIDTH, _AXIS_HEIGHT, _MARGIN, _LINE = 440, 64, 26, 34  # px of the SVG's own coordinates


def interval_axis(value: float | None, lo: float | None, hi: float | None, label: str) -> Markup:
    """The same as a larger picture that has an axis with figures: where 0 is, and how far the interval reaches.

    Args:
        value: candidate - baseline; unknown if None or NaN.
        lo: lower end of the interval, as in `interval_bar`.
        hi: upper end, likewise.
        label: what is compared.

    Returns:
        An SVG element of the classes of `interval_bar`; nothing for an unknown difference.
    """
    dot = finite(value)
    if dot is None:
        return Markup()
    ends = _interval(lo, hi)
    bounded = [end for end in (ends or ()) if abs(end) < _BEYOND]
    scale = linear_scale([0.0, dot, *bounded], roomy=True)

    def x(position: float) -> float:
        return _MARGIN + scale.share(position) * (_AXIS_WIDTH - 2 * _MARGIN)

    ticks = "".join(
        f'<path class="axis" d="M{x(tick):.1f} {_LINE}v5"/>'
        f'<text x="{x(tick):.1f}" y="{_LINE + 19}" text-anchor="middle">{minus(text)}</text>'
        for tick, text in zip(scale.ticks, scale.texts())
    )
    whisker = ""
    if ends is not None:
        caps = "".join(f"M{x(end):.1f} 10v12" for end in bounded)
        whisker = f'<path class="whisker" d="M{x(ends[0]):.1f} 16H{x(ends[1]):.1f}{caps}"/>'
    tone = _tone(ends)
    return Markup(
        f'<svg class="interval axis-bar {tone}" viewBox="0 0 {_AXIS_WIDTH} {_AXIS_HEIGHT}" role="img" '
        f'aria-label="{safe(f"{label}: {_interval_in_words(dot, ends, tone)}")}">'
        f'<path class="zero" d="M{x(0.0):.1f} 2V{_LINE}"/>'
        f'<path class="axis" d="M{_MARGIN} {_LINE}H{_AXIS_WIDTH - _MARGIN}"/>'
        f'{ticks}{whisker}<circle class="value" cx="{x(dot):.1f}" cy="16" r="5"/></svg>'
    )
