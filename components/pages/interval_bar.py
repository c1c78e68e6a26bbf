"""A difference with its 95 % interval as a small picture for the row of a table."""

from __future__ import annotations

from components.pages.chart_parts import finite, signed
from components.pages.text import safe

_WIDTH, _HEIGHT = 160, 22  # px of the SVG's own coordinates
_ZERO, _REACH, _MIDDLE = 80, 72, 11
_BEYOND = 1e100  # stands for infinity, with which nothing can be drawn


def interval_bar(value: float | None, lo: float | None, hi: float | None, scale: float, label: str) -> str:
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
        return ""
    ends = _interval(lo, hi)
    tone = "unclear" if ends is None or ends[0] <= 0 <= ends[1] else "better" if ends[0] > 0 else "worse"
    reach = finite(scale) or 0.0
    per_px = (reach if reach > 0 else max(map(abs, (dot, *(ends or ()))), default=1.0) or 1.0) / _REACH
    return (
        f'<svg class="interval {tone}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{safe(f"{label}: {_in_words(dot, ends, tone)}")}">'
        f'<path class="zero" d="M{_ZERO} 1V{_HEIGHT - 1}"/>{_whisker(ends, per_px)}'
        f'<circle class="value" cx="{_x(dot, per_px):.1f}" cy="{_MIDDLE}" r="4"/></svg>'
    )


def _interval(lo: float | None, hi: float | None) -> tuple[float, float] | None:
    """Both ends in order, None if one is unknown; an infinite end stays far beyond every axis."""
    if lo is None or hi is None or lo != lo or hi != hi:
        return None
    low, high = sorted(finite(max(-_BEYOND, min(end, _BEYOND))) or 0.0 for end in (lo, hi))
    return low, high


def _in_words(value: float, ends: tuple[float, float] | None, tone: str) -> str:
    if ends is None:
        return f"{signed(value)}, no interval"
    low, high = (signed(end) if abs(end) < _BEYOND else "unbounded" for end in ends)
    return f"{signed(value)}, 95 % interval {low} to {high}, {tone}"


def _x(value: float, per_px: float) -> float:
    return _ZERO + max(-_REACH, min(value / per_px, _REACH))


def _whisker(ends: tuple[float, float] | None, per_px: float) -> str:
    if ends is None:
        return ""
    caps = "".join(f"M{_x(end, per_px):.1f} 6v10" for end in ends if abs(end) <= per_px * _REACH * (1 + 1e-9))
    left, right = (_x(end, per_px) for end in ends)
    return f'<path class="whisker" d="M{left:.1f} {_MIDDLE}H{right:.1f}{caps}"/>'
