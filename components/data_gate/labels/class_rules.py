"""The rules on classes: confused with a system, and wrong without one; pure."""

from __future__ import annotations

from components.data_gate.labels.classes import Confusion, Judged, confusions, is_of, judge, wrong_at_random
from components.data_gate.labels.matching import SURE, Matched
from components.data_gate.labels.seen import Seen
from components.data_gate.labels.statistics import Excess
from components.data_gate.labels.wording import Finding, per_image, reason_of, worst_images
from schemas.artifacts.decisions import Reason


def class_reasons(
    span: Matched, golden: Matched, trust: float, class_names: tuple[str, ...], classes: float, noise: float
) -> list[Reason]:
    """The rules `labels:classes` and `labels:noise`; what a confusion explains is no noise.

    Args:
        span: the new labels.
        golden: the trusted ones.
        trust: see `shortfall`.
        class_names: in label order.
        classes: accepted share of what looks like one class that is labelled as a certain other.
        noise: accepted share of labels that are wrong without a system.
    """
    ours, theirs = (judge(side, SURE[0]) for side in (span, golden))
    found = confusions(ours, theirs)
    rest = [side.rows(~is_of(side, found)) for side in (ours, theirs)]
    return [
        _confused(ours, found, class_names, classes, span.seen),
        _noisy(rest[0], rest[1], trust, len(class_names), noise, span.seen),
    ]


def _confused(judged: Judged, found: list[Confusion], names: tuple[str, ...], limit: float, seen: Seen) -> Reason:
    failed = bool(any(each.excess > limit for each in found))
    words = [_in_words(each, names) for each in found] or ["no two classes are confused"]
    return Reason(
        "labels:classes",
        f"of what looks like one class at most {limit:.0%} more than in the golden set labelled as a certain other",
        "; ".join(words),
        passed=not failed,
        warning=bool(found) and not failed,
        images=worst_images(seen, per_image(seen, judged.image[is_of(judged, found)])),
    )


def _in_words(confusion: Confusion, names: tuple[str, ...]) -> str:
    looks_like, labelled = names[confusion.looks_like - 1], names[confusion.labelled - 1]
    usual = f"golden set: {confusion.golden_share:.0%}"
    return f"{confusion.share:.0%} of what looks like {looks_like} is labelled {labelled} ({usual})"


def _noisy(span: Judged, golden: Judged, trust: float, classes: int, limit: float, seen: Seen) -> Reason:
    # Of all sureties the one that accuses least: the model's own errors are among the less sure.
    excesses = []
    for surety in SURE:
        ours, theirs = (side.rows((side.surety >= surety) & side.is_labelled) for side in (span, golden))
        if len(ours.image) and len(theirs.image):
            excesses.append(wrong_at_random(ours, theirs, classes, trust))
    excess = min(excesses, key=lambda each: each.value, default=Excess(0.0, 1.0, 1))
    share = f"at least {max(0.0, excess.value):.0%} of the objects ({excess.interval})"
    finding = Finding(
        excess, f"{share} have a wrong class without a system", per_image(seen, span.image[span.is_other])
    )
    expected = f"at most {limit:.0%} of the objects labelled as a class that they do not look like"
    return reason_of("labels:noise", expected, finding, limit, seen)
