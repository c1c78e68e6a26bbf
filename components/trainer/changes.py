"""What differs on purpose from how the lineage was trained last: refused where it endangers it, told where not; pure.

Two retrainings of a lineage are compared by what was asked for (`AskedTraining`), because the steps themselves follow
the data. A first training asks for other things than a retraining, so the first retraining of a lineage has nothing to
be compared with but the learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import AskedTraining, TrainedData, TrainingRecord
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.data.exif import APPLY, REFUSE

_ALIKE = 1e-9  # of a rate, relative
_HARDLY_LEARNS = 0.01  # of the bootstrap's peak; a tenth is usual


def asked_training(settings: TrainerSettings, peak: float, is_first: bool) -> AskedTraining:
    """What the settings ask for.

    Args:
        settings: the Trainer's settings.
        peak: the learning rate that follows from them for a whole batch.
        is_first: whether it is a first training.
    """
    training, retrain = settings.training, settings.training.retrain
    return AskedTraining(
        batch_size=training.batch_size,
        peak_learning_rate=peak,
        replay=0.0 if is_first else retrain.replay,
        steps=training.bootstrap.steps if is_first else None,
        epochs=None if is_first else retrain.epochs,
        min_steps=None if is_first else retrain.min_steps,
        max_steps=None if is_first else retrain.max_steps,
        rounds=training.validation.rounds,
        patience=training.validation.patience,
        min_validation_images=training.validation.min_images,
        max_validation_images=training.validation.max_images,
        accumulate=training.accumulate,
    )


def declared_changes(settings: TrainerSettings, asked: AskedTraining, baseline: TrainingRecord) -> tuple[str, ...]:
    """What a retraining changes, in words, each with the setting's name first.

    Args:
        settings: the Trainer's settings.
        asked: `asked_training` of them.
        baseline: the record of the model to start from.

    Raises:
        ConfigError: a change that makes a model unlearn is not in `training.allow`.
    """
    return (
        *_optimizer(settings, asked.peak_learning_rate, baseline),
        *_rate(settings, asked.peak_learning_rate, baseline),
        *_augmentation(settings, baseline),
        *(_others(settings, asked, baseline) if baseline.mode == "retrain" else ()),
    )


def exif_change(span: TrainedData, baseline: TrainingRecord) -> tuple[str, ...]:
    """That images with an EXIF orientation are taken otherwise than before, in words; nothing where they are refused.

    Args:
        span: to train on.
        baseline: the record of the model to start from.
    """
    before, after = baseline.exif, span.exif
    if REFUSE in (before, after) or before == after:
        return ()
    how = ("turned upright", "as stored")
    now, then = how if after == APPLY else how[::-1]
    return (
        f"data.exif: {before} -> {after}: images with an EXIF orientation are {now}; the served model was trained with "
        f"them {then}, and replayed images stay so",
    )


def _optimizer(settings: TrainerSettings, peak: float, baseline: TrainingRecord) -> list[str]:
    training, before = settings.training, baseline.numerics.optimizer
    if training.optimizer == before:
        return []
    if "optimizer" not in training.allow:
        raise ConfigError(
            f"training.optimizer = {training.optimizer!r}: the served model was trained with {before!r}, and the rates "
            "of two optimizers are not alike; put that back, or set training.bootstrap.peak_learning_rate to one for "
            f"{training.optimizer!r}, of which learning_rate_fraction is then, and declare the change with "
            "training.allow: [optimizer]"
        )
    return [f"optimizer: {before} -> {training.optimizer}, at a peak of {peak:g}, which is not like the rates before"]


def _rate(settings: TrainerSettings, peak: float, baseline: TrainingRecord) -> list[str]:
    if settings.training.optimizer != baseline.numerics.optimizer:
        return []  # of which `_optimizer` tells
    first = baseline.learning_rate.bootstrap_peak
    before = baseline.asked.peak_learning_rate if baseline.asked else baseline.learning_rate.peak
    is_first = baseline.mode != "retrain"
    if peak >= first:
        reason = f"not below the {first:g} that its lineage was first trained with"
    elif not is_first and peak > before * (1 + _ALIKE):
        reason = f"above the {before:g} that it was retrained with"
    elif not is_first and peak < before * (1 - _ALIKE):
        return [f"learning_rate_fraction: peak {before:g} -> {peak:g}, {peak / before:.3g} times the last retraining's"]
    elif is_first and peak < first * _HARDLY_LEARNS:
        return [f"learning_rate_fraction: peak {peak:g}, {peak / first:.3g} times the first training's: hardly learns"]
    else:
        return []
    if "learning_rate" not in settings.training.allow:
        raise ConfigError(
            f"training.retrain.learning_rate_fraction = {settings.training.retrain.learning_rate_fraction:g}: a peak "
            f"of {peak:g} is {reason}: the served model would unlearn; lower it, "
            "or declare the change with training.allow: [learning_rate]"
        )
    return [f"learning_rate: peak {before:g} -> {peak:g}, {reason}"]


def _augmentation(settings: TrainerSettings, baseline: TrainingRecord) -> list[str]:
    if AUGMENTATIONS[settings.augmentation].digest == baseline.augmentation_digest:
        return []
    if "augmentation" not in settings.training.allow:
        raise ConfigError(
            f"augmentation = {settings.augmentation!r}: the served model was trained with "
            f"{baseline.augmentation!r}, and a changed augmentation is a known cause of lost mAP; put that back, "
            "or declare the change with training.allow: [augmentation]"
        )
    return [f"augmentation: {baseline.augmentation} -> {settings.augmentation}"]


def _others(settings: TrainerSettings, asked: AskedTraining, baseline: TrainingRecord) -> Iterator[str]:
    training, before, numerics = settings.training, baseline.asked, baseline.numerics
    pairs: dict[str, tuple[Any, Any]] = {
        "l2_sp": (baseline.continual.l2_sp, training.retrain.l2_sp),
        "batch_norm": (baseline.continual.batch_norm, training.retrain.batch_norm),
        "freeze_backbone": (baseline.continual.freeze_backbone, training.retrain.freeze_backbone),
        "batch_size": (before.batch_size if before else baseline.batch_size, asked.batch_size),
        "clip_norm": (baseline.clip_norm, training.clip_norm),
        "average": (baseline.average, training.average),
        "precision": (numerics.precision, training.precision),
        "xla": (numerics.xla, training.xla),
        "weight_decay": (numerics.weight_decay, training.weight_decay),
        "accumulate": (before.accumulate if before else numerics.accumulate, training.accumulate),
    }
    if "sgd" == numerics.optimizer == training.optimizer:
        pairs["momentum"] = (numerics.momentum, training.momentum)
    if training.freeze_batch_norm is not None:
        pairs["freeze_batch_norm"] = (baseline.batch_norm_frozen, training.freeze_batch_norm)
    if before is not None or baseline.continual.replay:  # 0 before format 4 also where there was no earlier span
        pairs["replay"] = (before.replay if before else baseline.continual.replay, asked.replay)
    if before is not None:
        pairs |= {
            "epochs": (before.epochs, asked.epochs),
            "min_steps": (before.min_steps, asked.min_steps),
            "max_steps": (before.max_steps, asked.max_steps),
            "validation.rounds": (before.rounds, asked.rounds),
            "validation.patience": (before.patience, asked.patience),
            "validation.min_images": (before.min_validation_images, asked.min_validation_images),
            "validation.max_images": (before.max_validation_images, asked.max_validation_images),
        }
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
