"""What TFMA's components are given, as JSON: shaped from what TFMA read, cut where it would be too long; pure."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.components.pages.html import upto
from ratchet.components.review.tfma_view.results import IMAGES, OBJECTS, Figure, TfmaResults
from ratchet.components.review.tfma_view.tables import (
    Row,
    class_rows,
    crossed_rows,
    overall_rows,
    series_rows,
    slice_rows,
)
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE

DIFFERENCE = "difference"
MOST_BYTES = 1_900_000  # of JSON, which leaves a page below 5 MB with TFMA's code
LESS = "\\u003c"  # `<` in JSON
_LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class ComponentData:
    """What TFMA's components show.

    Attributes:
        json: their properties, as text without `<`.
        omitted: how many classes and slices were left out for their number.
    """

    json: str
    omitted: int


def component_data(results: TfmaResults) -> ComponentData:
    """Shapes what TFMA's components show.

    Args:
        results: what TFMA read.

    Returns:
        JSON of less than 2 MB. Where there are too many slices, those with the largest fall are kept, classes and
        simple slices before classes within slices.
    """
    whole: dict[str, Any] = {"overall": _overall(results), "series": _series(results)}
    parts = {"classes": class_rows(results), "slices": slice_rows(results), "crossed": crossed_rows(results)}
    left, omitted = MOST_BYTES - len(script_json(whole)), 0
    for place, rows in parts.items():
        entries = list(_affordable(rows, left, "class:" if place == "classes" else "", _models(results)))
        whole[place] = {**_columns(results), "data": entries}
        left -= len(script_json(entries))
        omitted += len(rows) - len(entries)
    return ComponentData(script_json(whole), omitted)


def script_json(value: Any) -> str:
    """JSON for a script element: without `<`, so that nothing in it ends the element, and without NaN.

    >>> script_json({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", LESS)


def _overall(results: TfmaResults) -> dict[str, Any]:
    """A row per COCO figure: TFMA's own table of one row would be 36 columns wide."""
    columns = _models(results)
    rows = [{"slice": row.name, "metrics": _metrics(_of(row, columns))} for row in overall_rows(results)]
    return {"metrics": columns, "data": rows}


def _models(results: TfmaResults) -> list[str]:
    return [BASELINE, CANDIDATE, DIFFERENCE] if BASELINE in results.models else [CANDIDATE]


def _of(row: Row, columns: Sequence[str]) -> dict[str, Figure]:
    values = {BASELINE: Figure(row.baseline), CANDIDATE: Figure(row.candidate), DIFFERENCE: row.difference}
    return {name: values[name] for name in columns}


def _columns(results: TfmaResults) -> dict[str, Any]:
    """Columns of the tables of slices, and the one that their chart shows first."""
    columns = [f"AP {name}" for name in _models(results)]
    return {"metrics": [*columns, IMAGES, OBJECTS], "shown": columns[-1]}


def _affordable(rows: Sequence[Row], left: int, prefix: str, models: Sequence[str]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        figures = {f"AP {name}": figure for name, figure in _of(row, models).items()}
        support = {IMAGES: Figure(row.images), OBJECTS: Figure(row.objects)}
        entry = {"slice": _slice_name(prefix + row.name, place), "metrics": _metrics({**figures, **support})}
        left -= len(script_json(entry)) + 1
        if left < 0:
            return
        yield entry


def _slice_name(name: str, place: int) -> str:
    """With characters that hide others made visible; two that are cut stay apart."""
    return _plain(name) if len(name) <= _LONGEST_NAME else f"{_plain(name)} #{place}"


def _plain(text: str) -> str:
    return html.unescape(upto(text, _LONGEST_NAME))


def _series(results: TfmaResults) -> dict[str, Any]:
    """The candidates' figures of all runs."""
    names, runs = series_rows(results)
    rows = [
        {
            "config": {"modelIdentifier": _plain(row.run.identifier), "dataIdentifier": row.run.golden[:12]},
            "metrics": _metrics({name: Figure(value) for name, value in zip(names, row.figures)}),
        }
        for row in runs
    ]
    return {"config": {"isModelCentric": True}, "data": rows}


def _metrics(values: Mapping[str, Figure]) -> dict[str, Any]:
    """By output and sub key, both empty: TFMA's components show nothing until one of several sub keys is chosen."""
    return {"": {"": {name: _value(figure) for name, figure in values.items()}}}


def _value(figure: Figure) -> dict[str, Any]:
    if figure.lo is None or figure.hi is None:
        return {"doubleValue": figure.value}
    return {"boundedValue": {"value": figure.value, "lowerBound": figure.lo, "upperBound": figure.hi}}
