"""Are a span's labels drawn and named as the golden set's are? Judged by what the served model sees in both; pure.

The model may be weak: labels are compared with its detections, and then this comparison with the same one on the
golden set. What explains most is asked first, and what it explains is not held against the labels a second time: how
the numbers of a box are read, how boxes are drawn, which classes are confused systematically, then label noise.
"""

from __future__ import annotations

import numpy as np

from components.data_gate.trust import Trust, familiar_reason
from components.labels.box_format import format_reason, guess_format, read_rightly
from components.labels.judging import compared, judged_reasons, not_judged, untested
from components.labels.limits import LabelLimits
from components.labels.matching import Matched
from components.labels.profile import Profile
from components.labels.unsupported import RULE as FOUND
from components.labels.unsupported import found_reason
from schemas.artifacts.decisions import Reason

_COLLAPSED = 1 / 3  # of the golden set's recall; below it the model is lost in the span


def audit_labels(
    span: Profile, golden: Profile, class_names: tuple[str, ...], limits: LabelLimits, trust: Trust | None = None
) -> list[Reason]:
    """Compares the labels of a span with what the served model sees, as it compares on the golden set.

    Args:
        span: the new labels.
        golden: the labels that are trusted.
        class_names: in label order.
        limits: how far the span may be from the golden set.
        trust: where the model can judge labels; None: everywhere.

    Returns:
        One reason per rule, passed and untested ones too; only `labels:enough`, `labels:familiar` and `labels:found` if
        there are too few labels.
    """
    is_measured = trust is not None and bool((trust.farther != 1).any())
    trust = Trust.everywhere(span, golden) if trust is None else trust
    judged, trusted = compared(span, golden, limits.min_objects)
    guessed = guess_format(judged, trusted)
    enough = _enough(judged, trusted, limits.min_objects)
    if not enough.tested:
        return [enough, familiar_reason(trust, judged, enough=False), untested(FOUND, enough.rule)]
    other_format = format_reason(guessed, judged, limits.box_format)
    if not other_format.passed and guessed.explains_all(trusted):
        reasons = [untested(FOUND, other_format.rule), *judged_reasons(None, class_names, limits, other_format.rule)]
        return [enough, familiar_reason(trust, judged, enough=True), other_format, *reasons]
    if not other_format.passed:
        # The others are asked of the labels that it does not explain.
        span = read_rightly(guessed, judged)
        judged, trusted = compared(span, golden, limits.min_objects)
    known = _known(span, golden, trust, (judged, trusted), limits.min_objects)
    familiar = familiar_reason(trust, judged, enough=known is not None)
    found = found_reason(*(known or (judged, trusted)), limits.found, is_measured and known is not None)
    cause = found.rule if trust.span.all() and not familiar.warning else familiar.rule
    if known is None and cause == familiar.rule:
        found = not_judged(found, cause)
    if known is not None and known[0].recall < _COLLAPSED * known[1].recall:
        known, cause = None, found.rule
    reasons = judged_reasons(known, class_names, limits, cause, trust.otherwise)
    return [enough, familiar, other_format, found, *reasons]


def _known(
    span: Profile, golden: Profile, trust: Trust, every: tuple[Matched, Matched], min_objects: int
) -> tuple[Matched, Matched] | None:
    # The images whose labels the model can judge, beside golden ones like them; None if it finds too little there.
    if not trust.span.any():
        return None
    if trust.span.all() and trust.golden.all():
        judged, trusted = every
    else:
        known = span.of_images(trust.span)
        judged, trusted = compared(known, golden.of_images(trust.golden), min_objects)
        if np.count_nonzero(trusted.is_found) < min_objects and not trust.is_new:
            judged, trusted = compared(known, golden, min_objects)
    found = min(np.count_nonzero(side.is_found) for side in (judged, trusted))
    return (judged, trusted) if found >= min_objects else None


def _enough(span: Matched, golden: Matched, min_objects: int) -> Reason:
    labels, golden_found = len(span.labels.labels), np.count_nonzero(golden.is_found)
    expected = f"at least {min_objects} labelled objects here, and in the golden set that the model finds"
    actual = f"{labels} labelled objects here, {golden_found} that it finds in the golden set"
    least = min(golden_found, labels)
    if least < min_objects:
        return Reason("labels:enough", expected, f"too few to judge labels by: {actual}", passed=True, tested=False)
    return Reason("labels:enough", expected, actual, passed=True, strength=min_objects / least)
