"""Distances -> rules in plain words, and which finding explains which; pure."""

from __future__ import annotations

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
    features.QA_HUE: ("other colours", "other colours"),
    features.QA_LOG_NOISE: ("less pixel noise", "more pixel noise"),
    features.QA_SHARPNESS: ("blurred", "sharper"),
    features.QA_CONTRAST: ("less contrast", "more contrast"),
    features.QA_BOX_LOG_ASPECT: ("narrower boxes", "wider boxes"),
}
_HARMLESS_FALLS = (features.QA_LOG_NOISE,)  # blur takes noise away, and is seen by the sharpness


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
    against = "the served model's training data" if comparison.kind == DRIFT else "the logged requests"
    expected = f"{comparison.measure} at most {comparison.limit:.3g} from {against}"
    if minimum and comparison.effect_size is not None:
        expected += f", or an effect size below {minimum:g}"
    return Reason(
        rule=f"{comparison.kind}:{comparison.feature}",
        expected=expected,
        actual=_actual(comparison, stops or warns),
        passed=not stops,
        warning=warns and not stops,
        images=images if stops or warns else (),
        strength=_strength(comparison, minimum, effect),
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
        f"{span} here, {other} there: not tested",
        passed=True,
        warning=True,
        tested=False,
    )


def _actual(comparison: Comparison, far: bool) -> str:
    words = _words(comparison) if far else ""
    effect = "" if comparison.effect_size is None else f", effect size {comparison.effect_size:.2g}"
    return f"{words}{comparison.distance:.3f}{effect}"


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
