"""What the charts share: numbers that can be drawn, differences in words, and the swatches of a legend."""

from __future__ import annotations

import math
from typing import Literal

from markupsafe import Markup

from ratchet.components.pages.text import safe
from ratchet.schemas.base.formatting import number

Kind = Literal["baseline", "candidate", "neutral"]

# Beyond these a float is too large to subtract, or too small to divide by, and no axis could show it.
_LARGEST, _SMALLEST = 1e100, 1e-100


def finite(value: float | None) -> float | None:
    """A value that can be drawn; None for one that is unknown or infinite.

    >>> finite(0.5), finite(None), finite(float("nan")), finite(float("inf")), finite(1e-300)
    (0.5, None, None, None, 0.0)
    """
    if value is None or not math.isfinite(value):
        return None
    if abs(value) < _SMALLEST:
        return 0.0
    return max(-_LARGEST, min(float(value), _LARGEST))


def signed(value: float) -> str:
    r"""A difference for people.

    >>> signed(0.0123), signed(-0.5), signed(0.0)
    ('+0.0123', '\u22120.5', '0')
    """
    return f"+{number(value)}" if value > 0 else number(abs(value)) if value == 0 else number(value)


def shortened(text: str, longest: int) -> str:
    """Text that has to fit into a drawing.

    >>> shortened("classification", 8)
    'classif…'
    """
    return text if len(text) <= longest else text[: max(longest - 1, 0)] + "…"


def legend(entries: list[tuple[str, str]]) -> Markup:
    """What the drawings mean, as HTML below a chart.

    Args:
        entries: of each an SVG drawing in a box of 26 by 14, and its name, not yet escaped.
    """
    items = "".join(
        f'<span><svg viewBox="0 0 26 14" aria-hidden="true">{drawing}</svg>{safe(name, 60)}</span>'
        for drawing, name in entries
    )
    return Markup(f'<div class="legend">{items}</div>')


def chart_card(title: str, chart: Markup) -> Markup:
    """A chart below its title, as HTML."""
    return Markup(f'<div class="chart-card"><p class="chart-title">{safe(title, 80)}</p>{chart}</div>')
