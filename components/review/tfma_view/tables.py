"""What the report's tables show, shaped from what TFMA read; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ratchet.components.pages import numbers
from ratchet.components.review.tfma_view.results import (
    CLASS,
    IMAGES,
    NO_FIGURE,
    OBJECTS,
    OVERALL,
    Bound,
    Failure,
    Figure,
    Figures,
    SliceKey,
    TfmaResults,
    Threshold,
)
from ratchet.components.review.tfma_view.runs import RunName
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, COCO_NAMES

_NAMES = {
    "AP_all_classes": "AP over all classes, new ones too",
    "AP_diff_lower95": "lower end of the 95 % interval of AP's difference",
}
_SHADES = 5
_FULL_SHADE = 0.25  # a difference as large as this has the strongest shade


@dataclass(frozen=True)
class Row:
    """A figure of both models, or AP of both on a slice."""

    name: str
    baseline: float | None
    candidate: float | None
    difference: Figure
    images: int | None = None
    objects: int | None = None


def overall_rows(results: TfmaResults) -> list[Row]:
    """A row per COCO figure."""
    return [_row(name, results, OVERALL, name) for name in coco_names([results.models[CANDIDATE].get(OVERALL, {})])]


def coco_names(figures: Iterable[Figures]) -> list[str]:
    """COCO's figures, with recall at every limit of detections that is there."""
    found = {name for figure in figures for name in figure}
    limits = sorted({int(name[2:]) for name in found if name.startswith("AR") and name[2:].isdecimal()})
    recalls = [f"AR{limit}" for limit in limits] or COCO_NAMES[6:-3]
    return [*COCO_NAMES[:6], *recalls, *COCO_NAMES[-3:]]


def class_rows(results: TfmaResults) -> list[Row]:
    """AP of each class of the golden set, the largest fall first."""
    return _sorted(_row(key[0][1], results, key) for key in _keys(results, 1) if key[0][0] == CLASS)


def slice_rows(results: TfmaResults) -> list[Row]:
    """AP of each object size, attribute value and other data set, the largest fall first."""
    return _sorted(_row(named(key), results, key) for key in _keys(results, 1) if key[0][0] != CLASS)


def crossed_rows(results: TfmaResults) -> list[Row]:
    """AP of each class within each slice of the golden set, the largest fall first."""
    return _sorted(_row(named(key), results, key) for key in _keys(results, 2) if key[0][0] == CLASS)


def named(key: SliceKey) -> str:
    """A slice as TFMA writes it.

    >>> named((("class", "cat"), ("object_size", "small")))
    'class:cat, object_size:small'
    """
    return ", ".join(f"{column}:{value}" for column, value in key)


def _keys(results: TfmaResults, length: int) -> list[SliceKey]:
    return [key for key in results.models[CANDIDATE] if len(key) == length]


def _row(name: str, results: TfmaResults, key: SliceKey, figure: str = "AP") -> Row:
    own = results.models[CANDIDATE].get(key, {})
    before = results.models.get(BASELINE, {}).get(key, {})
    support = [own.get(column, NO_FIGURE).value for column in (IMAGES, OBJECTS)]
    return Row(
        name,
        before.get(figure, NO_FIGURE).value,
        own.get(figure, NO_FIGURE).value,
        own.get(f"{figure}_diff", NO_FIGURE),
        *(None if count is None else int(count) for count in support),
    )


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: math.inf if row.difference.value is None else row.difference.value)


@dataclass(frozen=True)
class Cell:
    """AP of a class within a slice; `shade` is how strongly it is coloured, -5 for a large fall to 5 for a rise."""

    candidate: float | None
    difference: float | None
    objects: int

    @property
    def shade(self) -> int:
        """Of the cell's ground."""
        share = (self.difference or 0.0) / _FULL_SHADE
        return int(math.copysign(min(math.ceil(abs(share) * _SHADES - 1e-9), _SHADES), share)) if share else 0


@dataclass(frozen=True)
class Crossed:
    """The classes within the values of one column.

    Attributes:
        column: such as `object_size`.
        values: of it.
        rows: each class with a cell for every value, None where there is no object.
        omitted: how many classes with smaller falls are left out.
    """

    column: str
    values: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    omitted: int


def crossed_tables(results: TfmaResults, most: int) -> list[Crossed]:
    """A table for each column that classes are crossed with; the class with the largest fall in a cell first.

    Args:
        results: what TFMA read.
        most: classes of a table.
    """
    cells: dict[str, dict[str, dict[str, Cell]]] = {}
    for key in _keys(results, 2):
        (first, name), (column, value) = key
        if first == CLASS:
            row = _row(name, results, key)
            cell = Cell(row.candidate, row.difference.value, row.objects or 0)
            cells.setdefault(column, {}).setdefault(name, {})[value] = cell
    return [_crossed(column, rows, most) for column, rows in cells.items()]


def _crossed(column: str, rows: dict[str, dict[str, Cell]], most: int) -> Crossed:
    values = list(dict.fromkeys(value for row in rows.values() for value in row))
    shown = sorted(rows.items(), key=lambda row: min((cell.difference or 0.0) for cell in row[1].values()))
    kept = [(name, [row.get(value) for value in values]) for name, row in shown[:most]]
    return Crossed(column, values, kept, len(shown) - len(kept))


@dataclass(frozen=True)
class Held:
    """A figure, what it was held against, what it was, and what became of that."""

    within: str
    figure: str
    bound: str
    value: str
    state: str


def held_rows(results: TfmaResults) -> list[Held]:
    """Every threshold and every rule that failed; what failed first."""
    validation = results.validation
    broken = {failure.threshold for failure in validation.failures}
    kept = [_kept(entry, results) for entry in validation.thresholds if entry not in broken]
    return [*map(_failed, validation.failures), *kept]


def _failed(failure: Failure) -> Held:
    entry, (rule, _, said) = failure.threshold, failure.message.partition(": expected ")
    if entry.bound != Bound():
        return Held(_where(entry), _figure(entry), entry.bound.text, _shown(failure.value, entry), "failed")
    expected, _, found = said.partition("; found ")
    return Held(_where(entry), rule, expected, found, "failed")


def _kept(entry: Threshold, results: TfmaResults) -> Held:
    name = f"{entry.figure}_diff" if entry.bound.change else entry.figure
    value = results.models[CANDIDATE].get(entry.within, {}).get(name, NO_FIGURE).value
    state = "passed" if value is not None else "not tested"
    return Held(_where(entry), _figure(entry), entry.bound.text, _shown(value, entry), state)


def _where(entry: Threshold) -> str:
    return named(entry.within) or "the golden set"


def _figure(entry: Threshold) -> str:
    return _NAMES.get(entry.figure, entry.figure)


def _shown(value: float | None, entry: Threshold) -> str:
    is_difference = bool(entry.bound.change) or entry.figure.startswith("AP_diff")
    return numbers.change(value) if is_difference else numbers.score(value)


@dataclass(frozen=True)
class SeriesRow:
    """A run of the time series."""

    run: RunName
    figures: Sequence[float | None]


def series_rows(results: TfmaResults) -> tuple[list[str], list[SeriesRow]]:
    """Names of the figures, and the candidates' values in every run, the oldest first."""
    runs = {**results.past, results.run: results.models[CANDIDATE].get(OVERALL, {})}
    names = coco_names(runs.values())
    return names, [SeriesRow(run, [of.get(name, NO_FIGURE).value for name in names]) for run, of in runs.items()]
