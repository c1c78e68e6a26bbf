"""What TFMA's components are given, as JSON: shaped from what TFMA read, cut where it would be too long; pure."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, COCO_NAMES

SliceKey = tuple[tuple[str, str], ...]
Figures = Mapping[str, Mapping[str, Any]]  # {"AP": {"doubleValue": .5}}, as TFMA reads it

OVERALL: SliceKey = ()
CLASS = "class"
DIFFERENCE = "difference"
IMAGES = "example_count"  # TFMA's name of the column that weighs slices

MOST_BYTES = 1_900_000  # of JSON, which leaves a page below 5 MB with TFMA's code
LESS = "\\u003c"  # `<` in JSON
_LONGEST_NAME = 200  # characters
_SUPPORT = (IMAGES, "objects")
_DIFF = "_diff"


@dataclass(frozen=True)
class EvaluatedRun:
    """A result directory as TFMA reads it.

    Attributes:
        run_id: name of the run.
        data: the golden examples it was measured on.
        models: figures of each slice, by model; the candidate's are with the differences.
    """

    run_id: str
    data: str
    models: Mapping[str, Mapping[SliceKey, Figures]]


@dataclass(frozen=True)
class TfmaData:
    """What the section shows.

    Attributes:
        json: properties of TFMA's components, as text without `<`.
        has_slices: whether there is something beside overall and classes.
        omitted: how many classes and slices were left out for their number.
        skipped: past runs that could not be read, each with the reason.
    """

    json: str
    has_slices: bool
    omitted: int
    skipped: tuple[str, ...]


def tfma_data(run: EvaluatedRun, past: Sequence[EvaluatedRun], skipped: Sequence[str]) -> TfmaData:
    """Shapes what TFMA's components show.

    Args:
        run: the run that is explained.
        past: runs before it, the oldest first.
        skipped: past runs that could not be read.

    Returns:
        JSON of less than 2 MB. Where there are too many classes and slices, those with the largest fall are kept.
    """
    whole: dict[str, Any] = {"overall": _overall(run), "series": _series([*past, run])}
    rows = sorted(_rows(run), key=lambda row: row.fall, reverse=True)
    shown = list(_affordable(rows, MOST_BYTES - len(script_json(whole))))
    for place, of_class in (("classes", True), ("slices", False)):
        whole[place] = {**_columns(run), "data": [row.entry for row in shown if row.of_class is of_class]}
    return TfmaData(script_json(whole), bool(whole["slices"]["data"]), len(rows) - len(shown), tuple(skipped))


def script_json(value: Any) -> str:
    """JSON for a script element: without `<`, so that nothing in it ends the element, and without NaN.

    >>> script_json({"a": "</script>"})
    '{"a":"\\\\u003c/script>"}'
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", LESS)


def numbered(number: int, count: int, name: str) -> str:
    """A name that TFMA, which sorts runs by name as text, sorts by number.

    >>> numbered(7, 12, "span-7")
    '07 span-7'
    """
    return f"{number:0{len(str(count))}} {name}"


@dataclass(frozen=True)
class _Row:
    of_class: bool
    fall: float
    entry: dict[str, Any]


def _overall(run: EvaluatedRun) -> dict[str, Any]:
    """A row per COCO figure: TFMA's own table of one row would be 36 columns wide."""
    models = [model for model in (BASELINE, CANDIDATE) if model in run.models]
    columns = [*models, DIFFERENCE] if BASELINE in models else models
    rows = []
    for name in _names([run]):
        values = {model: run.models[model].get(OVERALL, {}).get(name) for model in models}
        values[DIFFERENCE] = run.models[CANDIDATE].get(OVERALL, {}).get(name + _DIFF)
        rows.append({"slice": name, "metrics": _metrics({column: values[column] for column in columns})})
    return {"metrics": columns, "data": rows}


def _names(runs: Sequence[EvaluatedRun]) -> list[str]:
    """COCO's figures, with recall at every limit of detections that a run has it at."""
    found = {name for run in runs for name in run.models[CANDIDATE].get(OVERALL, {})}
    limits = sorted({int(name[2:]) for name in found if name.startswith("AR") and name[2:].isdecimal()})
    recalls = [f"AR{limit}" for limit in limits] or COCO_NAMES[6:-3]
    return [*COCO_NAMES[:6], *recalls, *COCO_NAMES[-3:]]


def _columns(run: EvaluatedRun) -> dict[str, Any]:
    """Columns of the tables of slices, and the one that their chart shows first."""
    models = [model for model in (BASELINE, CANDIDATE) if model in run.models]
    columns = [f"AP {name}" for name in (*models, *([DIFFERENCE] if BASELINE in models else []))]
    return {"metrics": [*columns, *_SUPPORT], "shown": columns[-1]}


def _rows(run: EvaluatedRun) -> Iterator[_Row]:
    """Classes and slices of the golden set, and the other data sets as wholes."""
    candidate, baseline = run.models[CANDIDATE], run.models.get(BASELINE)
    for place, (key, figures) in enumerate(candidate.items()):
        if len(key) != 1:
            continue
        [(column, value)] = key
        values = {f"AP {CANDIDATE}": figures.get("AP"), **{name: figures.get(name) for name in _SUPPORT}}
        if baseline is not None:
            values[f"AP {BASELINE}"] = baseline.get(key, {}).get("AP")
            values[f"AP {DIFFERENCE}"] = figures.get(f"AP{_DIFF}")
        entry = {"slice": _slice_name(f"{column}:{value}", place), "metrics": _metrics(values)}
        yield _Row(column == CLASS, _fall(figures.get(f"AP{_DIFF}")), entry)


def _slice_name(name: str, place: int) -> str:
    """As TFMA writes it, with characters that hide others made visible; two that are cut stay apart."""
    shown = html.unescape(safe(name, _LONGEST_NAME))
    return shown if len(name) <= _LONGEST_NAME else f"{shown} #{place}"


def _fall(difference: Mapping[str, Any] | None) -> float:
    found = _finite(difference)
    value = found.get("value") if isinstance(found, dict) else found
    return -math.inf if value is None else -value


def _affordable(rows: Iterable[_Row], most_bytes: int) -> Iterator[_Row]:
    left = most_bytes
    for row in rows:
        left -= len(script_json(row.entry)) + 1
        if left < 0:
            return
        yield row


def _series(runs: Sequence[EvaluatedRun]) -> dict[str, Any]:
    """The candidates' figures of all runs."""
    rows, shown = [], _names(runs)
    for number, run in enumerate(runs, start=1):
        figures = run.models[CANDIDATE].get(OVERALL, {})
        names = {
            "modelIdentifier": numbered(number, len(runs), html.unescape(safe(run.run_id, _LONGEST_NAME))),
            "dataIdentifier": html.unescape(safe(run.data, _LONGEST_NAME)),
        }
        rows.append({"config": names, "metrics": _metrics({name: figures.get(name) for name in shown})})
    return {"config": {"isModelCentric": True}, "data": rows}


def _metrics(values: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """By output and sub key, both empty: TFMA's components show nothing until one of several sub keys is chosen."""
    metrics = {}
    for name, value in values.items():
        found = _finite(value)
        metrics[name] = {"boundedValue" if isinstance(found, dict) else "doubleValue": found}
    return {"": {"": metrics}}


def _finite(value: Mapping[str, Any] | None) -> float | dict[str, float] | None:
    """A figure, or value and interval; None where it is undefined, since JSON knows no NaN."""
    if value is None:
        return None
    bounded = value.get("boundedValue")
    if bounded is not None:
        bounds = {name: float(bounded.get(name, 0)) for name in ("value", "lowerBound", "upperBound")}
        return bounds if all(map(math.isfinite, bounds.values())) else None
    number = float(value.get("doubleValue", math.nan))
    return number if math.isfinite(number) else None
