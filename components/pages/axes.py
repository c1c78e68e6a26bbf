"""The frame of a chart: which values an axis spans, where its round marks are, and where a value lies."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ratchet.components.pages.chart_parts import finite, shortened
from ratchet.components.pages.text import safe

_MOST_TICKS = 6
_MOST_DECIMALS = 15
# A span narrower than this part of its values is no more than their rounding.
_NARROWEST = 1e-9
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic axis.

    Attributes:
        low: the least value.
        high: the largest value, above `low`.
        ticks: the values to mark, ascending.
        log: whether equal factors are equally far; all values are then above 0.
        names: what the whole numbers from 1 on are called, instead of their figures.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False
    names: tuple[str, ...] = ()

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0..1; one beyond the axis lies at its end."""
        inside = max(self.low, min(value, self.high))
        if self.log:
            return math.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)

    def texts(self) -> list[str]:
        """What is written at the ticks."""
        if self.names:
            return [self.names[int(tick) - 1] if 1 <= tick <= len(self.names) else "" for tick in self.ticks]
        if not self.log:
            return tick_texts(self.ticks)
        plain = all(1e-3 <= tick < 1e6 for tick in self.ticks)
        return [f"{tick:,.6g}" if plain else _with_power(tick) for tick in self.ticks]


def linear_scale(values: Sequence[float], whole: bool = False, roomy: bool = False) -> Scale:
    """A linear axis on which all values are seen.

    Args:
        values: finite and at most 1e100; without any, the axis goes from 0 to 1.
        whole: only whole numbers are marked.
        roomy: the axis begins and ends at a mark.
    """
    low, high = _span(values, whole)
    step, first, last = _round_steps(low, high, whole, roomy)
    # Rounded, so that 3 * 0.1 is 0.3; + 0.0 makes a plain zero of a negative one.
    digits = 3 - math.floor(math.log10(step))
    ticks = tuple(round(i * step, digits) + 0.0 for i in range(first, last + 1))
    return Scale(min(low, *ticks[:1]), max(high, *ticks[-1:]), ticks) if ticks else Scale(low, high, ())


def log_scale(values: Sequence[float]) -> Scale:
    """A logarithmic axis on which all values are seen.

    Args:
        values: above 0 and at most 1e100; without any, the axis goes from 1 to 10.
    """
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    if high <= low * (1 + _NARROWEST):
        low, high = low / 2, high * 2
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples, every in (((1, 2, 5), 1), ((1, 3), 1), *(((1,), n) for n in (1, 2, 3, 4, 5, 10, 20, 50))):
        ticks = tuple(float(f"{m}e{p}") for p in powers if p % every == 0 for m in multiples)
        inside = tuple(tick for tick in ticks if low <= tick <= high)
        if len(inside) <= _MOST_TICKS:
            break
    if len(inside) < 3:  # less than a decade
        inside = max(inside, linear_scale((low, high)).ticks, key=len)
    return Scale(low, high, inside, log=True)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    r"""Marks of a linear axis as text, all with the decimals that the finest of them needs.

    >>> tick_texts([0.0, 0.25, 0.5]), tick_texts([-20000.0, 0.0]), tick_texts([0.0, 0.0002])
    (['0', '0.25', '0.50'], ['\u221220,000', '0'], ['0', '2·10⁻⁴'])
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if 0 < largest < 1e-3 or (largest >= 1e6 and all(len(_with_power(tick)) <= 8 for tick in ticks)):
        return [_with_power(tick) for tick in ticks]
    exact = (d for d in range(_MOST_DECIMALS) if all(abs(round(t, d) - t) <= _NARROWEST * largest for t in ticks))
    decimals = next(exact, _MOST_DECIMALS)
    return [f"{tick:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") if tick else "0" for tick in ticks]


def _span(values: Sequence[float], whole: bool) -> tuple[float, float]:
    """The least and the largest value, parted if they are the same."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low > _NARROWEST * size:
        return low, high
    around = 0.5 if whole or not size else 0.1 * size
    return (low - around, high + around) if low - around < high + around else (low - size, high + size)


def _round_steps(low: float, high: float, whole: bool, roomy: bool) -> tuple[float, int, int]:
    """The finest round step that makes few marks, and which multiples of it are the first and the last."""
    power = 10.0 ** math.floor(math.log10((high - low) / _MOST_TICKS))
    step, first, last = power, 0, _MOST_TICKS
    for step in (max(power * multiple, 1.0 if whole else 0.0) for multiple in (1, 2, 5, 10, 20)):
        # A hair's breadth beside a mark is at the mark.
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if roomy:
            first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
        if last - first < _MOST_TICKS + roomy:
            break
    return step, first, last


def _with_power(value: float) -> str:
    """A value as 2·10⁻⁴, with the digits it needs."""
    if not value or 1 <= abs(value) < 100:
        return f"{value:g}".replace("-", "\N{MINUS SIGN}")
    mantissa, _, power = f"{abs(value):.12e}".partition("e")
    factor = mantissa.rstrip("0").rstrip(".")
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return sign + ("" if factor == "1" else f"{factor}·") + f"10{str(int(power)).translate(_SUPERSCRIPTS)}"


WIDTH = 360  # px of the SVG's own coordinates
_RIGHT, _PLOT_HEIGHT = 346, 150
_TITLE_HEIGHT, _MARK_HEIGHT, _AXIS_HEIGHT = 27, 17, 42
_WIDEST_LEFT = 130  # of the texts at the vertical axis, so that something is left for the plot
_CHARACTER, _GAP = 8.3, 6  # width of a digit in the widest of the usual fonts; between a text and what is beside it
_LONGEST_TITLE = int(WIDTH / _CHARACTER)


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what is on it, with its unit.
        log: whether equal factors are equally far.
        whole: whether only whole numbers are marked; not on a logarithmic axis.
        ends: where a linear axis begins and ends whatever the values are, so that charts side by side have the same.
        names: what the whole numbers from 1 on are called, on a linear axis.
    """

    title: str
    log: bool = False
    whole: bool = False
    ends: tuple[float, float] | None = None
    names: tuple[str, ...] = ()

    def scale(self, values: Sequence[float], roomy: bool) -> Scale:
        """The scale on which all values are seen; a linear one that is roomy ends at marks."""
        if self.log:
            return log_scale(values)
        return dataclasses.replace(linear_scale(self.ends or values, self.whole, roomy), names=self.names)


@dataclass(frozen=True)
class Mark:
    """A place on the horizontal axis, with a text above the plot."""

    x: float
    text: str


@dataclass(frozen=True)
class Plot:
    """Both axes, and the places that are marked.

    Attributes:
        x_axis: the horizontal axis.
        y_axis: the vertical axis.
        across: the scale of the horizontal axis.
        up: the scale of the vertical axis.
        marks: those that can be drawn.
    """

    x_axis: Axis
    y_axis: Axis
    across: Scale
    up: Scale
    marks: tuple[Mark, ...]

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]], x_axis: Axis, y_axis: Axis, marks: Sequence[Mark]) -> Plot:
        """A plot in which all points and marks are seen; a mark that is not on the axis is left out."""
        places = [(finite(mark.x), mark.text) for mark in marks]
        shown = tuple(Mark(x, text) for x, text in places if x is not None and (x > 0 or not x_axis.log))
        across = x_axis.scale([x for x, _ in points] + [mark.x for mark in shown], roomy=False)
        return cls(x_axis, y_axis, across, y_axis.scale([y for _, y in points], roomy=True), shown)

    @property
    def height(self) -> int:
        """Of the whole drawing, px of its own coordinates."""
        return self._bottom + _AXIS_HEIGHT

    def x(self, value: float) -> float:
        """Where a value of the horizontal axis lies, px."""
        return self._left + (_RIGHT - self._left) * self.across.share(value)

    def y(self, value: float) -> float:
        """Where a value of the vertical axis lies, px from above."""
        return self._bottom - _PLOT_HEIGHT * self.up.share(value)

    def frame(self) -> str:
        """Everything but the values, as SVG."""
        return self._rows() + self._columns() + self._titles() + self._marks()

    @cached_property
    def _left(self) -> float:
        longest = max((len(text) for text in self.up.texts()), default=1)
        return min(2 + _GAP + _CHARACTER * longest, _WIDEST_LEFT)

    @property
    def _bottom(self) -> int:
        return _TITLE_HEIGHT + _MARK_HEIGHT * len(self.marks) + _PLOT_HEIGHT

    def _rows(self) -> str:
        return "".join(
            f'<path class="grid" d="M{self._left:.1f} {self.y(tick):.1f}H{_RIGHT}"/>'
            f'<text x="{self._left - _GAP:.1f}" y="{self.y(tick) + 4.5:.1f}" text-anchor="end">{safe(text)}</text>'
            for tick, text in zip(self.up.ticks, self.up.texts())
        )

    def _columns(self) -> str:
        marked = "".join(
            f'<path class="axis" d="M{place:.1f} {self._bottom}v4"/>'
            f'<text x="{middle:.1f}" y="{self._bottom + 18}" text-anchor="middle">{safe(text)}</text>'
            for place, middle, text in self._apart()
        )
        return f'<path class="axis" d="M{self._left:.1f} {self._bottom}H{_RIGHT}"/>{marked}'

    def _apart(self) -> list[tuple[float, float, str]]:
        """Of the horizontal marks as many as have room: their place, the middle of their text, and the text."""
        placed = []
        for tick, text in zip(self.across.ticks, self.across.texts()):
            half = min(len(text) * _CHARACTER, WIDTH) / 2
            placed.append((self.x(tick), max(half, min(self.x(tick), WIDTH - half)), text, half))
        for every in range(1, len(placed) + 1):
            kept = placed[::every]
            if all(one[1] + one[3] + _GAP <= two[1] - two[3] for one, two in itertools.pairwise(kept)):
                return [entry[:3] for entry in kept]
        return []

    def _titles(self) -> str:
        x_title, y_title = (safe(shortened(axis.title, _LONGEST_TITLE)) for axis in (self.x_axis, self.y_axis))
        return (
            f'<text class="title" x="1" y="13">{y_title}</text>'
            f'<text class="title" x="{_RIGHT}" y="{self._bottom + 36}" text-anchor="end">{x_title}</text>'
        )

    def _marks(self) -> str:
        """Vertical lines, each with its text in a row of its own on the side that has more room."""
        drawn = []
        for row, mark in enumerate(self.marks):
            at, base = self.x(mark.x), _TITLE_HEIGHT + _MARK_HEIGHT * row + 6
            side, anchor, room = (at + 4, "start", WIDTH - at) if at < WIDTH / 2 else (at - 4, "end", at)
            text = safe(shortened(mark.text, int((room - 4) / _CHARACTER)))
            drawn.append(
                f'<path class="mark" d="M{at:.1f} {base - 9}V{self._bottom}"/>'
                f'<text class="mark-text" x="{side:.1f}" y="{base}" text-anchor="{anchor}">{text}</text>'
            )
        return "".join(drawn)
