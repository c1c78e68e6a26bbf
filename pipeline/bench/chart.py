"""The picture of a bench: planted beside named, right answers beside comparators, what each case cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.pipeline.bench.case_result import CaseResult, Group
from ratchet.pipeline.bench.judging import REGRESSION
from ratchet.pipeline.bench.matrix import Matrix, matrix
from ratchet.pipeline.bench.report import Report
from ratchet.pipeline.bench.tables import Table, answers, outcomes, shown_rows
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito: told apart by everybody.
_RIGHT, _WRONG, _UNKNOWN, _OTHER = "#009e73", "#d55e00", "#999999", "#0072b2"
_COLOURS = {
    Verdict.PUSHED: "#0072b2",
    Verdict.BLOCKED: "#d55e00",
    Verdict.INCONCLUSIVE: "#e69f00",
    Verdict.DATA_REJECTED: "#cc79a7",
}
_MARKS = {Group.FAULT: "o", Group.PAIR: "s", Group.STRANGER: "^", Group.CONTROL: "D", Group.DECOY: "P"}
_PALE, _DARK = 0.15, 0.85  # of a cell's colour, by its share of the row


def can_draw() -> bool:
    """Whether what draws is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def write_charts(report: Report, directory: Path) -> list[Path]:
    """Draws one picture a table.

    Args:
        report: of the bench.
        directory: to write into; each is named by its table.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    if not can_draw():
        raise ConfigError(
            "the pictures of a bench need matplotlib; pip install 'ratchet-detector[bench]', or give --no-charts"
        )
    import matplotlib as mpl  # here: not everybody who runs a bench has it

    mpl.use("Agg")
    files = []
    for table in report.tables:
        files.append(directory / f"{table.file_name}.png")
        _write(report, table, files[-1])
    return files


def _write(report: Report, table: Table, file: Path) -> None:
    from matplotlib import pyplot

    cases = report.of(table)
    figure, axes = pyplot.subplot_mosaic(
        [["matrix", "first"], ["cost", "cost"]],
        figsize=(15, 11.5),
        layout="constrained",
        height_ratios=(1.15, 1),
        width_ratios=(1.25, 1),
    )
    _draw_matrix(axes["matrix"], matrix(cases, answers(cases, table.mode)))
    _draw_first(axes["first"], table)
    _draw_cost(axes["cost"], cases, table.mode)
    figure.suptitle(f"{table.title}: {sum(table.cases.values())} cases", fontsize=14)
    figure.savefig(file, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


def _draw_matrix(axes: Axes, found: Matrix) -> None:
    axes.set_title("Answer, by what was planted")
    for row, counts in enumerate(found.counts):
        for column, count in enumerate(counts):
            if count:
                share = count / found.n(row)
                colour = _colour(found.named[column], found.accepted[row])
                alpha = _PALE + (_DARK - _PALE) * share
                axes.add_patch(_cell(column, row, colour, alpha))
                axes.text(column, row, str(count), ha="center", va="center", fontsize=10)
    axes.set_xticks(range(len(found.named)), [_words(name) for name in found.named], rotation=45, ha="right")
    axes.set_yticks(
        range(len(found.planted)), [f"{_words(name)}  (n = {found.n(row)})" for row, name in enumerate(found.planted)]
    )
    axes.set_xlim(-0.5, len(found.named) - 0.5)
    axes.set_ylim(max(len(found.planted), 1) - 0.5, -0.5)
    axes.set_xticks(np.arange(len(found.named) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(found.planted) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("named first (green: accepted before the run; grey: unknown; orange: wrong)")


def _cell(column: int, row: int, colour: str, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=alpha, edgecolor="none")


def _colour(answer: str, accepted: frozenset[str]) -> str:
    if answer in accepted:
        return _RIGHT
    return _UNKNOWN if answer == "unknown" else _WRONG


def _draw_first(axes: Axes, table: Table) -> None:
    rows = shown_rows(table)
    axes.set_title("Right cause first, of the faults, with 95 % intervals")
    for place, row in enumerate(rows):
        share = row.scores.first
        value, (lo, hi) = share.value or 0.0, share.interval
        axes.barh(place, value, color=_RIGHT if place == 0 else _OTHER, alpha=0.85 if place == 0 else 0.5, height=0.6)
        if share.n:
            axes.errorbar(value, place, xerr=[[value - lo], [hi - value]], color="#222222", capsize=3, linewidth=1)
    labels = [f"{_broken(row.name)}\n{row.scores.first}" for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=8.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_cost(axes: Axes, cases: Sequence[CaseResult], mode: str) -> None:
    ended = outcomes(cases, mode)
    measured = [(case, case.truth.delta) for case in cases if case.truth and case.number in ended]
    values = [(case, delta.value, delta.interval) for case, delta in measured if delta.value is not None]
    drawn = sorted(values, key=lambda each: each[1])
    for place, (case, value, ends) in enumerate(drawn):
        colour = _COLOURS.get(ended[case.number].verdict, "#222222")
        if ends is not None:
            axes.plot((place, place), ends, color=colour, linewidth=1.2)
        axes.plot(place, value, marker=_MARKS[case.group], color=colour, markersize=6, linestyle="none")
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.axhline(REGRESSION, color="#999999", linewidth=0.8, linestyle="--")
    axes.set_yscale("symlog", linthresh=0.02)
    axes.set_yticks(_TICKS, [f"{tick:+g}" for tick in _TICKS])
    axes.minorticks_off()
    axes.set_title("What each case cost on the truth set, by verdict (dashed: from here on a regression)")
    axes.set_ylabel("true difference of mAP")
    axes.set_xticks(range(len(drawn)), [case.number for case, _, _ in drawn], rotation=90, fontsize=7)
    axes.set_xlim(-1, max(len(drawn), 1))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    _legend(axes, [ended[case.number].verdict for case, _, _ in drawn], [case.group for case, _, _ in drawn])


_TICKS = (-0.8, -0.4, -0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05)


def _legend(axes: Axes, verdicts: Sequence[Verdict], groups: Sequence[Group]) -> None:
    from matplotlib.lines import Line2D

    shown = [Line2D([], [], color=_COLOURS[each], label=each.value) for each in _COLOURS if each in verdicts]
    shown += [
        Line2D([], [], color="#555555", marker=mark, linestyle="none", label=group.value)
        for group, mark in _MARKS.items()
        if group in groups
    ]
    if shown:
        axes.legend(handles=shown, loc="lower right", frameon=False, ncols=len(shown))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _broken(name: str) -> str:
    """On two lines, if it is long."""
    first, comma, rest = name.partition(", ")
    return f"{first},\n{rest}" if comma and len(name) > 45 else name
