"""The frame of a chart: its axes with their marks and titles, and where a value lies in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from components.pages.chart_parts import finite, shortened
from components.pages.scales import Scale, linear_scale, log_scale
from components.pages.text import safe

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
    """

    title: str
    log: bool = False
    whole: bool = False

    def scale(self, values: Sequence[float], roomy: bool) -> Scale:
        """The scale on which all values are seen; a linear one that is roomy ends at marks."""
        return log_scale(values) if self.log else linear_scale(values, self.whole, roomy)


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
            f'<text x="{self._left - _GAP:.1f}" y="{self.y(tick) + 4.5:.1f}" text-anchor="end">{text}</text>'
            for tick, text in zip(self.up.ticks, self.up.texts())
        )

    def _columns(self) -> str:
        marked = "".join(
            f'<path class="axis" d="M{place:.1f} {self._bottom}v4"/>'
            f'<text x="{middle:.1f}" y="{self._bottom + 18}" text-anchor="middle">{text}</text>'
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
