"""Whether a candidate may be served; pure, and anything but a clear pass is a no."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ratchet.components.map_evaluator.high_water_bar import beside_the_mark
from ratchet.components.map_evaluator.second_opinion import second_opinion_reasons
from ratchet.components.map_evaluator.serving_cost import serving_reasons
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.shadow_rule import shadow_reasons
from ratchet.components.map_evaluator.slice_rules import slice_reasons
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    AS_SERVED_RULE,
    DataSetEvaluation,
    PostProcessing,
    SecondOpinion,
    Serving,
)
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.base import formatting
from ratchet.schemas.base.differences import found
from ratchet.schemas.base.formatting import difference, score

UNDEFINED = -1.0  # COCO's value of an mAP without ground truth


def decide(
    golden: DataSetEvaluation,
    sanity: Sequence[Reason],
    settings: EvaluatorSettings,
    serving: Serving | None = None,
    post_processing: PostProcessing | None = None,
    mark: HighWaterMark | None = None,
    second_opinion: SecondOpinion | None = None,
    shadow: Shadow | str | None = None,
) -> Decision:
    """Judges a candidate.

    Args:
        golden: what was measured on the golden set.
        sanity: what the training's record and the checks of the evaluation itself found; one that failed blocks,
            whatever was measured.
        settings: the rules.
        serving: latency and size; None where there are no models, only their detections.
        post_processing: the same candidate beside the baseline as it is served, where `golden` has the baseline with
            the candidate's post-processing.
        mark: the best model that was served on this golden set, if it is another than the baseline.
        second_opinion: what held-out images say; None where there are none, or no baseline.
        shadow: what logged requests say, or why nothing is known of them; None where nobody asked.

    Returns:
        The verdict with all reasons, those of `sanity` first.
    """
    reasons = [*sanity, *_rules_set(golden, settings), _defined(golden)]
    # A figure that is on record is of a model as it was served.
    reasons += _levels(golden, settings, None if post_processing else mark)
    reasons += [*slice_reasons(golden, settings), *_new_classes(golden)]
    reasons += second_opinion_reasons(second_opinion, settings)
    reasons += serving_reasons(serving, settings) if serving else []
    clear = _interval(golden, settings)
    if post_processing:
        reasons += below_served(golden, post_processing, settings, mark)
        clear += [as_served(reason) for reason in _interval(post_processing.as_served, settings)]
    clear += shadow_reasons(shadow, settings.shadow) if shadow is not None else []
    if not all(reason.passed for reason in reasons):
        return Decision(Verdict.BLOCKED, (*reasons, *clear))
    if not all(reason.passed for reason in clear):
        return Decision(Verdict.INCONCLUSIVE, (*reasons, *clear))
    return Decision(Verdict.PUSHED if golden.baseline else Verdict.BOOTSTRAPPED, (*reasons, *clear))


def _rules_set(golden: DataSetEvaluation, settings: EvaluatorSettings) -> list[Reason]:
    """A failed reason when the configuration leaves nothing that could block."""
    names = ["min_map"] if golden.baseline is None else ["margin", "tolerance", "class_drop", "slice_drop"]
    if any(getattr(settings, name) is not None for name in names):
        return []
    limits = ", ".join(f"evaluator.{name}" for name in names)
    return [Reason("no_rules", f"a limit under at least one of {limits}", "all are null: nothing is blessed")]


def _defined(golden: DataSetEvaluation) -> Reason:
    values = [scores.coco["AP"] for scores in (golden.candidate, golden.baseline) if scores]
    defined = all(math.isfinite(value) and value > UNDEFINED for value in values)
    shown = ", ".join(score(value, "undefined") for value in values)
    return Reason("map_defined", "mAP is defined for every model", f"mAP {shown}", passed=defined)


def below_served(
    golden: DataSetEvaluation,
    post_processing: PostProcessing,
    settings: EvaluatorSettings,
    mark: HighWaterMark | None = None,
) -> list[Reason]:
    """What compares the candidate with the baseline as it is served, post-processing included.

    Args:
        golden: the baseline with the candidate's post-processing.
        post_processing: the baseline as it is served.
        settings: the rules.
        mark: see `decide`.
    """
    served = post_processing.as_served
    compared = [reason for reason in _levels(served, settings, mark) if reason.rule == "map_drop"]
    compared += [reason for reason in slice_reasons(served, settings) if reason.rule.startswith(_OF_BOTH)]
    shares = _shares(golden, post_processing)
    return [
        replace(reason, actual=f"{reason.actual}; {shares}") if reason.rule == "map_drop_as_served" else reason
        for reason in map(as_served, compared)
    ]


_OF_BOTH = ("class_drop", "slice_drop", "class_margin", "slice_margin", "class_and_slice_drops")


def as_served(reason: Reason) -> Reason:
    """A rule's reason where the baseline is the one that is served, with its own post-processing."""
    name, colon, of = reason.rule.partition(":")
    return replace(
        reason,
        rule=f"{name}{AS_SERVED_RULE}{colon}{of}",
        expected=f"{reason.expected}, with the baseline as it is served",
    )


def _shares(golden: DataSetEvaluation, post_processing: PostProcessing) -> str:
    """How much of a difference is the post-processing's, and how much the training's."""
    served, same, candidate = (
        scores.coco["AP"] if scores else UNDEFINED
        for scores in (post_processing.as_served.baseline, golden.baseline, golden.compared.candidate)
    )
    return (
        f"of it {difference(same - served)} by post-processing ({post_processing.changed}; {score(served)} to "
        f"{score(same)}), {difference(candidate - same)} by training ({score(same)} to {score(candidate)})"
    )


def _levels(golden: DataSetEvaluation, settings: EvaluatorSettings, mark: HighWaterMark | None) -> list[Reason]:
    reasons = []
    candidate = golden.candidate.coco["AP"]
    if settings.min_map is not None:
        reached = candidate >= settings.min_map
        expected = f"candidate mAP at least {settings.min_map:g}"
        reasons.append(Reason("min_map", expected, score(candidate, "undefined"), passed=reached))
    if golden.baseline and settings.margin is not None:
        against_baseline = _does_not_fall(golden, golden.baseline.coco["AP"], settings.margin)
        reasons.append(beside_the_mark(against_baseline, golden, settings, mark))
    return reasons


def _over(golden: DataSetEvaluation) -> str:
    """Which classes are compared, where it is not all."""
    if golden.shared is None:
        return ""
    count = len(golden.shared.class_support)
    return f" over the {count} classes that both know" if count > 1 else " over the one class that both know"


def _new_classes(golden: DataSetEvaluation) -> list[Reason]:
    if not golden.new_classes:
        return []
    support = golden.class_support
    shown = [
        f"{name} AP {score(golden.candidate.per_class[name])} ({support[name].objects} objects)"
        if support[name].objects
        else f"{name} (no object in the golden set)"
        for name in golden.new_classes
    ]
    return [
        Reason(
            rule="new_classes",
            expected="the classes of the baseline, for others have nothing to be compared with",
            actual=f"new: {', '.join(shown)}; with them the candidate's mAP is {score(golden.candidate.coco['AP'])}",
            passed=True,
            warning=True,
        )
    ]


def _does_not_fall(golden: DataSetEvaluation, baseline: float, margin: float) -> Reason:
    candidate = golden.compared.candidate.coco["AP"]
    interval = golden.deltas.overall.interval if golden.deltas else None
    less = f" - {margin:g}" if margin else ""
    return Reason(
        rule="map_drop",
        expected=f"candidate mAP at least the baseline's {score(baseline, 'undefined')}{less}{_over(golden)}",
        actual=found(score(candidate, "undefined"), candidate - baseline, interval),
        passed=candidate >= baseline - margin,
    )


def _interval(golden: DataSetEvaluation, settings: EvaluatorSettings) -> list[Reason]:
    if golden.deltas is None or settings.tolerance is None:
        return []
    overall = golden.deltas.overall
    interval = overall.interval
    few = "" if overall.units is None else f": its objects are as good as in {overall.units:.1f} independent units"
    return [
        Reason(
            rule="map_interval",
            expected=f"a fall of more than {settings.tolerance:g} ruled out by the 95 % interval of the difference"
            + _over(golden),
            actual=f"95 % interval {formatting.interval(interval)}" if interval else f"there is no interval{few}",
            passed=interval is not None and interval[0] >= -settings.tolerance,
        )
    ]
