"""Which finding explains which: label and drift rules in the order in which a person should read them; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.data_gate.drift_rules import WORDS
from schemas.artifacts.data_evidence import DRIFT, EMBEDDING
from schemas.artifacts.decisions import Reason
from schemas.data import features

_IMAGE_DRIFT = {
    f"{DRIFT}:{feature}"
    for feature in (
        features.QA_BRIGHTNESS,
        features.QA_RED_CAST,
        features.QA_BLUE_CAST,
        features.QA_HUE,
        features.QA_LOG_NOISE,
        features.QA_SHARPNESS,
        features.QA_CONTRAST,
        EMBEDDING,
    )
}
_BRIGHTNESS, _CONTRAST, _RED, _BLUE, _HUE, _NOISE, _SHARPNESS = (
    f"{DRIFT}:{feature}"
    for feature in (
        features.QA_BRIGHTNESS,
        features.QA_CONTRAST,
        features.QA_RED_CAST,
        features.QA_BLUE_CAST,
        features.QA_HUE,
        features.QA_LOG_NOISE,
        features.QA_SHARPNESS,
    )
)
_AREA, _ASPECT, _CLASS, _COUNT, _CUT = (
    f"{DRIFT}:{feature}"
    for feature in (
        features.QA_BOX_LOG_AREA,
        features.QA_BOX_LOG_ASPECT,
        features.BOX_CLASS,
        features.QA_NUM_BOXES,
        features.QA_NUM_TRUNCATED,
    )
)
# What a failed rule explains: of labels, boxes of other sizes, shapes or classes, and boxes that were left out.
_EXPLAINS = {
    "boxes:sound": ("labels:missing", _AREA, _ASPECT, _CLASS, _COUNT, _CUT),
    "labels:reading": (_AREA, _ASPECT, _CLASS, _CUT),
    "labels:size": (_AREA, _ASPECT, _CUT),
    "labels:offset": (_AREA, _ASPECT, _CUT),
    "labels:classes": (_CLASS,),
    "labels:noise": (_CLASS,),
    "labels:missing": (_CLASS, _COUNT, _CUT),
    # Hues are taken as under white light; a cast so strong that it clips still turns them, and turned hues have a cast.
    _RED: (_HUE,),
    _BLUE: (_HUE,),
    _HUE: (_RED, _BLUE),
    _NOISE: (_SHARPNESS,),
    "labels:duplicates": (_COUNT, _CUT),
    "facts:unlabelled_end": ("labels:missing", _COUNT),
    "facts:blank": ("labels:missing", _BRIGHTNESS, _CONTRAST, _SHARPNESS),
    "facts:missing_classes": (_CLASS,),
}
# On whatever images: what was counted without a model, and boxes that fit only when they are read anew.
_CERTAIN = ("boxes:", "facts:", "labels:reading", "labels:duplicates")


def in_order_of_explanation(labels: Sequence[Reason], drift: Sequence[Reason]) -> list[Reason]:
    """Label and drift rules in the order in which they explain each other; what is explained does not fail as well.

    Label faults leave images as they are. So where the images themselves have drifted, what the model finds wrong with
    the labels is only a warning: on images that it does not know it is a poor judge.

    Args:
        labels: whether boxes are sound, then the label audit.
        drift: of `drift_reason`.
    """
    if any(not reason.passed and reason.rule in _IMAGE_DRIFT for reason in drift):
        labels = [_doubtful(reason) for reason in labels]
    order = {f"{DRIFT}:{feature}": place for place, feature in enumerate(WORDS)}
    ordered = [*labels, *sorted(drift, key=lambda reason: order.get(reason.rule, len(order)))]
    by_cause: dict[str, str] = {}
    for reason in ordered:
        if not reason.passed and reason.rule not in by_cause:
            by_cause |= {rule: reason.rule for rule in _EXPLAINS.get(reason.rule, ()) if rule not in by_cause}
    return [_explained(reason, by_cause) for reason in ordered]


def _doubtful(reason: Reason) -> Reason:
    if reason.passed or reason.rule.startswith(_CERTAIN):
        return reason
    return dataclasses.replace(
        reason, passed=True, warning=True, actual=f"{reason.actual} (doubtful, since the images have drifted)"
    )


def _explained(reason: Reason, by_cause: dict[str, str]) -> Reason:
    cause = by_cause.get(reason.rule)
    if cause is None or (reason.passed and not reason.warning):
        return reason
    return dataclasses.replace(reason, passed=True, warning=False, actual=f"{reason.actual} (explained by {cause})")
