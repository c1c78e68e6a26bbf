"""Are a span's labels drawn and named as the golden set's are? Judged by what the served model sees in both; pure.

The model may be weak: labels are compared with its detections, and then this comparison with the same one on the
golden set. What explains most is asked first, and what it explains is not held against the labels a second time: how
the numbers of a box are read, how boxes are drawn, which classes are confused systematically, then label noise.
"""

from __future__ import annotations

import numpy as np

from components.data_gate.labels.box_format import GuessedFormat, format_reason, guess_format
from components.data_gate.labels.classes import class_reasons
from components.data_gate.labels.drawing import drawing_reasons
from components.data_gate.labels.matching import Matched, match_labels
from components.data_gate.labels.missing import missing_reason
from components.data_gate.labels.profile import Profile, sightings_of
from components.data_gate.settings import LabelLimits
from schemas.artifacts.decisions import Reason
from schemas.data.columns import DetectionColumns

_LIKELY = 0.6  # precision on the golden set of what the model is believed to see at all
_COLLAPSED = 1 / 3  # of the golden set's recall; below it the model is lost in the span
_HALVED = 0.5


def audit_labels(span: Profile, golden: Profile, class_names: tuple[str, ...], limits: LabelLimits) -> list[Reason]:
    """Compares the labels of a span with what the served model sees, as it compares on the golden set.

    Args:
        span: the new labels.
        golden: the labels that are trusted.
        class_names: in label order.
        limits: how far the span may be from the golden set.

    Returns:
        One reason per rule, passed ones too; only `labels:enough` and `labels:found` if the labels cannot be judged.
    """
    sightings = sightings_of(golden)
    lowest_score = _lowest_score(golden, sightings, limits.min_objects)
    trusted = match_labels(golden, sightings, lowest_score)
    judged = match_labels(span, sightings_of(span), lowest_score, trusted)
    guessed = guess_format(judged, trusted)
    enough, found = _enough(judged, trusted, guessed, limits.min_objects), _found(judged, trusted)
    if enough.actual.startswith(_UNTESTED):
        return [enough, found]
    other_format = format_reason(guessed, judged, limits.box_format)
    reasons = [enough, other_format, *_after_format(other_format, judged, trusted, class_names, limits)]
    return [*reasons, found]


def _lowest_score(golden: Profile, sightings: DetectionColumns, min_objects: int) -> float:
    # Of a model that never reaches the precision, where it comes closest.
    matched = match_labels(golden, sightings)
    scores = matched.sightings.scores  # descending
    precision = np.cumsum(matched.has_label) / np.arange(1, len(scores) + 1)
    precision[:min_objects] = 0  # too few to tell
    if not precision.any():
        return 0.0
    return float(scores[np.flatnonzero(precision >= min(_LIKELY, precision.max()))[-1]])


_UNTESTED = "not tested: "


def _enough(span: Matched, golden: Matched, guessed: GuessedFormat, min_objects: int) -> Reason:
    labels, golden_found = len(span.labels.labels), np.count_nonzero(golden.is_found)
    explained = np.count_nonzero(span.is_found | guessed.fits)
    actual = f"{explained} of {labels} labelled objects here, {golden_found} in the golden set"
    if min(golden_found, explained) < min_objects:
        actual = _UNTESTED + actual
    elif explained < _COLLAPSED * golden.recall * labels:
        share = f"{explained / labels:.0%} of the labelled objects (golden set: {golden.recall:.0%})"
        actual = f"{_UNTESTED}however their boxes are read, the model finds {share}; it cannot judge these labels"
    expected = f"at least {min_objects} labelled objects that the model finds, here and in the golden set"
    return Reason("labels:enough", expected, actual, passed=True)


def _found(span: Matched, golden: Matched) -> Reason:
    return Reason(
        "labels:found",
        f"the served model finds at least half as much as in the golden set ({golden.recall:.0%} of the objects)",
        f"the served model finds {span.recall:.0%} of the labelled objects",
        passed=True,
        warning=span.recall < _HALVED * golden.recall,
    )


def _after_format(
    other_format: Reason, span: Matched, golden: Matched, class_names: tuple[str, ...], limits: LabelLimits
) -> list[Reason]:
    if not other_format.passed:
        rules = ("labels:offset", "labels:size", "labels:classes", "labels:noise", "labels:missing")
        explained = "explained by labels:reading; not tested"
        return [Reason(rule, "boxes that can be read", explained, passed=True) for rule in rules]
    # Where the model finds less it errs more: that is held against it, not against the labels.
    relative_recall = min(1.0, span.recall / golden.recall)
    return [
        *drawing_reasons(span, golden, relative_recall, limits.offset, limits.size),
        *class_reasons(span, golden, relative_recall, class_names, limits.classes, limits.noise),
        missing_reason(span, golden, relative_recall, class_names, limits.missing),
    ]
