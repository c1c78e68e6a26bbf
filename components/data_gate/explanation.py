"""Which finding is the cause and which follow from it: the order in which a person should read what a gate found; pure.

A fault shows in many measures: a blurred image has less contrast, looks different to the model, and makes it a poor
judge of how boxes are drawn. So findings are not a list but a few causes, each with what follows from it.

The cause is what is farthest beyond its limit. Where several are about as far, it is what explains the most of the
others, and of equals the one that stands first in `_CAUSAL_ORDER`: less light takes contrast and sharpness away, not
the other way round. A cause never explains what is much farther beyond its limit than itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ratchet.components.data_gate.drift_rules import FIRST_SPAN
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, SKEW
from ratchet.schemas.artifacts.decisions import NEVER_OBSERVED, Reason
from ratchet.schemas.data import features

COMPARABLE = 2.0  # strengths of which one is at most so many times the other

# Facts, whatever the images look like and the model sees: boxes that are no boxes, copies of golden images, what was
# counted.
_CERTAIN = ("classes", "golden_unchanged", "span_version", "boxes:sound", "leak", "facts", "labels:duplicates")
# Of the detector's input as much as of the span: never what happened to it.
_TRAITS = ("facts:small_objects",)

_HUE, _NOISE = features.QA_HUE, features.QA_NOISE
_COLOURS = (features.QA_RED_CAST, features.QA_BLUE_CAST, _HUE)
_DETAIL = (features.QA_SHARPNESS, features.QA_CONTRAST, EMBEDDING, features.QA_LOG_FILE_SIZE)
_IMAGES = (features.QA_BRIGHTNESS, *_COLOURS, _NOISE, *_DETAIL)
_SIZES = (features.QA_BOX_LOG_AREA, features.QA_BOX_LOG_ASPECT)
_COUNTS = (features.QA_NUM_BOXES, features.QA_NUM_CROWD, features.QA_NUM_TRUNCATED)
_BOXES = (*_SIZES, *_COUNTS, features.BOX_CLASS, features.QA_BOX_CENTER_X, features.QA_BOX_CENTER_Y)
_LABELS = ("labels",)  # every rule about them

# What follows from what, by the beginnings of rules' names; features stand for the rules that compare them. Many hold
# both ways: small objects show less detail, and on blurred images people draw other boxes.
_EXPLAINS: dict[str, tuple[str, ...]] = {
    "boxes:sound": ("boxes", "labels", "facts", "schema", *_BOXES),
    "labels:reading": ("labels", "schema", *_BOXES),
    "labels:size": ("labels:missing", "labels:found", *_SIZES, features.QA_NUM_TRUNCATED),
    "labels:offset": (
        "labels:reading",
        "labels:size",
        "labels:missing",
        "labels:found",
        *_SIZES,
        features.QA_NUM_TRUNCATED,
        features.QA_BOX_CENTER_X,
        features.QA_BOX_CENTER_Y,
    ),
    "labels:jitter": ("labels:found", "labels:missing", *_SIZES),
    "labels:found": ("labels:jitter", "labels:classes", "labels:noise", "labels:missing", features.BOX_CLASS, *_COUNTS),
    "labels:classes": ("labels:noise", features.BOX_CLASS),
    "labels:noise": ("labels:classes", features.BOX_CLASS),
    "labels:missing": (features.BOX_CLASS, *_COUNTS),
    "labels:duplicates": (features.BOX_CLASS, *_COUNTS),
    "leak": ("repeated_images",),
    "facts:blank": (*_IMAGES, *_LABELS, "facts:without_objects"),
    "facts:outside_content": (*_LABELS, *_BOXES, EMBEDDING),
    "facts:unlabelled_end": ("facts:without_objects", "facts:class_ends", *_LABELS, features.BOX_CLASS, *_COUNTS),
    "facts:without_objects": ("labels:missing", *_COUNTS),
    "facts:missing_classes": ("facts:class_ends", "labels:missing", features.BOX_CLASS, *_COUNTS),
    "facts:class_ends": ("labels:missing", features.BOX_CLASS, *_COUNTS),
    "facts:crowds": ("labels:found", "labels:missing", "facts:few_objects", *_BOXES),
    "facts:two_classes": ("labels:noise", "labels:classes", features.BOX_CLASS, *_COUNTS),
    features.QA_BRIGHTNESS: (*_IMAGES, *_LABELS, "facts:outside_content"),
    **dict.fromkeys(_COLOURS, (*_COLOURS, features.QA_BRIGHTNESS, features.QA_CONTRAST, EMBEDDING, *_LABELS)),
    _NOISE: (*_DETAIL, *_LABELS),
    features.QA_SHARPNESS: (*_DETAIL, *_SIZES, *_LABELS),
    features.QA_CONTRAST: (*_DETAIL, *_LABELS),
    features.QA_BOX_LOG_AREA: (*_DETAIL, *_BOXES, *_LABELS, "facts:small_objects"),
    features.BOX_CLASS: (*_SIZES, *_COUNTS, EMBEDDING),
    EMBEDDING: (*_IMAGES, *_LABELS),
}
# Of findings that are about as far beyond their limits and explain as many others.
_CAUSAL_ORDER = (
    features.QA_BRIGHTNESS,
    features.QA_RED_CAST,
    features.QA_BLUE_CAST,
    _HUE,
    _NOISE,
    "labels:reading",
    "labels:offset",
    "labels:size",
    "labels:jitter",
    "labels:found",
    features.QA_BOX_LOG_AREA,
    features.QA_SHARPNESS,
    features.QA_CONTRAST,
    features.QA_BOX_LOG_ASPECT,
    EMBEDDING,
    "labels:classes",
    "labels:noise",
    "labels:missing",
    "labels",
)
# Boxes that are drawn otherwise in a part are scattered more widely in the whole.
_OF_PARTS = {"labels:offset": ("labels:jitter",), "labels:size": ("labels:jitter",)}
_OF_A_PART = 2.5  # times as strong as in the whole is what two fifths of the images have
_PART = "part:"  # before the name of a rule that was asked of a part of the span


def in_order_of_explanation(reasons: Sequence[Reason]) -> list[Reason]:
    """All rules as a person should read them: causes with what follows from each, warnings, the untested, the passed.

    Args:
        reasons: in any order; of equals the first stays first.

    Returns:
        The same rules. What follows from another finding names it as its `cause` and decides nothing by itself: it is
        passed with a warning, and stands right behind its cause.
    """
    untested = [dataclasses.replace(reason, passed=True) for reason in reasons if not reason.tested]
    tested = [reason for reason in reasons if reason.tested]
    failed = [reason for reason in tested if not reason.passed]
    warned = [reason for reason in tested if reason.passed and reason.warning]
    quiet = [reason for reason in tested if reason.passed and not reason.warning]
    ordered, left = _explained(failed, warned)
    return [*ordered, *_explained(left, [])[0], *untested, *quiet]


def _explained(found: Sequence[Reason], weaker: Sequence[Reason]) -> tuple[list[Reason], list[Reason]]:
    """Each cause among `found` and what follows from it, of `weaker` ones too; and the weaker that remain."""
    left, rest, ordered = list(found), list(weaker), []
    while left:
        cause = _cause(left)
        following = _following(cause, [*left, *rest])
        ordered += [cause, *(_as_consequence(reason, cause) for reason in following)]
        left = [reason for reason in left if reason is not cause and reason not in following]
        rest = [reason for reason in rest if reason not in following]
    return ordered, rest


def _as_consequence(reason: Reason, cause: Reason) -> Reason:
    return dataclasses.replace(reason, passed=True, warning=True, cause=cause.rule)


def _cause(found: Sequence[Reason]) -> Reason:
    for certain in (lambda rule: rule in NEVER_OBSERVED, _begins_with(*_CERTAIN)):
        facts = [reason for reason in found if certain(reason.rule) and not _is_of_images(reason, found)]
        if facts:
            return min(facts, key=lambda reason: _place(_CERTAIN, reason.rule))
    strongest = max(_strength(reason) for reason in found)
    candidates = [reason for reason in found if reason.strength is None or reason.strength * COMPARABLE >= strongest]

    def explained(reason: Reason) -> int:
        return len(_following(reason, candidates))

    # What the model sees is the sum of all that single figures say: one of these, if it explains it, says more.
    single = [reason for reason in candidates if _feature(reason.rule) != EMBEDDING or not _is_explained(reason, found)]
    single = single or candidates
    return min(single, key=lambda reason: (-explained(reason), _place(_CAUSAL_ORDER, _feature(reason.rule))))


def _is_of_images(reason: Reason, found: Sequence[Reason]) -> bool:
    """Whether a fact is a trait of the images: small for the detector, or borders that other light made even."""
    of_light = any(_feature(other.rule) == features.QA_BRIGHTNESS and not other.passed for other in found)
    return reason.rule in _TRAITS or (reason.rule == "facts:outside_content" and of_light)


def _following(cause: Reason, found: Sequence[Reason]) -> list[Reason]:
    return [reason for reason in found if reason is not cause and _explains(cause, reason)]


def _is_explained(reason: Reason, found: Sequence[Reason]) -> bool:
    return any(_explains(other, reason) for other in found if other is not reason)


def _explains(cause: Reason, other: Reason) -> bool:
    if cause.strength is not None and other.strength is not None and other.strength > COMPARABLE * cause.strength:
        return False
    is_of_part = cause.rule.startswith(_PART) and not other.rule.startswith(_PART)
    if is_of_part and (cause.strength is None or other.strength is None or not _is_echo(cause, other)):
        return False  # what the whole shows as clearly has not come from a part
    if (_kind(cause.rule) == SKEW) != (_kind(other.rule) == SKEW):
        return False  # requests are other images
    consequences = _EXPLAINS.get(_feature(cause.rule), ())
    if _kind(cause.rule) == DRIFT:
        consequences = (*consequences, FIRST_SPAN)  # what is far from the last span is far from the first
    if is_of_part:
        consequences = (*consequences, _feature(cause.rule), *_OF_PARTS.get(_feature(cause.rule), ()))
    return _begins_with(*consequences)(_feature(other.rule))


def _is_echo(cause: Reason, other: Reason) -> bool:
    """Whether the whole shows it no more clearly than a part of two fifths of its images would make it."""
    return _strength(cause) >= _OF_A_PART * _strength(other)


def _strength(reason: Reason) -> float:
    return 1.0 if reason.strength is None else reason.strength


def _kind(rule: str) -> str:
    return rule.removeprefix(_PART).partition(":")[0]


def _feature(rule: str) -> str:
    """What a rule is about: the feature that it compares, or else its name.

    >>> _feature("part:drift:qa/contrast"), _feature("labels:size")
    ('qa/contrast', 'labels:size')
    """
    rule = rule.removeprefix(_PART)
    return rule.partition(":")[2] if _kind(rule) in (DRIFT, SKEW) and ":" in rule else rule


def _begins_with(*names: str) -> Callable[[str], bool]:
    return lambda rule: any(rule == name or rule.startswith(f"{name}:") for name in names)


def _place(order: Sequence[str], rule: str) -> int:
    return next((place for place, name in enumerate(order) if _begins_with(name)(rule)), len(order))
