"""Are a span's labels drawn and named as the golden set's are? Judged by what the served model sees in both; pure.

The model may be weak: labels are compared with its detections, and then this comparison with the same one on the
golden set. What explains most is asked first, and what it explains is not held against the labels a second time: how
the numbers of a box are read, how boxes are drawn, which classes are confused systematically, then label noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.trust import Trust, familiar_reason
from ratchet.components.labels.box_format import GuessedFormat, format_reason, guess_format, read_rightly
from ratchet.components.labels.judging import compared, judged_reasons, not_judged, untested
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.matching import Matched
from ratchet.components.labels.measures import FEWEST, label_measures, reading_measure
from ratchet.components.labels.profile import Profile
from ratchet.components.labels.unsupported import RULE as FOUND
from ratchet.components.labels.unsupported import found_reason
from ratchet.schemas.artifacts.data_evidence import LabelEvidence
from ratchet.schemas.artifacts.decisions import Reason

_COLLAPSED = 1 / 3  # of the golden set's recall; below it the model is lost in the span

_Sides = tuple[Matched, Matched]  # the span's labels and the golden set's


def audit_labels(
    span: Profile, golden: Profile, class_names: tuple[str, ...], limits: LabelLimits, trust: Trust | None = None
) -> list[Reason]:
    """The rules of `LabelAudit` alone."""
    return LabelAudit.of(span, golden, class_names, limits, trust).reasons()


@dataclass(frozen=True, eq=False)
class LabelAudit:
    """The labels of a span beside what the served model sees, as it compares on the golden set.

    Attributes:
        class_names: in label order.
        limits: how far the span may be from the golden set.
        trust: where the model can judge labels.
        is_measured: whether `trust` was measured.
        given: all labels as they are.
        guessed: what the numbers of boxes could mean.
        other_format: the rule about that.
        read: all labels, with the boxes that fit only if they are read otherwise read so.
        known: those that the model can judge; None if it finds too few.
        counted: those that figures are made of, however few they are; None if they say nothing of the labels alone.
    """

    class_names: tuple[str, ...]
    limits: LabelLimits
    trust: Trust
    is_measured: bool
    given: _Sides
    guessed: GuessedFormat
    other_format: Reason
    read: _Sides
    known: _Sides | None
    counted: _Sides | None

    @classmethod
    def of(
        cls,
        span: Profile,
        golden: Profile,
        class_names: tuple[str, ...],
        limits: LabelLimits,
        trust: Trust | None = None,
    ) -> LabelAudit:
        """Brings both together.

        Args:
            span: the new labels.
            golden: the labels that are trusted.
            class_names: in label order.
            limits: how far the span may be from the golden set.
            trust: where the model can judge labels; None: everywhere.
        """
        is_measured = trust is not None and bool((trust.farther != 1).any())
        trust = Trust.everywhere(span, golden) if trust is None else trust
        given = compared(span, golden, limits.min_objects)
        guessed = guess_format(*given)
        other_format = format_reason(guessed, given[0], limits.box_format)
        read = given
        if _are_enough(given, limits.min_objects) and not other_format.passed:
            # The others are asked of the labels that it does not explain.
            span = read_rightly(guessed, given[0])
            read = compared(span, golden, limits.min_objects)
        known = _known(span, golden, trust, read, limits.min_objects, limits.min_objects)
        counted = known or _known(span, golden, trust, read, limits.min_objects, FEWEST)
        return cls(class_names, limits, trust, is_measured, given, guessed, other_format, read, known, counted)

    def reasons(self) -> list[Reason]:
        """One reason per rule, passed and untested ones too.

        Returns:
            Only `labels:enough`, `labels:familiar` and `labels:found` if there are too few labels.
        """
        limits, trust, known, other_format = self.limits, self.trust, self.known, self.other_format
        enough = _enough(*self.given, limits.min_objects)
        if not enough.tested:
            return [enough, familiar_reason(trust, self.given[0], enough=False), untested(FOUND, enough.rule)]
        if self._is_all_of_another_format:
            reasons = judged_reasons(None, self.class_names, limits, other_format.rule)
            familiar = familiar_reason(trust, self.given[0], enough=True)
            return [enough, familiar, other_format, untested(FOUND, other_format.rule), *reasons]
        familiar = familiar_reason(trust, self.read[0], enough=known is not None)
        found = found_reason(*(known or self.read), limits.found, self.is_measured and known is not None)
        cause = found.rule if trust.span.all() and not familiar.warning else familiar.rule
        if known is None and cause == familiar.rule:
            found = not_judged(found, cause)
        if known is not None and _is_lost(known):
            known, cause = None, found.rule
        reasons = judged_reasons(known, self.class_names, limits, cause, trust.otherwise)
        return [enough, familiar, other_format, found, *reasons]

    def evidence(self) -> LabelEvidence:
        """The same in numbers, also where no rule can be tested; see `LabelEvidence` for what they are then worth."""
        span, golden = self.counted or self.read
        # Golden labels that the model hardly finds, unlike the span's, are no convention.
        is_judged = self.counted is not None and not _is_lost((span, golden)) and not _is_lost((golden, span))
        measures = []
        if min(len(side.labels.labels) for side in self.given) >= FEWEST:
            measures.append(reading_measure(self.guessed, self.given[0], self.limits.box_format))
        if not self._is_all_of_another_format:
            otherwise = self.trust.otherwise if is_judged else None
            measures += label_measures(span, golden, self.class_names, self.limits, otherwise)
        return LabelEvidence(
            measures=tuple(measures),
            span_recall=span.recall,
            golden_recall=golden.recall,
            objects=len(span.labels.labels),
            judged=float(self.trust.span.mean()) if is_judged else 0.0,
        )

    @property
    def _is_all_of_another_format(self) -> bool:
        given, enough = self.given, _are_enough(self.given, self.limits.min_objects)
        return enough and not self.other_format.passed and self.guessed.explains_all(given[1])


def _known(span: Profile, golden: Profile, trust: Trust, every: _Sides, min_objects: int, fewest: int) -> _Sides | None:
    # The images whose labels the model can judge, beside golden ones like them; None if it finds too few there.
    if not trust.span.any():
        return None
    if trust.span.all() and trust.golden.all():
        judged, trusted = every
    else:
        known = span.of_images(trust.span)
        judged, trusted = compared(known, golden.of_images(trust.golden), min_objects)
        if np.count_nonzero(trusted.is_found) < fewest and not trust.is_new:
            judged, trusted = compared(known, golden, min_objects)
    found = min(np.count_nonzero(side.is_found) for side in (judged, trusted))
    return (judged, trusted) if found >= fewest else None


def _is_lost(sides: _Sides) -> bool:
    return sides[0].recall < _COLLAPSED * sides[1].recall


def _are_enough(sides: _Sides, min_objects: int) -> bool:
    return _enough(*sides, min_objects).tested


def _enough(span: Matched, golden: Matched, min_objects: int) -> Reason:
    labels, golden_found = len(span.labels.labels), np.count_nonzero(golden.is_found)
    expected = f"at least {min_objects} labelled objects here, and in the golden set that the model finds"
    actual = f"{labels} labelled objects here, {golden_found} that it finds in the golden set"
    least = min(golden_found, labels)
    if least < min_objects:
        return Reason("labels:enough", expected, f"too few to judge labels by: {actual}", passed=True, tested=False)
    return Reason("labels:enough", expected, actual, passed=True, strength=min_objects / least)
