"""What TFMA read of runs, any part of which a test can replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.components.review.tfma_view.results import Figure, SliceKey, TfmaResults, Validation
from ratchet.components.review.tfma_view.runs import RunName
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, COCO_NAMES

Values = tuple[float | None, float | None]  # AP of candidate and baseline


def run_name(span: int, **fields: Any) -> RunName:
    """The run of a span, whose model was served where its version is given."""
    at = f"2030-01-{span:02}T12:00:00+00:00"
    return RunName(
        **{"run_id": f"span-{span}", "span": span, "at": at, "verdict": "PUSHED", "golden": "d1ge57"} | fields
    )


def results(
    overall: Values = (0.45, 0.5),
    slices: Mapping[SliceKey, Values] | None = None,
    past: Mapping[RunName, float | None] | None = None,
    **fields: Any,
) -> TfmaResults:
    """A run of span 3. Other COCO figures are .3 and .2, APl is undefined; only the whole has an interval."""
    ap, baseline = overall
    models: dict[str, dict[SliceKey, dict[str, Figure]]] = {CANDIDATE: {(): whole(0.3, ap)}}
    if baseline is not None:
        models[BASELINE] = {(): whole(0.2, baseline)}
        change = (ap or 0) - baseline
        models[CANDIDATE][()] |= {"AP_diff": Figure(change, change - 0.02, change + 0.02), "AP50_diff": Figure(0.1)}
    for key, (candidate, before) in (slices or {}).items():
        figures = {"AP": Figure(candidate), "example_count": Figure(40.0), "objects": Figure(90.0)}
        if baseline is not None:
            models[BASELINE][key] = {"AP": Figure(before)}
            undefined = candidate is None or before is None
            figures["AP_diff"] = Figure(None if undefined else candidate - before)  # type: ignore[operator]
        models[CANDIDATE][key] = figures
    whole_past = {run: whole(0.3, value) for run, value in (past or {}).items()}
    made: dict[str, Any] = {"run": run_name(3, verdict="BLOCKED"), "validation": Validation(False), "past": whole_past}
    return TfmaResults(models=models, **made | fields)


def whole(value: float, ap: float | None) -> dict[str, Figure]:
    return {**dict.fromkeys(COCO_NAMES, Figure(value)), "AP": Figure(ap), "APl": Figure(None)}


def of_class(name: str) -> SliceKey:
    return (("class", name),)


def of_both(name: str, column: str, value: str) -> SliceKey:
    return (("class", name), (column, value))
