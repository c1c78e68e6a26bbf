"""Whether the learning rate was too high or too low, by configurations and logs of any toolkit; pure.

What speaks for it is what `components/diagnosis/learning_rate.py` knows of a retraining, as far as a log shows it: a
rate that is too high throws the model off at once, so that loss jumps and validation dips in the first steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import LENGTHS, NEED_CONFIGS, NEED_LOGS, nothing_else
from ratchet.components.diagnosis.plans.curves import first, last, rise
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.shared_symptoms import span_not_learned
from ratchet.components.diagnosis.signals import RATIO, SHARE, Limit, Told, found, suspect, symptom
from ratchet.components.diagnosis.trainings import USUAL_FRACTION, ratio
from ratchet.schemas.artifacts.diagnosis import RATE_TOO_HIGH, RATE_TOO_LOW, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.base.formatting import percent

_HIGHER = Limit(1.5)  # as in a retraining
_RESTARTED = Limit(10.0)  # times the rate at which the weights it starts from were left
_MOST_TIMES = 1000.0  # more is told as what it is: a rate that had decayed to nothing
_DIP = Limit(0.15, SHARE)
_FIRST = 3  # validations in which it may dip: a warm-up of three epochs puts off what the peak does
_RISE = Limit(1.3)
_ROSE = 1.05  # so much is scatter
_RISE_OF_EPOCHS = Limit(1.3, is_silent=True)  # the mean of a first epoch has the first steps in it already
_JUMP = Limit(1.5, RATIO, is_silent=True)  # of the first loss over the last one of before; new images raise it as well
_STAYS = Limit(1.3, RATIO, is_silent=True)  # of the last loss; objects that are harder raise it as well
_LOWER = Limit(0.5, is_most=True)
_RISING = Limit(0.01, SHARE)
_SURE = 0.95  # of a training that was lost while its rate was higher than before
_RATES = ("rate", "batch_size")


def examine_too_high(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether the learning rate was too high."""
    rate, kind = _rate(pair)
    signals = [
        rate,
        _dip(pair),
        _rise(pair),
        _jump(pair),
        _stays(pair),
        _diverged(pair),
        *([nothing_else(bundle, pair, *_RATES)] if rate.supports else []),
    ]
    finding = found(RATE_TOO_HIGH, kind, signals, _told_high(pair, kind))
    lost = pair.after.lost_at
    if lost and rate.supports:
        probability = max(finding.probability, _SURE)
        told = f"From {lost} on the loss was no number any more: {rate.sentence}"
        return [replace(finding, state=CauseState.SUPPORTED, probability=probability, sentence=told)]
    return [finding]


def examine_too_low(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether the learning rate was too low, or the training too short."""
    amount = _amount(pair)
    is_short = (pair.passes or 1.0) < (pair.mean_rate or 1.0)
    signals = [
        amount,
        still_rising(pair),
        _loss_higher(pair),
        span_not_learned(bundle),
        *([nothing_else(bundle, pair, *_RATES, *LENGTHS)] if amount.supports else []),
    ]
    return [found(RATE_TOO_LOW, "steps" if is_short else "rate", signals, _told_low(pair, is_short))]


def _rate(pair: PlanPair) -> tuple[Signal, str]:
    """The one suspect, and which kind it is."""
    peak, mean, over_end = pair.peak, pair.mean_rate, pair.over_end
    otherwise = f"Both learning rates would say it: {NEED_CONFIGS}."
    now = pair.after.peak
    if peak is not None and _HIGHER.supports(peak):
        told = f"The peak learning rate was {_beside(pair)}."
        return suspect("rate_ratio", peak, _HIGHER, told, otherwise), "peak"
    if pair.continues and over_end is not None and _RESTARTED.supports(over_end) and _times_usual(pair) is not None:
        final = pair.before.final_rate or 0.0
        times = f", {now / final:.3g} times that" if now and final and now < _MOST_TIMES * final else ""
        told = f"It went on from weights that were left at a rate of {final:.3g}, and began at {now:.3g} again{times}."
        return suspect("rate_over_end", over_end, _RESTARTED, told, otherwise), "restarted"
    if mean is not None and peak is not None and _HIGHER.supports(mean):
        told = f"Its learning rate was {mean:.3g} times that of the training before on average; the peak {peak:.3g}."
        return suspect("rate_ratio", mean, _HIGHER, told, otherwise), "no_decay"
    shown = _beside(pair) if peak is not None else "not known"
    return suspect("rate_ratio", peak, _HIGHER, f"The peak learning rate was {shown}.", otherwise), "peak"


def _peaks(pair: PlanPair) -> str:
    """Both peaks, as far as they are known."""
    if pair.peak is not None:
        return f"The peak learning rate was {_beside(pair)}"
    if pair.after.peak is not None:
        return f"The peak learning rate was {pair.after.peak:.3g}, and that of the training before is not known"
    return "The peak learning rate is not known"


def _beside(pair: PlanPair) -> str:
    """The second's peak beside the first's: `0.1, 2.5 times the 0.04 of the training before`."""
    now, then, times = pair.after.peak or 0.0, pair.before.peak or 0.0, pair.peak or 0.0
    if not pair.batch_matters:
        return f"{now:.3g}, {times:.3g} times the {then:.3g} of the training before"
    sizes = [plan.batch_size or 0.0 if plan else 0.0 for plan in (pair.after.plan, pair.before.plan)]
    return (
        f"{now:.3g} for batches of {sizes[0]:g}, and {then:.3g} for batches of {sizes[1]:g} in the training before: "
        f"{times:.3g} times as high for as many images"
    )


def _times_usual(pair: PlanPair) -> float | None:
    """The peak over what goes on from a result usually; None where it is no more than that."""
    value = ratio(pair.after.peak, pair.usual_peak)
    return value if value is not None and _HIGHER.supports(value) else None


def _dip(pair: PlanPair) -> Signal:
    """What the first steps cost on validation images."""
    curve = pair.after.curves.map if pair.after.curves else ()
    start = after = None
    where, when = "at the start", "At the first validation"
    if len(curve) > 1 and curve[0][0] == 0:
        start, after = curve[0][1], curve[1][1]
    elif curve and pair.continues and pair.before.curves and pair.before.curves.map:
        start, where = last(pair.before.curves.map), "where the training before ended"
        after = min(height for _, height in curve[:_FIRST])
        when = "Within the first validations"
    value = (start - after) / start if start and after is not None else None
    way = "lower" if (value or 0.0) > 0 else "higher"
    told = f"{when} mAP on validation images was {percent(abs(value or 0.0))} {way} than {where}."
    otherwise = "A log with mAP on validation images from the start on would show whether the first steps threw it off."
    return symptom("validation_dip", value, _DIP, told, otherwise)


def _rise(pair: PlanPair) -> Signal:
    """How far the loss rose, beside the training before where that is logged."""
    own = rise(pair.after.curves.loss) if pair.after.curves else None
    before = rise(pair.before.curves.loss) if pair.before.curves else None
    usual = max(before or 1.0, 1.0)
    beside = f", in the training before to {before:.3g} times" if before is not None and before > _ROSE else ""
    beside = ", in the training before it did not rise" if before is not None and not beside else beside
    told = f"The training loss rose to {own or 0.0:.3g} times its first value{beside}."
    otherwise = f"The loss over the steps would show whether it rose: {NEED_LOGS}."
    limit = _RISE_OF_EPOCHS if pair.after.curves and pair.after.curves.unit == "epoch" else _RISE
    return symptom("loss_rise", ratio(own, usual), limit, told, otherwise)


def _jump(pair: PlanPair) -> Signal:
    start = first(pair.after.curves.loss) if pair.after.curves and pair.continues else None
    told = (
        f"The loss began at {start or 0.0:.3g}, and the training before had ended at {pair.before.last_loss or 0:.3g}."
    )
    otherwise = (
        "Logs of both trainings, the second of which goes on from the first, would show whether the loss jumped."
    )
    return symptom("loss_jump", ratio(start, pair.before.last_loss), _JUMP, told, otherwise)


def _stays(pair: PlanPair) -> Signal:
    told = f"The loss ended at {pair.after.last_loss or 0.0:.3g}, {pair.last_loss or 0.0:.3g} times that of before."
    otherwise = f"Loss curves of both would show whether it stayed high: {NEED_LOGS}."
    return symptom("loss_stays_high", pair.last_loss, _STAYS, told, otherwise)


def _diverged(pair: PlanPair) -> Signal:
    lost = pair.after.lost_at
    told = f"From {lost} on the loss was no number any more." if lost else "The training was not lost."
    return Signal("diverged", Role.SYMPTOM, float(bool(lost)), 1.0, "lost trainings", True if lost else None, told)


def _told_high(pair: PlanPair, kind: str) -> Told:
    now = pair.after.peak or 0.0
    if kind == "restarted":
        what = (
            f"It began at the first training's peak rate again ({now:.3g}) on weights that a decayed schedule had left "
            f"at {pair.before.final_rate or 0.0:.3g}"
        )
        action = (
            f"{pair.rate_set_to(pair.usual_peak or 0.0)}; {USUAL_FRACTION:g} of the first training's peak is usual "
            "where a training goes on from another's result."
        )
    elif kind == "no_decay":
        what = f"The learning rate did not go down as before: {pair.mean_rate or 0.0:.3g} times as high on average"
        action = f"Put {pair.setting('rate.schedule', 'the schedule of the learning rate')} back to what it was."
    else:
        what = _peaks(pair)
        action = pair.rate_undone()
    unsettled = "the logs do not settle" if pair.after.curves else "no log shows"
    return Told(
        supported=f"{what}, which threw the model off.",
        open=f"{what}; that it threw the model off {unsettled}.",
        refuted="The learning rate was not higher than in the training before.",
        action=action,
        test=f"To test it give {NEED_CONFIGS}.",
    )


def _amount(pair: PlanPair) -> Signal:
    # Weights that a first training's peak throws off come out of one that had learned: how long it goes on is no lack.
    passes = None if _rate(pair)[1] == "restarted" else pair.passes
    known = [value for value in (pair.mean_rate, passes) if value is not None and not pair.after_first]
    told = (
        f"The mean learning rate was {_times(pair.mean_rate)} that of the training before{_for_batch(pair)}, and each "
        f"image was to be seen {_times(pair.passes)} as often."
    )
    otherwise = f"Rate and length of both trainings would say it: {NEED_CONFIGS}."
    if pair.after_first:
        otherwise = "Rate and length of another retraining would say it; those of a first training are no measure."
    return suspect("amount_ratio", min(known, default=None), _LOWER, told, otherwise)


def _for_batch(pair: PlanPair) -> str:
    changed = pair.change("batch_size") if pair.batch_matters else ()
    return f" for as many images ({changed[0].name}: {changed[0].before} -> {changed[0].after})" if changed else ""


def _times(value: float | None) -> str:
    return "an unknown multiple of" if value is None else f"{value:.3g} times"


def still_rising(pair: PlanPair) -> Signal:
    """Whether the last validation was better than all before it: a training that is not at its end."""
    curve = pair.after.curves.map if pair.after.curves else ()
    value = None
    if len(curve) > 1 and curve[-1][1] > 0:
        value = 1 - max(height for _, height in curve[:-1]) / curve[-1][1]
    told = f"In the last round mAP on validation images rose by {percent(value or 0.0)}, beside the best round before."
    return symptom("still_rising", value, _RISING, told, f"Validation over the training would show it: {NEED_LOGS}.")


def _loss_higher(pair: PlanPair) -> Signal:
    signal = _stays(pair)
    return replace(signal, name="loss_not_down")


def _told_low(pair: PlanPair, is_short: bool) -> Told:
    if is_short:
        what = f"Each image was to be seen {_times(pair.passes)} as often as in the training before"
        attribute = "epochs" if pair.after.plan and pair.after.plan.epochs is not None else "steps"
        action = pair.undo(attribute, f"the number of {attribute}", lambda each: getattr(each.plan, attribute, None))
    else:
        what = (
            f"The learning rate was {_times(pair.mean_rate)} that of the training before on average{_for_batch(pair)}"
        )
        action = pair.rate_undone()
    return Told(
        supported=f"{what}: it ended before it had learned.",
        open=f"{what}; whether it ended before it had learned does not show.",
        refuted="Learning rate and length were no less than in the training before.",
        action=action,
        test=f"To test it give {NEED_CONFIGS}.",
    )
