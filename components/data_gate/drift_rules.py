"""Distances -> rules in plain words; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ratchet.components.data_gate.coping import Coping
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.pages.feature_words import allowed, as_before, difference, exactly, moved_by
from ratchet.components.pages.features import short_title
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

_HARMLESS_FALLS = (features.QA_NOISE,)  # blur takes noise away, and is seen by the sharpness
_WITHIN, _HARMLESS = "; that is within what is allowed", "; less of it is no fault"
_BY_CHANCE = "; samples as small as these differ as much by chance"

FIRST_SPAN = "first_span"  # the rule about creeping away from it
_MOST_EXTREME = 12  # images that a rule names
_NEAR = 0.5  # of a wide effect: from there on a person is told
_CALM = 0.5  # of what passes: up to it a feature is as it was


def strength(comparison: Comparison, settings: DataGateSettings) -> float:
    """How far beyond what passes a feature is; above 1 it has drifted.

    A drift is a distance beyond its limit of an effect beyond its minimum. How far beyond is said by the effect: a
    divergence ends at 1, however far apart two samples are, so it counts only where it is within its limit.
    """
    far = comparison.distance / comparison.limit if comparison.limit > 0 else float(comparison.distance > 0)
    minimum = settings.minimum_effect_of(comparison.feature)
    if not minimum:
        return far
    moved = _effect(comparison) / minimum
    if comparison.feature == EMBEDDING and not comparison.passed:
        # Backbones differ in how far their means move, not in the scale of the coefficient.
        return min(moved, (comparison.distance - comparison.noise) / max(1e-12, comparison.limit - comparison.noise))
    return min(far, moved) if comparison.passed else moved


def drift_reason(
    comparison: Comparison, settings: DataGateSettings, images: tuple[str, ...] = (), coping: Coping | None = None
) -> Reason:
    """Judges one comparison.

    Args:
        comparison: distance, limit, effect size.
        settings: the effect that it takes to stop a run.
        images: file names of those of the span that differ most.
        coping: how the served model does in the span; None: nobody knows.
    """
    feature = comparison.feature
    minimum = settings.minimum_effect_of(feature)
    effect = _effect(comparison)
    is_far = not comparison.passed and not _is_harmless(comparison)
    drifted = is_far and minimum is not None and effect >= minimum
    warns = is_far and (minimum is None or effect >= minimum / 2)
    copes = comparison.kind == DRIFT and coping is not None and coping.copes
    wide = settings.wide_effect_of(comparison.feature)
    lost = comparison.kind == DRIFT and coping is not None and not coping.copes
    stops = drifted and not (copes and effect < wide) and not (lost and effect < settings.agreed_effect_of(feature))
    by_chance = comparison.passed and minimum is not None and minimum <= effect
    calm = comparison.passed and strength(comparison, settings) <= _CALM and not by_chance
    actual = as_before(comparison) if calm else difference(comparison) + (_BY_CHANCE if by_chance else "")
    actual += _moved_before(comparison) if stops or warns else ""
    if not (stops or warns or calm or by_chance):  # a difference that is told, of a rule that passed
        actual += _HARMLESS if _is_harmless(comparison) else _WITHIN
    return Reason(
        rule=f"{comparison.kind}:{comparison.feature}",
        expected=allowed(comparison, minimum),
        actual=actual + (_behaviour(comparison, coping, stops) if drifted else ""),
        passed=not stops,
        warning=warns and not stops,
        images=images if stops or warns else (),
        strength=strength(comparison, settings) if minimum else None,
        measure=exactly(comparison, minimum, wide if copes and math.isfinite(wide) else None),
    )


def _is_harmless(comparison: Comparison) -> bool:
    span, other = comparison.span.median, comparison.other.median
    falls = span is not None and other is not None and span < other
    return falls and comparison.feature in _HARMLESS_FALLS


def unknown_to_model(kind: str, feature: str) -> Reason:
    """What one side was never measured for, as the training data of a model of an older version, or has none of."""
    return Reason(
        f"{kind}:{feature}",
        "values on both sides",
        "it was not measured in the served model's training data, as by an older version, or has no value here"
        if kind == DRIFT
        else "it has no value here or in the requests",
        passed=True,
        tested=False,
    )


def _effect(comparison: Comparison) -> float:
    return comparison.distance if comparison.effect_size is None else comparison.effect_size


def _moved_before(comparison: Comparison) -> str:
    if not comparison.moved_before:
        return ""
    between = "halves of the training data" if comparison.moved_in_halves else "earlier spans"
    return f"; between {between} at most {moved_by(comparison.feature, max(comparison.moved_before))}"


def _behaviour(comparison: Comparison, coping: Coping | None, stops: bool) -> str:
    """What the served model makes of a drift."""
    if comparison.kind != DRIFT or coping is None:
        return ""
    if not coping.copes:
        return f"; the served model does not cope: {coping}"
    return f"; {'too far to go on unseen, though ' if stops else ''}the served model copes: {coping}"


def lineage_reason(
    comparisons: Sequence[Comparison], settings: DataGateSettings, coping: Coping | None
) -> list[Reason]:
    """Whether spans have crept away from the lineage's first one, each a little.

    Args:
        comparisons: of the span with what the served model was trained on.
        settings: effects that are wide.
        coping: how the served model does in the span; None: nobody knows.

    Returns:
        Nothing where there is no earlier span.
    """
    moved = {
        comparison: comparison.from_first / settings.wide_effect_of(comparison.feature)
        for comparison in comparisons
        if comparison.kind == DRIFT
        and comparison.from_first is not None
        and math.isfinite(settings.wide_effect_of(comparison.feature))
        and strength(comparison, settings) <= 1  # what has drifted from all spans says so itself
    }
    if not moved:
        return []
    worst = max(moved, key=lambda comparison: moved[comparison])
    far = moved[worst]
    agrees = coping is not None and not coping.copes
    wide = settings.wide_effect_of(worst.feature)
    return [
        Reason(
            rule=f"{DRIFT}:{FIRST_SPAN}",
            expected=f"no wide drift since {worst.first}, the first that the model was trained on; half of one warns",
            actual=f"the largest move since then is in {short_title(worst.feature)}: by "
            f"{moved_by(worst.feature, worst.from_first or 0.0)}, where {moved_by(worst.feature, wide)} is wide"
            + (f"; the served model does not cope: {coping}" if agrees and far > _NEAR else ""),
            passed=not (far > 1 and agrees),
            warning=far > _NEAR and not (far > 1 and agrees),
            strength=far,
        )
    ]


def too_few(kind: str, span: int, other: int, fewest: int) -> Reason:
    """Nothing can be said of samples this small."""
    return Reason(
        kind,
        f"at least {fewest} images on both sides to tell {kind} from chance",
        f"{many(span, 'image')} here, {other:,} there",
        passed=True,
        warning=True,
        tested=False,
    )


def without_training(origin: str) -> Reason:
    """Nothing can be said of drift from training data that nobody knows.

    Args:
        origin: how the served model came about, in words.
    """
    return Reason(
        DRIFT,
        "a span like what the served model was trained on",
        f"not compared: the served model was {origin}",
        passed=True,
        tested=False,
    )


def most_extreme(comparison: Comparison, sample: FeatureSample) -> list[int]:
    """Rows of the images of the span that moved farthest in the direction in which its median moved."""
    feature = comparison.feature
    if comparison.span.median is None or comparison.other.median is None:
        return []
    sign = 1 if comparison.span.median > comparison.other.median else -1
    if feature in sample.images:
        return np.argsort(-sign * sample.images[feature], kind="stable")[:_MOST_EXTREME].tolist()
    if feature in sample.objects:
        owner = np.repeat(np.arange(len(sample)), sample.box_counts)
        order = owner[np.argsort(-sign * sample.objects[feature], kind="stable")]
        return list(dict.fromkeys(order.tolist()))[:_MOST_EXTREME]
    return []
