"""Whether the model learned its training images by heart, by configurations, logs and data of any toolkit; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.overfitting import gap
from ratchet.components.diagnosis.plans.alone import LENGTHS, NEED_DATA, NEED_LOGS, nothing_else, other_data
from ratchet.components.diagnosis.plans.curves import Points, highest, last, since, smoothed
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.shared_symptoms import unseen_fell
from ratchet.components.diagnosis.signals import SHARE, Limit, Told, found, suspect, symptom
from ratchet.components.diagnosis.trainings import ratio
from ratchet.schemas.artifacts.diagnosis import OVERFITTING, CauseFinding, Signal
from ratchet.schemas.base.formatting import number, percent

PARTED = "loss_falls_map_falls"
_OFTEN = Limit(2.0)  # passes over those of the training before
_FEWER = 0.5  # of the images of before: passes are then said to be of few images
_FEW = Limit(0.25, is_most=True)  # of the images of before, whatever the passes: a world is not in so few
_BY_HEART = Limit(0.5, is_most=True)  # last loss over that of the training before
_LOST = Limit(0.05, SHARE)  # of the best mAP on validation images, at the end, while the loss goes down
_FALLS = 0.05  # of the loss at that point: so much less is a loss that goes down


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether it was overfitting."""
    often = _often(pair)
    signals = [
        often,
        _by_heart(pair),
        _parted(pair),
        gap(bundle),
        unseen_fell(bundle),
        *([nothing_else(bundle, pair, *LENGTHS, "batch_size")] if often.supports else []),
    ]
    few = pair.images is not None and pair.images <= _FEWER
    return [found(OVERFITTING, "few_images" if few else "many_passes", signals, _told(pair, few))]


def _often(pair: PlanPair) -> Signal:
    """The one suspect: images that are seen more often, or far fewer of them."""
    otherwise = f"How often each image is seen follows from the number of images: {NEED_DATA}."
    often = pair.passes is not None and bool(_OFTEN.supports(pair.passes))
    if not often and pair.images is not None and _FEW.supports(pair.images):
        told = f"It was trained on {percent(pair.images)} as many images as before ({pair.after.count or 0:,})."
        return suspect("images_ratio", pair.images, _FEW, told, otherwise)
    # As many passes over other data whose number nobody told may be passes over a few images.
    unknown = not often and pair.images is None and other_data(pair) is not None
    return suspect("passes_ratio", None if unknown else pair.passes, _OFTEN, f"{_seen(pair)}.", otherwise)


def _seen(pair: PlanPair) -> str:
    images, times, beside = pair.after.count, pair.after.passes, pair.passes
    what = f"Its {images:,} training images" if images else "Its training images"
    if times is None:
        return f"{what} were seen an unknown number of times"
    often = f", {number(beside)} times as often as in the training before" if beside is not None else ""
    return f"{what} were seen {times:,.0f} times each{often}"


def _by_heart(pair: PlanPair) -> Signal:
    ended, times = pair.after.last_loss or 0.0, pair.last_loss or 0.0
    told = f"The training loss ended at {ended:.3g}, {times:.3g} times that of before."
    return symptom("loss_ratio", pair.last_loss, _BY_HEART, told, f"Loss curves of both would show it: {NEED_LOGS}.")


def _parted(pair: PlanPair) -> Signal:
    """Whether mAP on validation images falls, or the loss on them rises, while the training loss goes on falling."""
    curves = pair.after.curves
    otherwise = f"A log with loss and validation would show whether the two part: {NEED_LOGS}."
    if curves is None or not curves.loss:
        return symptom(PARTED, None, _LOST, "", otherwise)
    found_in = _lost_since(curves.map, curves.loss) or _risen_since(curves.validation_loss, curves.loss)
    if found_in is None:
        return symptom(PARTED, None, _LOST, "", otherwise)
    value, told = found_in
    return symptom(PARTED, value, _LOST, told, otherwise)


def _lost_since(scores: Points, loss: Points) -> tuple[float, str] | None:
    best, end = highest(scores), last(scores)
    if best is None or end is None or len(scores) < 3 or best[1] <= 0:
        return None
    fell = _loss_fell(loss, best[0])
    value = (best[1] - end) / best[1] if fell else 0.0
    told = (
        f"mAP on validation images went from {best[1]:.3f} at {best[0]:g} to {end:.3f} at the end, while the training "
        f"loss went {'on falling' if fell else 'no further down'}."
    )
    return value, told


def _risen_since(validation: Points, loss: Points) -> tuple[float, str] | None:
    if len(validation) < 3:
        return None
    lowest = min(validation, key=lambda point: point[1])
    end = last(validation)
    if end is None or lowest[1] <= 0:
        return None
    fell = _loss_fell(loss, lowest[0])
    value = (end - lowest[1]) / lowest[1] if fell else 0.0
    told = (
        f"The loss on validation images went from {lowest[1]:.3g} at {lowest[0]:g} to {end:.3g} at the end, while that "
        f"on training images went {'on falling' if fell else 'no further down'}."
    )
    return value, told


def _loss_fell(loss: Points, step: float) -> bool:
    rest = since(smoothed(loss), step)
    if len(rest) < 2:
        return False
    value = ratio(rest[-1][1], rest[0][1])
    return value is not None and value <= 1 - _FALLS


def _told(pair: PlanPair, few: bool) -> Told:
    seen = _seen(pair)
    images = pair.after.count
    attribute = "epochs" if pair.after.plan and pair.after.plan.epochs is not None else "steps"
    wanted = pair.before.passes
    fewer = pair.setting(attribute, f"the number of {attribute}")
    now = getattr(pair.after.plan, attribute, None) if pair.after.plan else None
    then = now / pair.passes if now and pair.passes else None
    action = f"{fewer}: {now:g} -> {then:.0f}" if now and then else f"Train for fewer {attribute}"
    if few and images and wanted:
        action += f", or on more images: {images:,} are {percent(pair.images or 0.0)} of what was trained on before"
    return Told(
        supported=f"The model learned its training images by heart. {seen}.",
        open=f"{seen}; whether they were learned by heart does not show.",
        refuted="Its training images were seen no more often than in the training before.",
        action=f"{action}.",
        test=f"To test it give {NEED_DATA}, and {NEED_LOGS}.",
    )
