"""Whether training images were augmented otherwise than the baseline's; pure.

Two things can show it: another policy in the record, and what augmentation did to the first batches beside what it did
to the baseline's. The second sees what no record declares, but only in the mean: random light that is as often brighter
as darker moves no mean. An augmentation that does not suit the objects makes them harder to learn (the loss stays high,
and even the images trained on gain nothing) and costs every data set alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.shared_symptoms import held_out_fell, span_not_learned
from ratchet.components.diagnosis.signals import (
    RATIO,
    STANDARD_ERRORS,
    Limit,
    Told,
    found,
    not_trained,
    suspect,
    symptom,
)
from ratchet.components.diagnosis.trainings import Trainings, last_loss
from ratchet.schemas.artifacts.diagnosis import AUGMENTATION, CauseFinding, Role, Signal
from ratchet.schemas.artifacts.training_dynamics import BatchFigures
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.formatting import percent

MIRRORED, COLOUR, SCALE, MISSING, CHANGED = "mirrored", "colour", "scale", "missing", "changed"

_BEYOND = Limit(4.0, STANDARD_ERRORS)  # six figures are looked at in every run: by chance one in 2,600
_HARDER = Limit(1.3)  # last loss over the baseline's: 1.05 for darkness, 2.5 to 3 for RandAugment
_EASIER = Limit(0.8, is_most=True)  # without an augmentation that the baseline had
# Standard deviations between images of what the widest usual policies do (factors of .7 to 1.3 on light and contrast,
# of .8 to 1.2 on the side): uniform factors have .17 and, of the area, .23; contrast has both of the light's.
_SPREADS = {
    "brightness": (COLOUR, 0.2),
    "contrast": (COLOUR, 0.3),
    "log_area": (SCALE, 0.25),
    "log_aspect": (SCALE, 0.1),
    "boxes": (SCALE, 0.25),
}
_MOST_LOG = 700.0  # of more there is no exponential
# How policies are named: what a part of the name means.
_NAMED = {"flip": MIRRORED, "scale": SCALE, "light": COLOUR, "randaugment": COLOUR}


@dataclass(frozen=True)
class _Effect:
    """What augmentation did to a figure, beside what it did in the baseline's training.

    Attributes:
        kind: of the figure: MIRRORED, COLOUR or SCALE.
        name: of the figure.
        now: what it did: ln of a factor, a difference, or a share.
        before: the same in the baseline's training.
        std_error: of their difference.
    """

    kind: str
    name: str
    now: float
    before: float
    std_error: float

    @property
    def strength(self) -> float:
        """Difference in standard errors."""
        return abs(self.now - self.before) / self.std_error

    @property
    def is_less(self) -> bool:
        """Whether it does less than it did."""
        return abs(self.now) < abs(self.before) / 2


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether it was the augmentation."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(AUGMENTATION)]
    both = Trainings(bundle.candidate, bundle.baseline)
    effects = _effects(both)
    strongest = max(effects, key=lambda effect: effect.strength, default=None)
    detail = _detail(both, strongest)
    signals = [
        *_changed(both, strongest),
        _loss(both, detail),
        *(() if detail == MISSING else (span_not_learned(bundle),)),
        held_out_fell(bundle),
    ]
    return [found(AUGMENTATION, detail, signals, _told(both, detail, strongest))]


def _is_other_policy(both: Trainings) -> bool:
    return both.candidate.augmentation_digest != both.baseline.augmentation_digest


def _changed(both: Trainings, strongest: _Effect | None) -> list[Signal]:
    """The one suspect: another policy, or else what it did to the first batches, where both records say that.

    Of another policy the batches show the same change a second time, or nothing, if it moves no mean: no vote.
    """
    is_other = _is_other_policy(both)
    told = f"The augmentation policy was {both.candidate.augmentation}; {_before(both)}."
    policy = Signal("policy", Role.SUSPECT, float(is_other), 1.0, "other policies", is_other, told)
    if strongest is None:
        otherwise = "Records of both trainings with figures of their first batches would show what augmentation did."
        return [policy, symptom("batches", None, _BEYOND, "", otherwise)]
    unsound = "The figures of the first batches are no finite numbers."
    batches = suspect("batches", strongest.strength, _BEYOND, _shown(strongest), unsound, 1.0)
    if is_other:
        return [policy, replace(batches, role=Role.SYMPTOM, supports=None)]
    return [replace(policy, role=Role.SYMPTOM, supports=None), batches]


def _before(both: Trainings) -> str:
    if not _is_other_policy(both):
        return "the served model was trained with the same"
    if both.candidate.augmentation == both.baseline.augmentation:
        return "the served model was trained with other parameters of the same name"
    return f"the served model was trained with {both.baseline.augmentation}"


def _shown(effect: _Effect) -> str:
    if effect.kind == MIRRORED:
        now, before = percent(effect.now), percent(effect.before)
        return f"{now} of the images were mirrored; in the served model's training {before}."
    if effect.name in ("log_area", "log_aspect"):
        what = f"changed {effect.name.removeprefix('log_')} of the boxes by a factor of"
    else:
        what = f"changed {effect.name}{' kept' if effect.name == 'boxes' else ' of the images'} by a factor of"
    return (
        f"Augmentation {what} {_factor(effect.now)} on average, in the served model's training of "
        f"{_factor(effect.before)} (a difference of {effect.strength:.1f} standard errors)."
    )


def _factor(log: float) -> str:
    return f"{math.exp(min(log, _MOST_LOG)):.3g}"


def _effects(both: Trainings) -> list[_Effect]:
    """What augmentation did to each figure that both records have."""
    now, before = _batches(both.candidate), _batches(both.baseline)
    if now is None or before is None:
        return []
    effects = [_mirrored(now[1], before[1])]
    for name, (kind, spread) in _SPREADS.items():
        pair = [_done(getattr(raw, name), getattr(out, name), name) for raw, out in (now, before)]
        if pair[0] is not None and pair[1] is not None:
            error = spread * math.sqrt(1 / now[1].images + 1 / before[1].images)
            effects.append(_Effect(kind, name, pair[0], pair[1], error))
    return effects


def _batches(record: TrainingRecord) -> tuple[BatchFigures, BatchFigures] | None:
    """As they come from the files and as the training got them."""
    known = record.dynamics
    if known is None or known.batches is None or known.augmented is None or known.augmented.images <= 0:
        return None
    return known.batches, known.augmented


def _mirrored(now: BatchFigures, before: BatchFigures) -> _Effect:
    variances = []
    for each in (now, before):
        share = (each.mirrored * each.images + 1) / (each.images + 2)  # a share of 0 or 1 has an error, too (Laplace)
        variances.append(max(0.0, share * (1 - share)) / each.images)
    error = math.sqrt(sum(variances)) or 1.0
    return _Effect(MIRRORED, MIRRORED, now.mirrored, before.mirrored, error)


def _done(raw: float | None, out: float | None, name: str) -> float | None:
    """What was done to a figure: ln of the factor."""
    if raw is None or out is None or not (math.isfinite(raw) and math.isfinite(out)):
        return None
    if name.startswith("log_"):
        return out - raw
    return math.log(out) - math.log(raw) if raw > 0 and out > 0 else None


def _detail(both: Trainings, strongest: _Effect | None) -> str:
    is_other = _is_other_policy(both)
    if is_other:
        now, before = ({kind for part, kind in _NAMED.items() if part in name} for name in _names(both))
        if before and not now:
            return MISSING
        added = now - before
        if len(added) == 1:
            return added.pop()
    if strongest is None or strongest.strength < _BEYOND.value:
        return CHANGED
    return MISSING if strongest.is_less else strongest.kind


def _names(both: Trainings) -> tuple[str, str]:
    return both.candidate.augmentation, both.baseline.augmentation


def _loss(both: Trainings, detail: str) -> Signal:
    """A first training may end anywhere, so that a loss like its own says nothing."""
    limit = _EASIER if detail == MISSING else _HARDER
    limit = Limit(limit.value, RATIO, limit.is_most, is_silent=not both.alike)
    return symptom(
        "loss_ratio",
        both.last_loss,
        limit,
        f"The training loss ended at {last_loss(both.candidate) or 0.0:.3g}, {both.last_loss or 0.0:.3g} times that of "
        "the served model's training.",
        "Loss curves in both records would say whether images became harder to learn.",
    )


def _told(both: Trainings, detail: str, strongest: _Effect | None) -> Told:
    if _is_other_policy(both):
        what = f"The augmentation was {both.candidate.augmentation}, and {_before(both)}"
        action = f"augmentation: {both.candidate.augmentation} -> {both.baseline.augmentation}"
        if both.candidate.augmentation == both.baseline.augmentation:
            digests = f"digest {both.candidate.augmentation_digest[:8]} -> {both.baseline.augmentation_digest[:8]}"
            action = (
                f"Put the parameters of the augmentation {both.candidate.augmentation} back to what they were "
                f"({digests})."
            )
    else:
        what = "The policy's name stayed, and the training images were augmented otherwise"
        what += f": {_shown(strongest)[:-1]}" if strongest else ""
        action = (
            f"Look for what augments images below the policy {both.candidate.augmentation}: the code of the input "
            "pipeline, and the libraries that it uses."
        )
    why = "the model lost what that kept it from forgetting" if detail == MISSING else "which did not suit the objects"
    return Told(
        supported=f"{what}, {'and ' if detail == MISSING else ''}{why}.",
        open=f"{what}, but that it costs mAP does not show.",
        refuted="Training images were augmented as the served model's were.",
        action=action,
    )
