"""Whether training images were augmented otherwise, by configurations and logs of any toolkit; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.augmentation import CHANGED, COLOUR, MIRRORED, MISSING, SCALE
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import NEED_CONFIGS, NEED_LOGS, nothing_else
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.shared_symptoms import held_out_fell, span_not_learned
from ratchet.components.diagnosis.signals import RATIO, Limit, Told, found, suspect, symptom
from ratchet.schemas.artifacts.diagnosis import AUGMENTATION, CauseFinding, Signal
from ratchet.schemas.base.formatting import capital, listed
from ratchet.schemas.data.training_plan import Augmentation, Kind, TrainingPlan

_ANY = Limit(1.0, "changes")
_HARDER = Limit(1.3, RATIO, is_silent=True)  # last loss over that of before
_EASIER = Limit(0.8, RATIO, is_most=True, is_silent=True)  # without an augmentation that there was
_MOST_NAMED = 4
_DETAILS = {Kind.MIRROR: MIRRORED, Kind.COLOUR: COLOUR, Kind.POLICY: COLOUR, Kind.SCALE: SCALE, Kind.CROP: SCALE}


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether it was the augmentation."""
    before, after = (_of(training.plan) for training in (pair.before, pair.after))
    changes = pair.change("augmentations")
    gone, new = _beyond(before, after), _beyond(after, before)
    detail = _detail(gone, new)
    is_known = before is not None and after is not None
    told = _sentence(gone, new, [each.sentence for each in changes])
    count = float(len(changes) or len(gone) + len(new)) if is_known else None
    suspected = suspect("policy", count, _ANY, f"{told}.", f"Both policies would say it: {NEED_CONFIGS}.")
    signals = [
        suspected,
        _loss(pair, detail),
        *(() if detail == MISSING else (span_not_learned(bundle),)),
        held_out_fell(bundle),
        *([nothing_else(bundle, pair, "augmentations")] if suspected.supports else []),
    ]
    return [found(AUGMENTATION, detail, signals, _told(pair, detail, told, gone, new))]


def _of(plan: TrainingPlan | None) -> tuple[Augmentation, ...] | None:
    return plan.augmentations if plan else None


def _beyond(one: tuple[Augmentation, ...] | None, other: tuple[Augmentation, ...] | None) -> tuple[Augmentation, ...]:
    """Those of a kind that the other training does not have; of what no kind is known, those of another name."""
    if one is None or other is None:
        return ()
    kinds, names = {each.kind for each in other if each.kind is not Kind.OTHER}, {each.name for each in other}
    return tuple(each for each in one if each.name not in names and each.kind not in kinds)


def _detail(gone: Sequence[Augmentation], new: Sequence[Augmentation]) -> str:
    if gone and not new:
        return MISSING
    kinds = {_DETAILS.get(each.kind, CHANGED) for each in new}
    return kinds.pop() if len(kinds) == 1 else CHANGED


def _sentence(gone: Sequence[Augmentation], new: Sequence[Augmentation], changes: Sequence[str]) -> str:
    if not gone and not new:
        return changes[0].rstrip(".") if changes else "Training images were augmented as before"
    parts = [f"without {_names(gone)}, as there was before"] if gone else []
    parts += [f"with {_names(new)}, as there was not before"] if new else []
    return f"Training images were augmented {' and '.join(parts)}"


def _names(found_in: Sequence[Augmentation]) -> str:
    return listed([each.name for each in found_in], _MOST_NAMED)


def _loss(pair: PlanPair, detail: str) -> Signal:
    limit = _EASIER if detail == MISSING else _HARDER
    ended, times = pair.after.last_loss or 0.0, pair.last_loss or 0.0
    told = f"The training loss ended at {ended:.3g}, {times:.3g} times that of before."
    otherwise = f"Loss curves of both would say whether images became harder or easier to learn: {NEED_LOGS}."
    return symptom("loss_ratio", pair.last_loss, limit, told, otherwise)


def _told(pair: PlanPair, detail: str, what: str, gone: Sequence[Augmentation], new: Sequence[Augmentation]) -> Told:
    why = (
        "the model lost what kept it from learning by heart" if detail == MISSING else "which did not suit the objects"
    )
    setting = pair.setting("augmentations", "")
    steps = [f"add {_names(gone)} again"] if gone else []
    steps += [f"take {_names(new)} out"] if new else []
    undo = " and ".join(steps) or "put its parameters back to what they were"
    return Told(
        supported=f"{what}: {why}.",
        open=f"{what}; that it costs mAP does not show.",
        refuted="Training images were augmented as before.",
        action=f"{setting}: {undo}." if setting else f"{capital(undo)}.",
        test=f"To test it give {NEED_CONFIGS}.",
    )
