"""Are a span's labels drawn and named as the golden set's are? Judged by what the served model sees in both; pure.

The model may be weak: labels are compared with its detections, and then this comparison with the same one on the
golden set. What explains most is asked first, and what it explains is not held against the labels a second time: how
the numbers of a box are read, how boxes are drawn, which classes are confused systematically, then label noise.
"""

from __future__ import annotations

import numpy as np

from components.data_gate.labels import unsupported
from components.data_gate.labels.box_format import GuessedFormat, format_reason, guess_format, read_rightly
from components.data_gate.labels.classes import class_reasons
from components.data_gate.labels.drawing import drawing_reasons
from components.data_gate.labels.findings import worst_images
from components.data_gate.labels.matching import Matched, match_labels
from components.data_gate.labels.missing import missing_reason
from components.data_gate.labels.profile import Profile, sightings_of, single_labels
from components.data_gate.settings import LabelLimits
from schemas.artifacts.decisions import Reason
from schemas.data.columns import DetectionColumns

_LIKELY = 0.6  # precision on the golden set of what the model is believed to see at all
_COLLAPSED = 1 / 3  # of the golden set's recall; below it the model is lost in the span
_COPIES = 0.01  # share of labels that are copies from which on a person should look


def audit_labels(span: Profile, golden: Profile, class_names: tuple[str, ...], limits: LabelLimits) -> list[Reason]:
    """Compares the labels of a span with what the served model sees, as it compares on the golden set.

    Args:
        span: the new labels.
        golden: the labels that are trusted.
        class_names: in label order.
        limits: how far the span may be from the golden set.

    Returns:
        One reason per rule, passed and untested ones too; only `labels:enough` and `labels:found` if there are too few
        labels.
    """
    sightings = sightings_of(golden)
    lowest_score = _lowest_score(golden, sightings, limits.min_objects)
    trusted = match_labels(golden, sightings, lowest_score)
    judged = match_labels(span, sightings_of(span), lowest_score, trusted)
    guessed = guess_format(judged, trusted)
    enough = _enough(judged, trusted, guessed, limits.min_objects)
    if not enough.tested:
        return [enough, _untested(unsupported.RULE, enough.rule)]
    other_format = format_reason(guessed, judged, limits.box_format)
    if not other_format.passed and guessed.explains_all(trusted):
        reasons = [_untested(rule, other_format.rule) for rule in (unsupported.RULE, *_ON_MATCHES)]
        return [enough, other_format, *reasons, _duplicates(span, golden)]
    if not other_format.passed:
        # The others are asked of the labels that it does not explain.
        judged = match_labels(read_rightly(guessed, judged), judged.sightings, lowest_score, trusted)
    found = unsupported.found_reason(judged, trusted, limits.found)
    if judged.recall < _COLLAPSED * trusted.recall:
        reasons = [_untested(rule, found.rule) for rule in _ON_MATCHES]
    else:
        reasons = _on_matches(judged, trusted, class_names, limits)
    return [enough, other_format, found, *reasons, _duplicates(span, golden)]


def _lowest_score(golden: Profile, sightings: DetectionColumns, min_objects: int) -> float:
    # Of a model that never reaches the precision, where it comes closest.
    matched = match_labels(golden, sightings)
    scores = matched.sightings.scores  # descending
    precision = np.cumsum(matched.has_label) / np.arange(1, len(scores) + 1)
    precision[:min_objects] = 0  # too few to tell
    if not precision.any():
        return 0.0
    return float(scores[np.flatnonzero(precision >= min(_LIKELY, precision.max()))[-1]])


_ON_MATCHES = ("labels:offset", "labels:size", "labels:classes", "labels:noise", "labels:missing")


def _enough(span: Matched, golden: Matched, guessed: GuessedFormat, min_objects: int) -> Reason:
    labels, golden_found = len(span.labels.labels), np.count_nonzero(golden.is_found)
    explained = np.count_nonzero(span.is_found | guessed.fits)
    expected = f"at least {min_objects} labelled objects here, and in the golden set that the model finds"
    actual = f"{labels} labelled objects here, of which it finds {explained}; {golden_found} found in the golden set"
    least = min(golden_found, labels)
    if least < min_objects:
        return Reason("labels:enough", expected, f"too few to judge labels by: {actual}", passed=True, tested=False)
    return Reason("labels:enough", expected, actual, passed=True, strength=min_objects / least)


def _untested(rule: str, cause: str) -> Reason:
    return Reason(rule, "labels that can be judged", f"not tested: see {cause}", passed=True, tested=False, cause=cause)


def _on_matches(span: Matched, golden: Matched, class_names: tuple[str, ...], limits: LabelLimits) -> list[Reason]:
    # Where the model finds less it errs more: that is held against it, not against the labels.
    relative_recall = min(1.0, span.recall / golden.recall)
    return [
        *drawing_reasons(span, golden, relative_recall, limits.offset, limits.size),
        *class_reasons(span, golden, relative_recall, class_names, limits.classes, limits.noise),
        missing_reason(span, golden, relative_recall, class_names, limits.missing),
    ]


def _duplicates(span: Profile, golden: Profile) -> Reason:
    labels, copies = single_labels(span.truth)
    golden_labels, golden_copies = single_labels(golden.truth)
    share, usual = len(copies) / max(1, len(labels.labels)), len(golden_copies) / max(1, len(golden_labels.labels))
    warning = share > usual + _COPIES
    weight = np.bincount(copies, minlength=len(span.file_names))
    return Reason(
        "labels:duplicates",
        f"at most {usual + _COPIES:.1%} of the objects labelled twice",
        f"{len(copies)} of {len(labels.labels)} objects ({share:.1%})",
        passed=True,
        warning=warning,
        images=worst_images(span, weight) if warning else (),
    )
