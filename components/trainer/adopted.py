"""The first training of a lineage whose baseline was adopted, beside how that model was trained; pure.

It starts from other weights than the served model's, so nothing is unlearned by it. All the same it has to reach what
that model reached, and a higher rate or an augmentation that is gone is a known way to fall short of it.
"""

from __future__ import annotations

from collections.abc import Collection

from ratchet.components.toolkits.augmentation_changes import augmentation_changes
from ratchet.components.toolkits.settings_tree import shown
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS, Augmentation
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.formatting import joined
from ratchet.schemas.data import training_plan
from ratchet.schemas.data.training_plan import Kind, TrainingPlan

_ALIKE = 1e-9  # of a rate, relative
_SGD = ("sgd", "momentum")  # the same optimizer by two names
_KNOWN_KINDS = tuple(kind for kind in Kind if kind is not Kind.OTHER)


def changes_from_adopted(settings: TrainerSettings, adoption: Adoption) -> tuple[str, ...]:
    """What the first training after an adoption does otherwise than the adopted model's, in words.

    Args:
        settings: the Trainer's settings.
        adoption: the record of the served model.

    Raises:
        ConfigError: a change that is known to cost mAP is not in `training.allow`.
    """
    plan, start = adoption.plan, settings.training.init_checkpoint
    begun = f"trained from {start}" if start else "trained anew"
    if plan is None:
        return (
            f"{begun}: the served model was adopted, and nothing is known of how it was trained, so that nothing "
            "could be compared with it",
        )
    toolkit = f"{begun}: the served model was adopted; by {plan.source} it was trained with {plan.toolkit}"
    return (toolkit, *_optimizer(settings, plan), *_rate(settings, plan), *_augmentation(settings, plan))


def _is_same_optimizer(ours: str, theirs: str | None) -> bool:
    return theirs is not None and (ours == theirs.lower() or {ours, theirs.lower()} <= set(_SGD))


def _optimizer(settings: TrainerSettings, plan: TrainingPlan) -> list[str]:
    ours = settings.training.optimizer
    if plan.optimizer is None or _is_same_optimizer(ours, plan.optimizer):
        return []
    return [f"optimizer: {plan.optimizer} -> {ours}, whose rates are not alike, so that they were not compared"]


def _rate(settings: TrainerSettings, plan: TrainingPlan) -> list[str]:
    training = settings.training
    if plan.rate is None or not _is_same_optimizer(training.optimizer, plan.optimizer):
        return []
    peak, most, told = training.bootstrap.peak_learning_rate, plan.rate.peak, shown(plan.rate.peak)
    if training.optimizer == "sgd" and plan.batch_size and not plan.scales_rate:
        # SGD's rate grows with the batch (Goyal et al. 2017, arXiv:1706.02677).
        most *= training.batch_size / plan.batch_size
        if training.batch_size != plan.batch_size:
            told += f" for batches of {plan.batch_size:g}, which is {most:.3g} for batches of {training.batch_size}"
    if peak <= most * (1 + _ALIKE):
        return []
    behind = f" ({plan.named['rate.peak']})" if "rate.peak" in plan.named else ""
    if "learning_rate" not in training.allow:
        raise ConfigError(
            f"training.bootstrap.peak_learning_rate = {peak:g}: the adopted model was trained with {told}{behind}, and "
            f"a higher rate is a known cause of lost mAP; set it to at most {most:.3g}, or declare the change with "
            "training.allow: [learning_rate]"
        )
    return [f"learning_rate: peak {told} -> {peak:g}, {peak / most:.3g} times the adopted model's"]


def _augmentation(settings: TrainerSettings, plan: TrainingPlan) -> list[str]:
    gone = _gone(AUGMENTATIONS[settings.augmentation], plan)
    if not gone:
        return []
    names = joined([f"{each.name} ({each.kind.value})" for each in gone])
    verb = "is" if len(gone) == 1 else "are"
    if "augmentation" not in settings.training.allow:
        policy = _policy_with({each.kind for each in plan.augmentations or ()})
        fix = f"set augmentation: {policy}" if policy else "no policy of Ratchet's does all of it"
        raise ConfigError(
            f"augmentation = {settings.augmentation!r}: the adopted model was trained with {names}, which {verb} gone, "
            f"and a changed augmentation is a known cause of lost mAP; {fix}, or declare the change with "
            "training.allow: [augmentation]"
        )
    return [f"augmentation: {names} of the adopted model's training {verb} gone with {settings.augmentation}"]


def _gone(policy: Augmentation, plan: TrainingPlan) -> list[training_plan.Augmentation]:
    """What the adopted model was augmented by, one a kind, of which this policy does nothing."""
    ours = tuple(training_plan.Augmentation(kind.value, kind) for kind in _kinds(policy))
    changes = augmentation_changes(plan, TrainingPlan("Ratchet", "the settings", augmentations=ours))
    return [
        training_plan.Augmentation(each.before, each.kind)
        for each in changes
        if each.attribute == "augmentations.gone" and each.kind is not None
    ]


def _kinds(policy: Augmentation) -> tuple[Kind, ...]:
    """What a policy does to images; a scale above 1 crops, and RandAugment draws from colours, turns and shifts."""
    parts = {
        (Kind.MIRROR,): policy.horizontal_flip,
        (Kind.SCALE, Kind.CROP): policy.random_scale,
        (Kind.COLOUR,): policy.light is not None,
        (Kind.POLICY, Kind.COLOUR, Kind.TURN, Kind.CROP, Kind.ERASE): policy.rand_augment is not None,
    }
    return tuple(dict.fromkeys(kind for kinds, is_used in parts.items() if is_used for kind in kinds))


def _policy_with(kinds: Collection[Kind]) -> str | None:
    """The policy that does all of this and the least besides; None where none does."""
    wanted = {kind for kind in kinds if kind in _KNOWN_KINDS}
    fitting = {name: kinds for name, policy in AUGMENTATIONS.items() if wanted <= set(kinds := _kinds(policy))}
    return min(fitting, key=lambda name: len(fitting[name]), default=None)
