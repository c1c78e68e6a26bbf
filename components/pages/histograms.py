"""Two distributions of one feature in one small picture, as inline SVG."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from ratchet.components.pages.features import Axis, axis, feature_title
from ratchet.components.pages.html import upto
from ratchet.schemas.artifacts.data_evidence import Comparison, Distribution
from ratchet.schemas.base.formatting import many, percent

BINS = 48  # enough to see two peaks, too few to look ragged
MOST_CATEGORIES = 10
_FAR = 1e15  # beyond it, floats are too coarse to draw an axis with
_TAIL = 0.001  # of each side's values may lie beyond the axis, so that one outlier does not squeeze the rest

_WIDTH, _LEFT, _RIGHT = 360, 8, 352  # px of the SVG's own coordinates
_TOP, _BASE, _HEIGHT = 8, 118, 138
_ROW, _BARS_LEFT, _BARS_RIGHT = 26, 112, 306


def distributions(comparison: Comparison, other_name: str) -> Markup:
    """Both distributions: numbers as two overlaid histograms, categories as pairs of bars.

    Args:
        comparison: the feature.
        other_name: what the other data are, for those who hear the picture instead of seeing it.

    Returns:
        An SVG element; a paragraph where there is nothing to draw.
    """
    if comparison.other.categories or comparison.span.categories:
        return _bars(comparison, other_name)
    if len(comparison.other.edges) > 1 and len(comparison.span.edges) > 1:
        return _histograms(comparison, other_name)
    return Markup('<p class="quiet">No picture: this distance is measured in too many dimensions at once.</p>')


def _histograms(comparison: Comparison, other_name: str) -> Markup:
    units = axis(comparison.feature)
    grid = common_grid(comparison.other, comparison.span, whole=units.whole)
    low, high = float(grid[0]), float(grid[-1])
    other, span = (rebinned(side, grid) for side in (comparison.other, comparison.span))  # [BINS] each
    scale = (_BASE - _TOP) / max(other.max(), span.max(), 1e-12)
    label = _numbers_label(comparison, units, other_name)
    return Markup(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{upto(label, 600)}">'
        f'<path class="other" d="{_outline(other * scale)}"/><path class="span" d="{_outline(span * scale)}"/>'
        f"{_median(comparison.other, 'other-median', low, high)}{_median(comparison.span, 'span-median', low, high)}"
        f'<path class="axis" d="M{_LEFT} {_BASE}H{_RIGHT}"/>{_tick_marks(units, low, high)}</svg>'
    )


def common_grid(*sides: Distribution, whole: bool) -> np.ndarray:
    """Edges of equal bins for all sides, [b + 1]; of whole numbers one bin for each, unless there are too many."""
    low, high = common_range(*sides)
    if whole and high - low < BINS:
        return np.arange(math.floor(low), math.ceil(high) + 2) - 0.5
    return np.linspace(low, high, BINS + 1)


def common_range(*sides: Distribution) -> tuple[float, float]:
    """The axis on which all sides are seen, but for tails of _TAIL; never empty."""
    ends = []
    for side in sides:
        edges, shares = _finite(side)
        total = np.concatenate([[0.0], np.cumsum(shares)])
        if total[-1] > 0:
            ends += [edges[total <= _TAIL * total[-1]][-1], edges[total >= (1 - _TAIL) * total[-1]][0]]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    width = high - low
    return (low, high) if width > 1e-9 * max(1.0, abs(low)) else (low - 0.5, high + 0.5)


def rebinned(side: Distribution, grid: np.ndarray) -> np.ndarray:
    """A histogram's shares in buckets of equal width, so that equal areas are equal shares whatever the old borders.

    Args:
        side: of a number; values are taken to lie evenly within its buckets, those beyond the grid in its last bins.
        grid: [b + 1], ascending, evenly spaced.

    Returns:
        [b], adding up to what `side.shares` add up to.

    >>> rebinned(Distribution((0.5, 0.5), edges=(0.0, 1.0, 4.0)), np.array([0.0, 2.0, 4.0])).round(3).tolist()
    [0.667, 0.333]
    """
    edges, shares = _finite(side)
    edges = np.clip(edges, grid[0], grid[-1])
    wide = np.diff(edges) > 1e-9 * (grid[-1] - grid[0])
    into = np.zeros(len(grid) - 1)
    for low, high, share in zip(edges[:-1][wide], edges[1:][wide], shares[wide]):
        overlap = np.clip(np.minimum(high, grid[1:]) - np.maximum(low, grid[:-1]), 0, None)
        into += share * overlap / (high - low)
    points = np.clip(np.searchsorted(grid, edges[:-1][~wide], side="right") - 1, 0, len(into) - 1)
    np.add.at(into, points, shares[~wide])
    return into


def _finite(side: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Edges [n + 1] and shares [n]; an infinite edge moves to the last finite one, none is farther than _FAR."""
    edges, shares = np.array(side.edges, dtype=np.float64), np.nan_to_num(np.array(side.shares, dtype=np.float64))
    finite = edges[np.isfinite(edges)].clip(-_FAR, _FAR)
    if len(finite) == 0 or len(edges) != len(shares) + 1:
        return np.array([0.0, 0.0]), np.array([0.0])
    return np.nan_to_num(edges, nan=finite[0]).clip(finite.min(), finite.max()), shares


def _outline(heights: np.ndarray) -> str:
    """A closed staircase along the base line; `heights` is [n] px."""
    step = (_RIGHT - _LEFT) / len(heights)
    stairs = "".join(f"V{_BASE - height:.1f}h{step:.3f}" for height in heights)
    return f"M{_LEFT} {_BASE}{stairs}V{_BASE}Z"


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low)


def _median(side: Distribution, kind: str, low: float, high: float) -> str:
    if side.median is None or not low <= side.median <= high:
        return ""
    return f'<path class="{kind}" d="M{_x(side.median, low, high):.1f} {_BASE}V2"/>'


def _tick_marks(units: Axis, low: float, high: float) -> str:
    marks = []
    for tick in units.ticks(low, high):
        x = _x(tick, low, high)
        anchor = "start" if x < _LEFT + 14 else "end" if x > _RIGHT - 14 else "middle"
        marks.append(
            f'<path class="axis" d="M{x:.1f} {_BASE}v4"/>'
            f'<text x="{x:.1f}" y="{_HEIGHT - 3}" text-anchor="{anchor}">{upto(units.text(tick), 600)}</text>'
        )
    return "".join(marks)


def _numbers_label(comparison: Comparison, units: Axis, other_name: str) -> str:
    medians = [
        f"{name} {'unknown' if side.median is None else units.text(side.median)}"
        for name, side in ((other_name, comparison.other), ("this span", comparison.span))
    ]
    return f"Histograms of {feature_title(comparison.feature)}. Medians: {', '.join(medians)}."


def _bars(comparison: Comparison, other_name: str) -> Markup:
    other, span = (dict(zip(side.categories, side.shares)) for side in (comparison.other, comparison.span))
    names = list(dict.fromkeys([*comparison.other.categories, *comparison.span.categories]))
    differences = sorted(names, key=lambda name: -abs(other.get(name, 0.0) - span.get(name, 0.0)))
    shown = sorted(differences[:MOST_CATEGORIES], key=names.index)
    scale = (_BARS_RIGHT - _BARS_LEFT) / max([*other.values(), *span.values(), 1e-12])
    rows = []
    for row, name in enumerate(shown):
        y = row * _ROW + 4
        cut = name if len(name) <= 15 else name[:14] + "…"
        rows.append(
            f'<text x="{_BARS_LEFT - 6}" y="{y + 15}" text-anchor="end">{upto(cut, 600)}</text>'
            + _bar("other", other.get(name, 0.0), scale, y)
            + _bar("span", span.get(name, 0.0), scale, y + 11)
        )
    height = len(shown) * _ROW + 2
    label = f"Shares of {feature_title(comparison.feature)}, {other_name} and this span: " + ", ".join(
        f"{name} {percent(other.get(name, 0.0))} and {percent(span.get(name, 0.0))}" for name in shown
    )
    svg = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{upto(label, 2000)}">{"".join(rows)}</svg>'
    hidden = len(names) - len(shown)
    more = f'<p class="quiet">{many(hidden, "category")} that differ less are not shown.</p>' if hidden > 0 else ""
    return Markup(svg + more)


def _bar(kind: str, share: float, scale: float, y: int) -> str:
    width = max(share * scale, 0.0)
    return (
        f'<rect class="{kind}" x="{_BARS_LEFT}" y="{y}" width="{width:.1f}" height="10"/>'
        f'<text class="small" x="{_BARS_LEFT + width + 4:.1f}" y="{y + 9}">{percent(share)}</text>'
    )
