"""Whether the learning rate was too high, or too low (or the training too short), for what it started from; pure.

A rate that is too high throws the model off at once: mAP on validation images dips at the first validation, the loss
rises, the batch-norm statistics move. Cosine decay heals most of it, so little of it shows at the end. A retraining
that hardly learns is about equal to its baseline, so a fall of one that was too short is the disturbance of its first
steps, which it had no time to recover from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.shared_symptoms import span_not_learned
from ratchet.components.diagnosis.signals import SHARE, Limit, Told, found, not_trained, suspect, symptom
from ratchet.components.diagnosis.trainings import (
    USUAL_EPOCHS,
    USUAL_FRACTION,
    Trainings,
    barrier,
    course,
    dip,
    peak_rate,
    put_back,
    ratio,
    steps_for,
    total_loss,
)
from ratchet.schemas.artifacts.diagnosis import RATE_TOO_HIGH, RATE_TOO_LOW, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.formatting import percent

# Set on single retrainings of one model on 400 images of digits: clean, ten times and thirty times the usual rate.
_HIGHER = Limit(1.5)  # a setting has no noise; a rate of half as much again is the least that anybody would notice
_DIP = Limit(0.15, SHARE)  # .05 clean, .43 and .89; between .05 and .43 on a logarithmic scale
_RISE = Limit(1.3)  # over the usual rise: 1.0 clean, 1.4 and 1.6; boxes, light and few images 1.0 or less
_USUAL_RISE = 1.2  # of the loss over its first steps, in a clean retraining
_SHIFT = Limit(2.5)  # 1 clean, 3.2 and 15; darkness alone 1.6
_MOVED = Limit(2.0)  # 1 clean, 2.6 and 7.3; few images seen often 1.3
_BARRIER = Limit(0.05, SHARE, is_silent=True)  # none clean or at ten times, .09 at thirty times
_GRADIENT = Limit(2.0, is_silent=True)  # not measured then: a doubling
_SURE = 0.95  # of a training that was lost while its rate was higher than usual

_LOWER = Limit(0.5, is_most=True)  # half the rate or half the passes of the last time
_HARDLY_MOVED = Limit(0.5, is_most=True)  # .3 at a hundredth of the rate
_RISING = Limit(0.01, SHARE)  # mAP of validation in the last round; a finished training's last rounds gain less
_BELOW_START = Limit(0.02, SHARE, is_silent=True)  # about what chance does to 100 validation images


def examine_too_high(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether the learning rate was too high."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(RATE_TOO_HIGH)]
    both = Trainings(bundle.candidate, bundle.baseline)
    signals = [
        _rate(both),
        _dip(both),
        _rise(both),
        _against_own("norm_shift", both.norm_shift, _SHIFT, "batch-norm statistics moved"),
        _against_own("weights_moved", both.distance, _MOVED, "weights moved"),
        _against_own("gradient_norm", both.gradient, _GRADIENT, "largest gradient was"),
        _barrier(both),
        _diverged(both.candidate),
    ]
    kind = "no_decay" if _HIGHER.supports(both.mean_rate or 0.0) and not _HIGHER.supports(both.peak or 0.0) else "peak"
    finding = found(RATE_TOO_HIGH, kind, signals, _told_high(both, kind))
    if both.candidate.diverged and finding.state in (CauseState.SUPPORTED, CauseState.OPEN) and signals[0].supports:
        probability = max(finding.probability, _SURE)
        lost = f"The training was lost after step {both.candidate.diverged.step}: {finding.signals[0].sentence}"
        return [replace(finding, state=CauseState.SUPPORTED, probability=probability, sentence=lost)]
    return [finding]


def examine_too_low(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether the learning rate was too low, or the training too short, to learn the span or to recover."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(RATE_TOO_LOW)]
    both = Trainings(bundle.candidate, bundle.baseline)
    is_short = (both.planned_passes or 1.0) < (both.mean_rate or 1.0)
    signals = [
        _little(both),
        _against_own("weights_hardly_moved", both.distance, _HARDLY_MOVED, "weights moved"),
        _still_rising(both.candidate),
        _below_start(both.candidate),
        span_not_learned(bundle),
    ]
    return [found(RATE_TOO_LOW, "steps" if is_short else "rate", signals, _told_low(both, is_short))]


def _rate(both: Trainings) -> Signal:
    """The one suspect: peak and mean rate are the same change seen twice, so they have one vote."""
    known = [value for value in (both.peak, both.mean_rate) if value is not None]
    told = (
        f"At its peak of {peak_rate(both.candidate):.3g} the learning rate was {_times(both.peak)} {_usual(both)}; "
        f"its mean was {_times(both.mean_rate)} that of such a schedule."
    )
    return suspect(
        "rate_ratio", max(known, default=None), _HIGHER, told, "A record with the peak learning rate would say it."
    )


def _times(value: float | None) -> str:
    return "an unknown multiple of" if value is None else f"{value:.3g} times"


def _usual(both: Trainings) -> str:
    if both.alike:
        return f"the last retraining's {both.usual_peak:.3g}"
    return f"the usual {both.usual_peak:.3g} ({USUAL_FRACTION:g} of the first training's peak)"


def _dip(both: Trainings) -> Signal:
    lost, before = dip(both.candidate), dip(both.baseline) if both.alike else None
    value = None if lost is None else lost - max(0.0, before or 0.0)
    return symptom(
        "validation_dip",
        value,
        _DIP,
        f"At the first validation mAP on validation images had changed by {100 * -(lost or 0.0):+.0f} % of what it was "
        f"at the start{f'; in the last retraining by {100 * -before:+.0f} %' if before is not None else ''}.",
        "A validation before the first step and one soon after it would show it: training.validation.min_images.",
    )


def _rise(both: Trainings) -> Signal:
    curve, before = total_loss(both.candidate), total_loss(both.baseline) if both.alike else None
    own = max(before.rise, 1.0) if before else _USUAL_RISE
    return symptom(
        "loss_rise",
        ratio(curve.rise, own) if curve else None,
        _RISE,
        f"The training loss rose to {curve.rise if curve else 0:.3g} times its first value; "
        f"{'in the last retraining' if before else 'usually'} to {own:.3g} times.",
        "A training record with dynamics would show how far the loss rose.",
    )


def _against_own(name: str, value: float | None, limit: Limit, what: str) -> Signal:
    return symptom(
        name,
        value,
        limit,
        f"The {what} {value or 0.0:.3g} times as far as in the last retraining."
        if "moved" in what
        else f"The {what} {value or 0.0:.3g} times that of the last retraining.",
        "A served model that was itself retrained, with dynamics in its record, would be the measure for it.",
    )


def _barrier(both: Trainings) -> Signal:
    value = barrier(both.candidate)
    return symptom(
        "barrier",
        value,
        _BARRIER,
        f"Half-way from start to result mAP is {percent(max(0.0, value or 0.0))} of the start's below both of them.",
        "Validation along the line between start and result would show it.",
    )


def _diverged(record: TrainingRecord) -> Signal:
    lost = record.diverged
    told = f"The training was lost after step {lost.step}: {lost.what}." if lost else "The training was not lost."
    return Signal(
        "diverged", Role.SYMPTOM, float(lost is not None), 1.0, "lost trainings", True if lost else None, told
    )


def _told_high(both: Trainings, kind: str) -> Told:
    if kind == "no_decay":
        what = f"Its learning rate did not go down as usual: {_times(both.mean_rate)} the usual one on average"
    else:
        what = f"The learning rate was {_times(both.peak)} {_usual(both)}"
    return Told(
        supported=f"{what}, which threw the model off what it knew.",
        open=f"{what}, but little in the training looks as if it had thrown the model off.",
        refuted="The learning rate was not higher than usual.",
        action=_put_back(both, kind),
    )


def _put_back(both: Trainings, kind: str) -> str:
    if kind == "no_decay":
        now, then = both.candidate.learning_rate.final, both.usual_peak * _last_share(both.baseline)
        told = f" ({now:.3g} -> {then:.3g} at the end)" if now > then else ""
        return f"Let the learning rate decay to the end of the training{told}: look for what changed the schedule."
    asked = both.candidate.asked
    declared = asked.peak_learning_rate if asked else both.candidate.learning_rate.peak
    if (ratio(declared, both.usual_peak) or 1.0) < _HIGHER.value:  # a usual setting, and another rate all the same
        return (
            f"The setting asks for a peak of {declared:.3g}, and {peak_rate(both.candidate):.3g} was used: "
            "look for what changed the rate below the settings."
        )
    return _fraction(both)


def _last_share(record: TrainingRecord) -> float:
    """The last rate over the peak."""
    return ratio(record.learning_rate.final, record.learning_rate.peak) or 0.0


def _fraction(both: Trainings) -> str:
    first = both.candidate.learning_rate.bootstrap_peak
    now, then = ratio(peak_rate(both.candidate), first), ratio(both.usual_peak, first)
    if now is None or then is None:
        return "Put training.retrain.learning_rate_fraction back to what it was in the last retraining."
    return f"training.retrain.learning_rate_fraction: {now:.3g} -> {then:.3g}"


def _little(both: Trainings) -> Signal:
    """The one suspect: a rate and passes that are both less have one vote."""
    rate, passed = both.mean_rate, both.planned_passes
    known = [value for value in (rate, passed) if value is not None]
    told = (
        f"The mean learning rate was {_times(rate)} the usual one, and each image was to be seen {_times(passed)} as "
        "often as usual."
    )
    return suspect("amount_ratio", min(known, default=None), _LOWER, told, "Records of rate and steps would say it.")


def _still_rising(record: TrainingRecord) -> Signal:
    points = course(record)
    value = None
    if len(points) >= 2 and points[-1].map > 0:
        rounds = [point for point in points[:-1] if point.step > 0] or points[:-1]
        value = 1 - max(point.map for point in rounds) / points[-1].map
    return symptom(
        "still_rising",
        value,
        _RISING,
        f"In the last round mAP on validation images rose by {percent(value or 0.0)}, beside the best round before.",
        "Validation during the training would show whether it was done: training.validation.min_images.",
    )


def _below_start(record: TrainingRecord) -> Signal:
    points = course(record)
    value = None
    if len(points) >= 2 and points[0].step == 0 and points[0].map > 0:
        value = (points[0].map - points[-1].map) / points[0].map
    return symptom(
        "below_start",
        value,
        _BELOW_START,
        f"mAP on validation images ended {percent(abs(value or 0.0))} "
        f"{'below' if (value or 0) > 0 else 'above'} its start.",
        "Validation before the first step and after the last one would show whether it recovered.",
    )


def _told_low(both: Trainings, is_short: bool) -> Told:
    if is_short:
        what = (
            f"With {both.candidate.planned_steps} steps the training was {_times(both.planned_passes)} as long as usual"
        )
        action = _longer(both)
    else:
        what = f"The learning rate was {_times(both.mean_rate)} {_usual(both)}"
        action = _fraction(both)
    return Told(
        supported=f"{what}: it ended before it had learned the span or recovered from its first steps.",
        open=f"{what}, but that it was not done does not show.",
        refuted="Learning rate and length were no less than usual.",
        action=action,
    )


def _longer(both: Trainings) -> str:
    changed = put_back(both, "max_steps", "epochs", "min_steps")
    if changed:
        return changed
    record, wanted = both.candidate, steps_for(both.candidate, both.usual_passes or USUAL_EPOCHS)
    planned, asked = record.planned_steps, record.asked
    least = asked.min_steps if asked else None
    if least is not None and least > planned:
        return (
            f"The settings ask for {least:g} steps at least, and {planned} were planned: look for what changed the "
            "length below the settings."
        )
    limit, now = ("max_steps", planned) if asked and asked.max_steps == planned else ("min_steps", least or planned)
    return f"training.retrain.{limit}: {now:g} -> {wanted or 'as many as usual'} ({planned} steps were planned)."
