"""How to train, derived from the settings and from how the baseline was trained.

The learning rate of a retraining is a fraction of the peak its lineage was *bootstrapped* with, not
of the last retraining's: fractions of fractions would bring learning to a stop after a few spans.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass

from components.trainer.settings import TrainerSettings
from schemas.errors import ConfigError
from schemas.training_record import LearningRateRecord, TrainingRecord

WARMUP_FRACTION = 0.1  # of all steps, at most WARMUP_MAX_STEPS
WARMUP_MAX_STEPS = 500
WARMUP_START = 0.05  # of the peak; a start above the peak is what tf-models' default gives a small rate
FINAL_FRACTION = 0.02  # of the peak; training on without decay alone costs .03 mAP


@dataclass(frozen=True)
class Augmentation:
    """A policy's exact parameters.

    Attributes:
        horizontal_flip: mirror half of the images.
        scale_min: lower limit of the random scale.
        scale_max: upper limit of the random scale.
    """

    horizontal_flip: bool
    scale_min: float
    scale_max: float

    @property
    def digest(self) -> str:
        """Changes with any parameter, also when the policy's name does not."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:16]


# Fixed sets: a changed one gets a new name, so that a name in a training record keeps its meaning.
AUGMENTATIONS = {
    "none-v1": Augmentation(horizontal_flip=False, scale_min=1.0, scale_max=1.0),
    "scale-v1": Augmentation(horizontal_flip=False, scale_min=0.8, scale_max=1.2),
    "flip-v1": Augmentation(horizontal_flip=True, scale_min=1.0, scale_max=1.0),
    "flip-scale-v1": Augmentation(horizontal_flip=True, scale_min=0.8, scale_max=1.2),
}


@dataclass(frozen=True)
class TrainingPlan:
    """What is to be done: `mode` is `bootstrap` or `retrain`."""

    mode: str
    steps: int
    learning_rate: LearningRateRecord
    augmentation: Augmentation
    freeze_batch_norm: bool


def plan_training(settings: TrainerSettings, num_images: int, baseline: TrainingRecord | None) -> TrainingPlan:
    """Derives the training plan.

    Args:
        settings: the Trainer's settings.
        num_images: images in the training split.
        baseline: record of the model to start from; None for a bootstrap.

    Raises:
        ConfigError: the settings contradict how the baseline was made, or the span is smaller than a batch.
    """
    batch_size = settings.training.batch_size
    if num_images < batch_size:
        raise ConfigError(
            f"training.batch_size = {batch_size}: the span has only {num_images} training images; "
            "lower the batch size or deliver a larger span"
        )
    augmentation = AUGMENTATIONS[settings.augmentation]
    if baseline is None:
        bootstrap = settings.training.bootstrap
        rate = _schedule(bootstrap.peak_learning_rate, bootstrap.peak_learning_rate, bootstrap.steps)
        return TrainingPlan("bootstrap", bootstrap.steps, rate, augmentation, _frozen(settings, None))
    _check_lineage(settings, baseline)
    retrain = settings.training.retrain
    steps = math.ceil(retrain.epochs * num_images / batch_size)
    steps = min(max(steps, retrain.min_steps), retrain.max_steps)
    bootstrap_peak = baseline.learning_rate.bootstrap_peak
    rate = _schedule(bootstrap_peak * retrain.learning_rate_fraction, bootstrap_peak, steps)
    return TrainingPlan("retrain", steps, rate, augmentation, _frozen(settings, baseline))


def learning_rate_at(step: int, steps: int, rate: LearningRateRecord) -> float:
    """Linear warm-up, then cosine decay (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).

    Args:
        step: 0..steps-1.
        steps: length of the training.
        rate: the schedule.

    >>> rate = LearningRateRecord(peak=1.0, bootstrap_peak=1.0, warmup_steps=10, warmup_start=0.05, final=0.02)
    >>> [round(learning_rate_at(step, 100, rate), 3) for step in (0, 10, 55, 99)]
    [0.05, 1.0, 0.51, 0.02]
    """
    if step < rate.warmup_steps:
        return rate.warmup_start + (rate.peak - rate.warmup_start) * step / rate.warmup_steps
    progress = (step - rate.warmup_steps) / max(1, steps - rate.warmup_steps)
    return rate.final + (rate.peak - rate.final) * 0.5 * (1 + math.cos(math.pi * progress))


def _schedule(peak: float, bootstrap_peak: float, steps: int) -> LearningRateRecord:
    return LearningRateRecord(
        peak=peak,
        bootstrap_peak=bootstrap_peak,
        warmup_steps=min(WARMUP_MAX_STEPS, int(steps * WARMUP_FRACTION)),
        warmup_start=peak * WARMUP_START,
        final=peak * FINAL_FRACTION,
    )


def _frozen(settings: TrainerSettings, baseline: TrainingRecord | None) -> bool:
    training = settings.training
    if training.freeze_batch_norm is not None:
        return training.freeze_batch_norm
    return training.init_checkpoint is not None if baseline is None else baseline.batch_norm_frozen


def _check_lineage(settings: TrainerSettings, baseline: TrainingRecord) -> None:
    model = json.loads(json.dumps(dataclasses.asdict(settings.model)))
    changed = [key for key in model if model[key] != baseline.model.get(key)]
    if changed:
        key = changed[0]
        raise ConfigError(
            f"model.{key} = {model[key]}: the served model was built with {baseline.model.get(key)}; "
            "put that back, or start a new pipeline root with --bootstrap"
        )
    digest = AUGMENTATIONS[settings.augmentation].digest
    if digest != baseline.augmentation_digest:
        raise ConfigError(
            f"augmentation = {settings.augmentation!r}: the served model was trained with "
            f"{baseline.augmentation!r}, and a changed augmentation is a known cause of lost mAP; put that back, "
            "or start a new pipeline root with --bootstrap"
        )
