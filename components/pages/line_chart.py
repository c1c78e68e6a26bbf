"""Series of numbers as lines, inline SVG without scripts: baseline dashed, candidate solid and thick, others thin."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.axes import WIDTH, Axis, Mark, Plot
from ratchet.components.pages.chart_parts import Kind, finite, legend, shortened
from ratchet.components.pages.text import safe
from ratchet.schemas.base.formatting import number

__all__ = ["Axis", "Mark", "Marker", "Series", "line_chart"]

_VARIANTS = 3  # patterns of lines of one kind


@dataclass(frozen=True)
class Marker:
    """A point that stands out, with a text that is shown while the pointer is on it."""

    x: float | None
    y: float | None
    text: str


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: what it is called in the legend.
        kind: how it is drawn; several of a kind have different patterns.
        points: x and y in the order they are joined; None, NaN, an infinite value, or one that is not above 0 on a
            logarithmic axis, is a gap.
        markers: points of the line that stand out.
    """

    name: str
    kind: Kind
    points: Sequence[tuple[float | None, float | None]]
    markers: Sequence[Marker] = ()


def line_chart(series: Sequence[Series], x: Axis, y: Axis, label: str, marks: Sequence[Mark] = ()) -> Markup:
    """A chart with its legend.

    Args:
        series: drawn in this order, so that later ones lie above.
        x: the horizontal axis.
        y: the vertical axis.
        label: what the chart shows, for those who cannot see it; first and last value and the range of every series
            are added.
        marks: places to point out, such as the best step.

    Returns:
        A figure element; a paragraph where there is nothing to draw.
    """
    lines = [runs_of(entry.points, x.log, y.log) for entry in series]
    points = [point for runs in lines for run in runs for point in run]
    if not points:
        return Markup(f'<p class="quiet">{safe(label, 200)}: there is nothing to draw.</p>')
    plot = Plot.of(points, x, y, marks)
    classes = _classes(series)
    drawn = "".join(
        _line(runs, name, plot) + _markers(entry.markers, name, plot)
        for entry, runs, name in zip(series, lines, classes)
    )
    swatches = [
        (f'<path class="line {name}" d="M1 7H25"/>', entry.name if runs else f"{shortened(entry.name, 40)}: no values")
        for entry, runs, name in zip(series, lines, classes)
    ]
    words = f"{label}. " + " ".join(_in_words(entry.name, runs) for entry, runs in zip(series, lines))
    return Markup(
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {plot.height}" role="img" '
        f'aria-label="{safe(words, 4000)}">{plot.frame()}{drawn}</svg>{legend(swatches)}</figure>'
    )


def _classes(series: Sequence[Series]) -> list[str]:
    """The class of each line: its kind, and a pattern that tells it from others of its kind."""
    seen: Counter[str] = Counter()
    names = []
    for entry in series:
        names.append(f"{entry.kind} v{seen[entry.kind] % _VARIANTS}")
        seen[entry.kind] += 1
    return names


def _line(runs: Sequence[Sequence[Point]], name: str, plot: Plot) -> str:
    """Runs as one path; a point between two gaps would be invisible, so it is a dot."""
    places = [[f"{plot.x(px):.1f} {plot.y(py):.1f}" for px, py in run] for run in runs]
    path = "".join(f"M{'L'.join(run)}" for run in places if len(run) > 1)
    dots = "".join(
        f'<circle class="dot {name}" cx="{plot.x(run[0][0]):.1f}" cy="{plot.y(run[0][1]):.1f}" r="3"/>'
        for run in runs
        if len(run) == 1
    )
    return (f'<path class="line {name}" d="{path}"/>' if path else "") + dots


def _markers(markers: Sequence[Marker], name: str, plot: Plot) -> str:
    drawn = []
    for marker in markers:
        for [(px, py)] in runs_of([(marker.x, marker.y)], plot.across.log, plot.up.log):
            drawn.append(
                f'<circle class="marker {name}" cx="{plot.x(px):.1f}" cy="{plot.y(py):.1f}" r="4.5">'
                f"<title>{safe(marker.text, 300)}</title></circle>"
            )
    return "".join(drawn)


def _in_words(name: str, runs: Sequence[Sequence[Point]]) -> str:
    values = [value for run in runs for _, value in run]
    if not values:
        return f"{name}: no values."
    if len(values) == 1:
        return f"{name}: {number(values[0])}."
    ends = f"from {number(values[0])} to {number(values[-1])}"
    return f"{name}: {ends}, lowest {number(min(values))}, highest {number(max(values))}."


MOST_POINTS = 300

Point = tuple[float, float]


def runs_of(points: Sequence[tuple[float | None, float | None]], log_x: bool, log_y: bool) -> list[list[Point]]:
    """The points of a series that can be drawn, in runs without a gap.

    Args:
        points: in order; None, NaN and infinite values are gaps.
        log_x: whether x has to be above 0.
        log_y: whether y has to be above 0.

    Returns:
        Runs of at least one point, together little more than MOST_POINTS; the first and last point of the series and
        the peaks of every stretch are kept, and where a gap was is one.
    """
    usable = [_usable(point, log_x, log_y) for point in points]
    while usable and usable[-1] is None:
        usable.pop()
    runs: list[list[Point]] = [[]]
    for place in _kept(usable):
        point = usable[place]
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _usable(point: tuple[float | None, float | None], log_x: bool, log_y: bool) -> Point | None:
    x, y = finite(point[0]), finite(point[1])
    if x is None or y is None or (log_x and x <= 0) or (log_y and y <= 0):
        return None
    return x, y


def _kept(points: Sequence[Point | None]) -> Iterator[int]:
    """Places of the points to draw: of every stretch the lowest, the highest and a gap, and both ends."""
    if len(points) <= MOST_POINTS:
        yield from range(len(points))
        return
    stretches = MOST_POINTS // 2
    edges = [len(points) * i // stretches for i in range(stretches + 1)]
    for start, stop in itertools.pairwise(edges):
        there = [(point[1], place) for place in range(start, stop) if (point := points[place]) is not None]
        gap = next((place for place in range(start, stop) if points[place] is None), None)
        ends = {0, len(points) - 1} & set(range(start, stop))
        chosen = {min(there)[1], max(there)[1]} if there else set()
        yield from sorted(chosen | ends | ({gap} if gap is not None else set()))
