"""Are a span's labels drawn and named as the golden set's are? Judged by what the served model sees in both; pure.

The model may be weak: labels are compared with its detections, and then this comparison with the same one on the
golden set. What explains most is asked first, and what it explains is not held against the labels a second time: how
the numbers of a box are read, how boxes are drawn, which classes are confused systematically, then label noise.
"""

from __future__ import annotations

import numpy as np

from components.data_gate.labels.box_format import GuessedFormat, format_reason, guess_format
from components.data_gate.labels.judging import compared, judged_reasons, not_judged
from components.data_gate.labels.matching import Matched
from components.data_gate.labels.profile import Profile
from components.data_gate.labels.trust import Trust, familiar_reason
from components.data_gate.settings import LabelLimits
from schemas.artifacts.decisions import Reason

_COLLAPSED = 1 / 3  # of the golden set's recall; below it the model is lost in the span
_HALVED = 0.5


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
        One reason per rule, passed ones too; only `labels:enough`, `labels:familiar` and `labels:found` if the labels
        cannot be judged.
    """
    trust = Trust.everywhere(span, golden) if trust is None else trust
    judged, trusted = compared(span, golden, limits.min_objects)
    guessed = guess_format(judged, trusted)
    enough, found = _enough(judged, trusted, guessed, limits.min_objects), _found(judged, trusted)
    known = _known(span, golden, trust, limits.min_objects)
    familiar = familiar_reason(trust, judged, enough=known is not None)
    cause = found.rule if trust.span.all() else familiar.rule
    if known is None and cause == familiar.rule:
        found = not_judged(found, cause)
    if enough.actual.startswith(_UNTESTED):
        return [enough, familiar, found]
    other_format = format_reason(guessed, judged, limits.box_format)
    if not other_format.passed:
        reasons = judged_reasons(None, class_names, limits, other_format.rule)
    else:
        reasons = judged_reasons(known, class_names, limits, cause, trust.otherwise)
    return [enough, familiar, other_format, *reasons, found]


def _known(span: Profile, golden: Profile, trust: Trust, min_objects: int) -> tuple[Matched, Matched] | None:
    # The images whose labels the model can judge, beside golden ones like them; None if it finds too little there.
    if not trust.span.any():
        return None
    known = span.of_images(trust.span)
    judged, trusted = compared(known, golden.of_images(trust.golden), min_objects)
    if np.count_nonzero(trusted.is_found) < min_objects:
        judged, trusted = compared(known, golden, min_objects)
    return (judged, trusted) if np.count_nonzero(judged.is_found) >= min_objects else None


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
