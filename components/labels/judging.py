"""The rules about how labels are made, on images whose labels the model can judge; pure."""

from __future__ import annotations

import dataclasses

import numpy as np

from ratchet.components.labels.classes import class_reasons
from ratchet.components.labels.drawing import drawing_reasons, drawing_slack
from ratchet.components.labels.jitter import jitter_reason
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.matching import Matched, match_labels, relative_recall
from ratchet.components.labels.missing import missing_reason
from ratchet.components.labels.profile import Profile, sightings_of
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.columns import DetectionColumns

RULES = tuple(f"labels:{name}" for name in ("offset", "size", "jitter", "classes", "noise", "missing"))
_LIKELY = 0.6  # precision on the golden set of what the model is believed to see at all


def compared(span: Profile, golden: Profile, min_objects: int) -> tuple[Matched, Matched]:
    """The labels of a span and of the golden set, each beside what the model sees there."""
    sightings = sightings_of(golden)
    lowest_score = _lowest_score(golden, sightings, min_objects)
    trusted = match_labels(golden, sightings, lowest_score)
    return match_labels(span, sightings_of(span), lowest_score, trusted), trusted


def judged_reasons(
    known: tuple[Matched, Matched] | None,
    class_names: tuple[str, ...],
    limits: LabelLimits,
    cause: str,
    otherwise: float = 1.0,
) -> list[Reason]:
    """One reason for each of `RULES`.

    Args:
        known: the labels of the span and the golden set's; None if they cannot be judged.
        class_names: in label order.
        limits: how far the span may be from the golden set.
        cause: the rule because of which they cannot.
        otherwise: see `Trust`.
    """
    if known is None:
        return [untested(rule, cause) for rule in RULES]
    span, golden = known
    recall = relative_recall(span, golden)
    slack = drawing_slack(span, golden, recall, otherwise)
    return [
        *drawing_reasons(span, golden, slack * limits.offset, slack * limits.size),
        jitter_reason(span, golden, slack * limits.jitter),
        *class_reasons(span, golden, recall, class_names, limits.classes, limits.noise),
        missing_reason(span, golden, recall, class_names, limits.missing),
    ]


def not_judged(reason: Reason, cause: str) -> Reason:
    """A rule that decides nothing because of another."""
    return dataclasses.replace(reason, passed=True, warning=False, images=(), tested=False, strength=None, cause=cause)


def untested(rule: str, cause: str) -> Reason:
    """A rule that nothing was asked of, because of another."""
    return Reason(rule, "labels that can be judged", f"not tested because of {cause}", True, tested=False, cause=cause)


def _lowest_score(golden: Profile, sightings: DetectionColumns, min_objects: int) -> float:
    # Of a model that never reaches the precision, where it comes closest.
    matched = match_labels(golden, sightings)
    scores = matched.sightings.scores  # descending
    precision = np.cumsum(matched.has_label) / np.arange(1, len(scores) + 1)
    precision[:min_objects] = 0  # too few to tell
    if not precision.any():
        return 0.0
    return float(scores[np.flatnonzero(precision >= min(_LIKELY, precision.max()))[-1]])
