"""Whether a candidate may be served; pure, and anything but a clear pass is a no."""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.map_evaluator.settings import EvaluatorSettings
from schemas.decisions import Decision, Reason, Verdict

UNDEFINED = -1.0  # COCO's value of an mAP without ground truth


@dataclass(frozen=True)
class Comparison:
    """What was measured, on the same images by the same code.

    Attributes:
        candidate_map: COCO mAP of the candidate.
        baseline_map: of the baseline; None before the first model.
        delta_ci: 95 % interval of candidate minus baseline; None without a baseline.
    """

    candidate_map: float
    baseline_map: float | None = None
    delta_ci: tuple[float, float] | None = None


def decide(measured: Comparison, settings: EvaluatorSettings) -> Decision:
    """Judges a candidate.

    >>> decide(Comparison(0.40, 0.50, (-0.12, -0.08)), EvaluatorSettings()).verdict.value
    'BLOCKED'
    """
    reasons = [_defined(measured), _reaches(measured, settings)]
    if measured.baseline_map is None or measured.delta_ci is None:
        return _conclude(reasons, passing=Verdict.BOOTSTRAPPED)
    reasons.append(_does_not_fall(measured.candidate_map, measured.baseline_map, settings))
    clear = _is_clear(measured.delta_ci, settings)
    decision = _conclude(reasons, passing=Verdict.PUSHED)
    if decision.verdict is Verdict.PUSHED and not clear.passed:
        return Decision(Verdict.INCONCLUSIVE, (*reasons, clear))
    return Decision(decision.verdict, (*reasons, clear))


def _conclude(reasons: list[Reason], passing: Verdict) -> Decision:
    verdict = passing if all(reason.passed for reason in reasons) else Verdict.BLOCKED
    return Decision(verdict, tuple(reasons))


def _defined(measured: Comparison) -> Reason:
    values = [measured.candidate_map] + ([] if measured.baseline_map is None else [measured.baseline_map])
    defined = all(math.isfinite(value) and value > UNDEFINED for value in values)
    return Reason("map_defined", "mAP is defined for every model", ", ".join(map(str, values)), passed=defined)


def _reaches(measured: Comparison, settings: EvaluatorSettings) -> Reason:
    return Reason(
        rule="min_map",
        expected=f"candidate mAP at least {settings.min_map:g}",
        actual=f"{measured.candidate_map:.4f}",
        passed=measured.candidate_map >= settings.min_map,
    )


def _does_not_fall(candidate: float, baseline: float, settings: EvaluatorSettings) -> Reason:
    margin = f" - {settings.margin:g}" if settings.margin else ""
    return Reason(
        rule="map_drop",
        expected=f"candidate mAP at least the baseline's {baseline:.4f}{margin}",
        actual=f"{candidate:.4f} ({candidate - baseline:+.4f})",
        passed=candidate >= baseline - settings.margin,
    )


def _is_clear(interval: tuple[float, float], settings: EvaluatorSettings) -> Reason:
    low, high = interval
    return Reason(
        rule="map_interval",
        expected=f"a drop of more than {settings.tolerance:g} outside the 95 % interval of the difference",
        actual=f"[{low:+.4f}, {high:+.4f}]",
        passed=math.isfinite(low) and low >= -settings.tolerance,
    )
