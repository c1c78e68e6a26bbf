"""Runs as TFMA reads them, any part of which a test can replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.components.review.tfma_view.figures import EvaluatedRun, SliceKey
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, COCO_NAMES

NAN = "NaN"  # as TFMA writes it


def number(value: float | str) -> dict[str, Any]:
    return {"doubleValue": value}


def bounded(value: float, lower: float, upper: float) -> dict[str, Any]:
    return {"boundedValue": {"value": value, "lowerBound": lower, "upperBound": upper}}


def evaluated_run(
    run_id: str = "span-2-a-1",
    overall: tuple[float, float | None] = (0.45, 0.5),
    slices: Mapping[SliceKey, tuple[float | str, float | str]] | None = None,
) -> EvaluatedRun:
    """A run; `overall` and slices are AP of candidate and baseline. Other COCO figures are .3 and .2, APl undefined."""
    ap, baseline_ap = overall
    models: dict[str, dict[SliceKey, dict[str, Any]]] = {CANDIDATE: {(): whole(0.3, ap)}}
    if baseline_ap is not None:
        models[BASELINE] = {(): whole(0.2, baseline_ap)}
        difference = ap - baseline_ap
        models[CANDIDATE][()]["AP_diff"] = bounded(difference, difference - 0.02, difference + 0.02)
        models[CANDIDATE][()]["AP50_diff"] = number(0.1)
    for key, (candidate, baseline) in (slices or {}).items():
        models[CANDIDATE][key] = {"AP": number(candidate), "example_count": number(40.0), "objects": number(90.0)}
        if baseline_ap is not None:
            models[BASELINE][key] = {"AP": number(baseline)}
            difference = NAN if isinstance(candidate, str) or isinstance(baseline, str) else candidate - baseline
            models[CANDIDATE][key]["AP_diff"] = number(difference)
    return EvaluatedRun(run_id, "12", models)


def whole(value: float, ap: float) -> dict[str, Any]:
    return {**{name: number(value) for name in COCO_NAMES}, "AP": number(ap), "APl": number(NAN)}


def of_class(name: str) -> SliceKey:
    return (("class", name),)
