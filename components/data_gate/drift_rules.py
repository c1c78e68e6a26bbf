"""Distances -> rules in plain words, and which finding explains which; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from components.data_gate.coping import Coping
from components.data_gate.settings import DataGateSettings
from schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from schemas.artifacts.decisions import Reason
from schemas.data import features

# (what a person calls a fall of the median, what a rise); the order is that of explanation: less light also takes
# contrast and sharpness away, and small objects take detail away, but not the other way round.
WORDS = {
    features.QA_BRIGHTNESS: ("darker", "brighter"),
    features.QA_RED_CAST: ("a colour cast, less red", "a colour cast, more red"),
    features.QA_BLUE_CAST: ("a colour cast, less blue", "a colour cast, more blue"),
    features.QA_BOX_LOG_AREA: ("smaller objects, as from farther away", "larger objects, as from nearer"),
    features.QA_SHARPNESS: ("blurred", "sharper"),
    features.QA_CONTRAST: ("less contrast", "more contrast"),
    features.QA_BOX_LOG_ASPECT: ("narrower boxes", "wider boxes"),
}

FIRST_SPAN = "first_span"  # the rule about creeping away from it
_NEAR = 0.5  # of a wide effect: from there on a person is told


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
    minimum = settings.minimum_effect_of(comparison.feature)
    effect = _effect(comparison)
    drifted = not comparison.passed and minimum is not None and effect >= minimum
    warns = not comparison.passed and (minimum is None or effect >= minimum / 2)
    copes = comparison.kind == DRIFT and coping is not None and coping.copes
    wide = settings.wide_effect_of(comparison.feature)
    stops = drifted and not (copes and effect < wide)
    return Reason(
        rule=f"{comparison.kind}:{comparison.feature}",
        expected=_expected(comparison, minimum, wide if copes else None),
        actual=_actual(comparison, stops or warns) + (_behaviour(comparison, coping, stops) if drifted else ""),
        passed=not stops,
        warning=warns and not stops,
        images=images if stops or warns else (),
        strength=strength(comparison, settings) if minimum else None,
    )


def _effect(comparison: Comparison) -> float:
    return comparison.distance if comparison.effect_size is None else comparison.effect_size


def _expected(comparison: Comparison, minimum: float | None, wide: float | None) -> str:
    against = "the served model's training data" if comparison.kind == DRIFT else "the logged requests"
    if comparison.reference:
        against += f", of which {comparison.reference} is nearest"
    text = f"{comparison.measure} at most {comparison.limit:.3g} from {against}"
    if minimum and comparison.effect_size is not None:
        text += f", or an effect size below {minimum:g}"
        text += f"; below {wide:g} where the served model copes" if wide is not None and math.isfinite(wide) else ""
    return text


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
    }
    if not moved:
        return []
    worst = max(moved, key=lambda comparison: moved[comparison])
    far, title = moved[worst], features.FEATURE_TITLES.get(worst.feature, worst.feature)
    agrees = coping is not None and not coping.copes
    wide = settings.wide_effect_of(worst.feature)
    return [
        Reason(
            rule=f"{DRIFT}:{FIRST_SPAN}",
            expected=f"no wide drift from {worst.first}, the first that this model's line was trained on; "
            "a warning from half of one on",
            actual=f"{title}: effect size {worst.from_first:.2g} of {wide:g}"
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
        f"{span} here, {other} there: not tested",
        passed=True,
        warning=True,
        tested=False,
    )


def _actual(comparison: Comparison, far: bool) -> str:
    words = _words(comparison) if far else ""
    effect = "" if comparison.effect_size is None else f", effect size {comparison.effect_size:.2g}"
    moved = _moved_before(comparison) if far else ""
    return f"{words}{comparison.distance:.3f}{effect}{moved}"


def _moved_before(comparison: Comparison) -> str:
    if not comparison.moved_before:
        return ""
    between = "halves of it" if comparison.moved_in_halves else "earlier spans"
    return f" (between {between} at most {max(comparison.moved_before):.2g})"


def _words(comparison: Comparison) -> str:
    if comparison.feature == EMBEDDING:
        return "the images look different to the served model, as from another camera or scene: "
    span, other = comparison.span, comparison.other
    if span.median is None or other.median is None:
        return _changed_category(other, span)
    less, more = WORDS.get(comparison.feature, ("lower", "higher"))
    title = features.FEATURE_TITLES.get(comparison.feature, comparison.feature)
    return f"{more if span.median > other.median else less}: median {title} {other.median:.3g} -> {span.median:.3g}; "


def _changed_category(other: Distribution, span: Distribution) -> str:
    shares = dict(zip(other.categories, other.shares))
    now = dict(zip(span.categories, span.shares))
    names = sorted({*shares, *now}, key=lambda name: (-abs(now.get(name, 0) - shares.get(name, 0)), name in shares))
    if not names:
        return ""
    name = names[0]
    new = "" if name in shares else "new: "
    return f"{new}{name} {shares.get(name, 0):.0%} -> {now.get(name, 0):.0%}; "
