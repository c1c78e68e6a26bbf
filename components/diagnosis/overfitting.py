"""Whether the model learned the images of the new span by heart; pure.

A retraining that sees few images very often reaches a training loss near 0 and finds nearly everything in the images
that it was trained on, while images of the same world that it was not trained on lose. Wrong boxes and another world
part training images from golden ones as well, but not from held-out images of the same span, and they do not make the
training see its images more often than usual: without that, nothing is learned by heart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.data_sets import TITLES, Change, change
from ratchet.components.diagnosis.shared_symptoms import unseen_fell
from ratchet.components.diagnosis.signals import (
    SHARE_OF_FALL,
    STANDARD_ERRORS,
    Limit,
    Told,
    found,
    not_trained,
    suspect,
    symptom,
)
from ratchet.components.diagnosis.trainings import (
    Trainings,
    exported_step,
    first_loss,
    last_loss,
    passes,
    put_back,
    ratio,
    steps_for,
)
from ratchet.schemas.artifacts.diagnosis import OVERFITTING, CauseFinding, Signal
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, GOLDEN, HELD_OUT, TRAIN_SAMPLE
from ratchet.schemas.artifacts.training_record import TrainingRecord

_OFTEN = Limit(2.0)  # passes over the usual ones; a case of 20 images and 200 steps has some 30 times as many
_BY_HEART = Limit(0.5, is_most=True)  # last loss: 1.0 clean, .01 for 20 images; loose boxes and darkness are above 1
_GAP = Limit(0.5, SHARE_OF_FALL)  # at least half of what was lost has to be there between seen and unseen images
_SURE = 3.0  # standard errors of the gap


@dataclass(frozen=True)
class _Gap:
    """How much more mAP rose on images that were trained on than on others.

    Attributes:
        seen: change on the former.
        unseen: change on the latter.
        of: the data set of the latter.
    """

    seen: Change
    unseen: Change
    of: str

    @property
    def value(self) -> float:
        """In mAP."""
        return self.seen.value - self.unseen.value

    @property
    def std_error(self) -> float:
        """Of the value; the images are others, so the errors are independent."""
        return math.hypot(self.seen.std_error, self.unseen.std_error)


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether it was overfitting to the new span."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(OVERFITTING)]
    both = Trainings(bundle.candidate, bundle.baseline)
    signals = [_passes(both), _loss(both), gap(bundle), unseen_fell(bundle)]
    detail = "few_images" if bundle.candidate.images < bundle.baseline.images / 2 else "many_passes"
    return [found(OVERFITTING, detail, signals, _told(both))]


def _passes(both: Trainings) -> Signal:
    value, seen = both.passes, _seen(both.candidate)
    return suspect(
        "passes_ratio",
        value,
        _OFTEN,
        f"Each of {both.candidate.images} images was seen {seen or 0.0:.3g} times, {value or 0.0:.3g} times as often "
        f"as {_usually(both)}.",
        "The number of training images would say how often each was seen.",
    )


def _seen(record: TrainingRecord) -> float | None:
    return passes(record, exported_step(record))


def _usually(both: Trainings) -> str:
    return f"{'in the last retraining' if both.alike else 'epochs asks for'} ({both.usual_passes or 0.0:.3g})"


def _loss(both: Trainings) -> Signal:
    """Beside a retraining's; a first training may end anywhere, so then beside what this one began with."""
    last = last_loss(both.candidate)
    before = last_loss(both.baseline) if both.alike else first_loss(both.candidate)
    value = ratio(last, before)
    return symptom(
        "loss_ratio",
        value,
        _BY_HEART,
        f"The training loss ended at {last or 0.0:.3g}, {value or 0.0:.3g} times the {before or 0.0:.3g} that "
        f"{'the last retraining ended at' if both.alike else 'it began with'}.",
        "A loss curve in the training record would say how well the images were learned.",
    )


def _measured(bundle: Bundle) -> _Gap | None:
    """Beside held-out images of the same span; a tiny span has too few of them, then beside those of earlier spans."""
    seen = change(bundle, TRAIN_SAMPLE)
    for name in (HELD_OUT, EARLIER_SPANS) if seen else ():
        unseen = change(bundle, name)
        if unseen and seen and _SURE * unseen.std_error <= max(abs(seen.value), abs(unseen.value)):
            return _Gap(seen, unseen, name)
    return None


def gap(bundle: Bundle) -> Signal:
    """Whether images that were trained on gained what others did not."""
    otherwise = "Evaluations on images that were trained on, and on enough held-out ones, would show the gap."
    gap, fall = _measured(bundle), change(bundle, GOLDEN)
    if gap is None:
        return symptom("gap", None, _GAP, "", otherwise)
    told = (
        f"mAP changed by {gap.seen.shown} on {TITLES[TRAIN_SAMPLE]} and by {gap.unseen.shown} on {TITLES[gap.of]}: "
        f"a gap of {gap.value:+.4f}."
    )
    sure = gap.value / gap.std_error
    if fall is None or fall.value >= 0 or sure < _SURE or not gap.seen.rose:
        # Whether there is a gap at all; of one that learned nothing by heart, none. A wide one is unclear where few
        # images were trained on.
        value = sure if gap.seen.rose else min(sure, 0.0)
        is_wide = fall is not None and fall.value < 0 and _GAP.supports(gap.value / -fall.value) is True
        return symptom("gap", value, Limit(_SURE, STANDARD_ERRORS, is_silent=is_wide), told, otherwise, 1.0)
    return symptom("gap", gap.value / -fall.value, _GAP, told, otherwise, gap.std_error / -fall.value)


def _told(both: Trainings) -> Told:
    record = both.candidate
    seen, value = _seen(record) or 0.0, both.passes or 0.0
    what = f"{record.images} images were seen {seen:.3g} times each, {value:.3g} times as often as {_usually(both)}"
    return Told(
        supported=f"The model learned the new span by heart: {what}.",
        open=f"{what}; whether they were learned by heart does not show.",
        refuted=f"The {record.images} images were seen no more often than usual ({seen:.3g} times each).",
        action=_action(both),
    )


def _action(both: Trainings) -> str:
    record, usual = both.candidate, both.usual_passes
    steps = steps_for(record, usual) if usual else None
    if steps is None:
        return "Train for fewer passes (training.retrain.epochs, training.retrain.min_steps), or deliver more images."
    images = round(record.images * (both.passes or 1.0))
    asked = record.asked
    wanted = steps_for(record, asked.epochs) if asked and asked.epochs else None
    less, before = put_back(both, "epochs", "min_steps"), both.baseline.asked
    had_its_way = less is None and wanted is not None and record.planned_steps > wanted
    still_more = less is not None and "min_steps" in less and before is not None and (before.min_steps or 0) > steps
    if had_its_way or still_more:  # the least number of steps, which is too many for so few images as last time
        least = asked.min_steps if still_more and asked and asked.min_steps else record.planned_steps
        less = f"training.retrain.min_steps: {least} -> {steps}"
    elif less is None:
        less = f"training.retrain.epochs: {_seen(record) or 0.0:.3g} -> {usual:.3g}"
    return f"{less} ({steps} steps see each image {usual:.3g} times), or about {images} images for as many steps."
