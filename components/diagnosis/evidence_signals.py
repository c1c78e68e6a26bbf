"""Signals that several causes of data share: what the gate decided, and how the evaluated sets moved; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.artifacts.diagnosis import Role, Signal
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT, Delta
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.formatting import percent

SURE = 3.0  # standard errors from which on a figure is no chance
SEEN = 2.0  # standard errors within which a figure that was not found would have been
# Of the fall on earlier spans the part lost after a quarter of the way: on the demo .16 for loose boxes, 0 for dark
# images and .05 for twenty images seen too often.
EARLY, NOT_EARLY = 0.1, 0.05
_FALL = 0.1  # of the mAP at the start; of a smaller fall no part is told
_PART = "part:"  # before a rule that was asked of a part of the span

Belongs = Callable[[str], bool]  # whether a rule, without `part:`, is about a cause


def speaks(value: float, std_error: float, threshold: float) -> bool | None:
    """Whether a figure is surely at least a threshold, surely not, or neither can be said.

    >>> speaks(0.2, 0.01, 0.05), speaks(0.01, 0.01, 0.05), speaks(0.2, 0.1, 0.05), speaks(0.04, 0.01, 0.05)
    (True, False, None, None)
    """
    if value >= threshold and value >= SURE * std_error:
        return True
    return False if value + SEEN * std_error < threshold and value < SURE * std_error else None


def plain_rule(rule: str) -> str:
    """A rule's name, whether it was asked of the whole span or of a part.

    >>> plain_rule("part:labels:size")
    'labels:size'
    """
    return rule.removeprefix(_PART)


def reasons_of(bundle: Bundle, belongs: Belongs) -> tuple[Reason, ...]:
    """The gate's rules about a cause, of the whole span and of parts, the best explanation first."""
    return tuple(reason for reason in bundle.data.reasons if belongs(plain_rule(reason.rule)))


def failed_of(bundle: Bundle, belongs: Belongs) -> tuple[Reason, ...]:
    """Those of them that the data broke, each for itself."""
    return tuple(reason for reason in reasons_of(bundle, belongs) if reason.state is State.FAILED)


def strength_of(reason: Reason | None) -> float | None:
    """How far a rule is from what would have passed; its verdict stands where that is no finite number."""
    strength = reason.strength if reason else None
    return strength if strength is not None and math.isfinite(strength) else None


def said_by(reasons: Sequence[Reason]) -> bool | None:
    """Whether rules accuse (True), clear (False), or say nothing: untested, warnings, what follows from others."""
    if any(reason.state is State.FAILED for reason in reasons):
        return True
    return False if reasons and all(reason.state is State.PASSED for reason in reasons) else None


def rejected_signals(bundle: Bundle, belongs: Belongs) -> tuple[Signal, ...]:
    """What the gate says of a run that ended there, where its own order is all that ranks causes.

    No candidate exists whose figures could speak. So that the gate rejected the span for this counts, and that it holds
    this for the best explanation counts once more. Where a candidate was trained the figures behind the rules speak
    for themselves, and these signals would count them twice.
    """
    if bundle.was_trained or not bundle.data.failures:
        return ()
    failed = failed_of(bundle, belongs)
    if not failed:
        return ()
    strength, sentence = strength_of(failed[0]), f"The data gate rejected the span: {failed[0].actual}."
    rejected = Signal("gate_rejected", Role.SUSPECT, strength, 1.0, "ratio to the limit", True, sentence)
    if bundle.data.failures[0] is not failed[0]:
        return (rejected,)
    first = "The gate holds this for the best explanation of everything that it found."
    return rejected, Signal("gate_first", Role.SYMPTOM, 1.0, 1.0, "place among its findings", True, first)


def delta_of(bundle: Bundle, data_set: str) -> Delta | None:
    """Candidate minus baseline on a data set, over the classes that both know; None where it was not measured."""
    of = bundle.evaluation.data_sets.get(data_set) if bundle.evaluation else None
    deltas = of.compared.deltas if of else None
    return deltas.overall if deltas and deltas.overall.value is not None else None


def held_out_rises(bundle: Bundle) -> Signal:
    """Whether the candidate gains on images of the new span that chose nothing while it falls on the golden set."""
    delta, golden = delta_of(bundle, HELD_OUT), bundle.delta
    name, unit = "held_out_rises", "mAP, standard errors decide"
    if delta is None or not delta.std_error or golden is None or golden.value is None or golden.value >= 0:
        missing = "The new span has no held-out images that both models were measured on, or nothing fell."
        return Signal(name, Role.SYMPTOM, None, 0.0, unit, None, missing)
    value = float(delta.value or 0.0)
    rises, falls = value > SEEN * delta.std_error, value < -SEEN * delta.std_error
    sentence = (
        f"On held-out images of the new span mAP moved by {value:+.3f}, on the golden set by {golden.value:+.3f}."
    )
    return Signal(name, Role.SYMPTOM, value, 0.0, unit, rises or (False if falls else None), sentence, delta.std_error)


def earlier_falls(bundle: Bundle) -> Signal:
    """Whether held-out images of earlier spans fall with the golden set, which so is not the only one that says it."""
    delta, golden = delta_of(bundle, EARLIER_SPANS), bundle.delta
    name, unit = "earlier_falls", "mAP, standard errors decide"
    if delta is None or not delta.std_error or golden is None or golden.value is None or golden.value >= 0:
        missing = "There are no held-out images of earlier spans that both models were measured on, or nothing fell."
        return Signal(name, Role.SYMPTOM, None, 0.0, unit, None, missing)
    value = float(delta.value or 0.0)
    falls, rises = value < -SEEN * delta.std_error, value > SEEN * delta.std_error
    sentence = (
        f"On held-out images of earlier spans mAP moved by {value:+.3f}, on the golden set by {golden.value:+.3f}."
    )
    return Signal(name, Role.SYMPTOM, value, 0.0, unit, falls or (False if rises else None), sentence, delta.std_error)


def falls_early(bundle: Bundle) -> Signal:
    """Whether earlier spans lose from the first quarter of the way on: a habit of drawing is learned at once."""
    name, unit = "falls_early", "share of the fall on earlier spans"
    part = _lost_in_first_quarter(bundle.candidate)
    if part is None:
        missing = "How earlier spans fell along the way from the baseline was not measured, or they hardly fell."
        return Signal(name, Role.SYMPTOM, None, EARLY, unit, None, missing)
    sentence = (
        f"On the first quarter of the way from the baseline {percent(part)} of the fall on earlier spans was there."
    )
    supports = True if part >= EARLY else (False if part <= NOT_EARLY else None)
    return Signal(name, Role.SYMPTOM, part, EARLY, unit, supports, sentence)


def _lost_in_first_quarter(record: TrainingRecord | None) -> float | None:
    if record is None or record.dynamics is None or not record.dynamics.line or not record.validation:
        return None
    quarter = min(record.dynamics.line, key=lambda point: point.share)
    start = next((point.old for point in record.validation if point.step == 0), None)
    end = next((point.old for point in record.validation if point.step == record.best_step), None)
    if start is None or end is None or quarter.old is None or start <= 0 or start - end < _FALL * start:
        return None
    return (start - quarter.old) / (start - end)
