"""Distances -> rules in plain words; pure."""

from __future__ import annotations

from components.data_gate.settings import DataGateSettings
from components.pages.feature_words import allowed, difference, exactly
from schemas.artifacts.data_evidence import Comparison
from schemas.artifacts.decisions import Reason
from schemas.data import features

_HARMLESS_FALLS = (features.QA_NOISE,)  # blur takes noise away, and is seen by the sharpness
_BY_CHANCE = "; samples as small as these differ as much by chance"


def drift_reason(comparison: Comparison, settings: DataGateSettings, images: tuple[str, ...] = ()) -> Reason:
    """Judges one comparison.

    Args:
        comparison: distance, limit, effect size.
        settings: the effect that it takes to stop a run.
        images: file names of those of the span that differ most.
    """
    minimum = settings.minimum_effect_of(comparison.feature)
    effect = comparison.distance if comparison.effect_size is None else comparison.effect_size
    is_far = not comparison.passed and not _is_harmless(comparison)
    stops = is_far and minimum is not None and effect >= minimum
    warns = is_far and (minimum is None or effect >= minimum / 2)
    by_chance = comparison.passed and minimum is not None and minimum <= effect
    return Reason(
        rule=f"{comparison.kind}:{comparison.feature}",
        expected=allowed(comparison, minimum),
        actual=difference(comparison) + (_BY_CHANCE if by_chance else ""),
        passed=not stops,
        warning=warns and not stops,
        images=images if stops or warns else (),
        strength=_strength(comparison, minimum, effect),
        measure=exactly(comparison, minimum),
    )


def _is_harmless(comparison: Comparison) -> bool:
    span, other = comparison.span.median, comparison.other.median
    falls = span is not None and other is not None and span < other
    return falls and comparison.feature in _HARMLESS_FALLS


def unknown_to_model(kind: str, feature: str) -> Reason:
    """What the other side was never measured for, as a model of an older version."""
    return Reason(
        f"{kind}:{feature}",
        "the same figure of the data that it is compared with",
        "nothing to compare with: it was not measured there, or no image has it",
        passed=True,
        tested=False,
    )


def _strength(comparison: Comparison, minimum: float | None, effect: float) -> float | None:
    """How far the values moved over what stops a run; None for what never does.

    A divergence ends at 1, however far apart two samples are, so it counts only where it is within its limit.
    """
    if not minimum:
        return None
    moved = effect / minimum
    return min(moved, comparison.distance / comparison.limit) if comparison.passed and comparison.limit > 0 else moved


def too_few(kind: str, span: int, other: int, fewest: int) -> Reason:
    """Nothing can be said of samples this small."""
    return Reason(
        kind,
        f"at least {fewest} images on both sides to tell {kind} from chance",
        f"{span} here, {other} there",
        passed=True,
        warning=True,
        tested=False,
    )
