"""The rule `map_drop` beside the best model that was served, where an approval has lowered the baseline; pure."""

from __future__ import annotations

import dataclasses
import math

from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.base.formatting import difference, score


def beside_the_mark(
    against_baseline: Reason, golden: DataSetEvaluation, settings: EvaluatorSettings, mark: HighWaterMark | None
) -> Reason:
    """The rule as it was held against the baseline, with the distance to the best served model; or held against that.

    Args:
        against_baseline: `map_drop`.
        golden: what was measured on the golden set, with a baseline.
        settings: `bar` and `margin`.
        mark: the best model that was served on this golden set, if it is another than the baseline.
    """
    baseline = golden.compared.baseline.coco["AP"] if golden.compared.baseline else math.nan
    if mark is None or not 0 <= baseline < mark.map:  # nor where it is undefined
        return against_baseline
    best = f"version {mark.version}, the best that was served on this golden set"
    if golden.shared is not None:
        return _with(against_baseline, f"not held against {best}, whose {score(mark.map)} is over all classes")
    candidate = golden.candidate.coco["AP"]
    since = f" since {mark.lowered_by}" if mark.lowered_by else ""
    lowered = f"{score(mark.map - baseline)} below it{since}"
    if settings.bar == "baseline":
        told = _with(against_baseline, f"{best}, had {score(mark.map)}, and the baseline is {lowered}")
        return dataclasses.replace(told, warning=told.passed and candidate < mark.map)
    margin = settings.margin or 0.0
    less = f" - {margin:g}" if margin else ""
    return Reason(
        rule=against_baseline.rule,
        expected=f"candidate mAP at least the {score(mark.map)}{less} of {best} (evaluator.bar)",
        actual=f"{score(candidate)} ({difference(candidate - mark.map)}); the baseline is {lowered}",
        passed=candidate >= mark.map - margin,
    )


def _with(reason: Reason, more: str) -> Reason:
    return dataclasses.replace(reason, actual=f"{reason.actual}; {more}")
