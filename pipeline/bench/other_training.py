"""What the Trainer does, done otherwise than its plan says: the edits of `below_policy`, with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tensorflow as tf

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.images.augmentation import Augmentation, RandAugment
from ratchet.components.trainer.policy import schedule
from ratchet.schemas.artifacts.training_record import LearningRateRecord

MakeSchedule = Callable[[LearningRateRecord, int], Any]
Augment = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, Augmentation, tuple[int, int]], tuple[tf.Tensor, tf.Tensor]]


def at_another_rate(make: MakeSchedule, fraction: float) -> MakeSchedule:
    """The schedule of a retraining with another `learning_rate_fraction` than the plan's."""

    def made(rate: LearningRateRecord, steps: int) -> Any:
        return make(schedule(fraction * rate.bootstrap_peak, rate.bootstrap_peak, steps), steps)

    return made


def for_fewer_steps(make: MakeSchedule, last: float) -> MakeSchedule:
    """The schedule of a training of `last` steps, at rate 0 in all that come after."""

    def made(rate: LearningRateRecord, steps: int) -> Any:
        taken = min(int(last), steps)
        return _UpTo(make(schedule(rate.peak, rate.bootstrap_peak, taken), taken), taken)

    return made


class _UpTo(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule, and 0 from a step on."""

    def __init__(self, inner: Any, last: int) -> None:
        self._inner = inner
        self._last = last

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate of a step."""
        rate = self._inner(step)
        return tf.where(tf.cast(step, tf.float32) < self._last, rate, tf.zeros_like(rate))

    def get_config(self) -> dict[str, Any]:
        """Nothing reads it."""
        return {"inner": self._inner, "last": self._last}


def mirroring(augment: Augment, share: float) -> Augment:
    """Augmentation of images a share of which was mirrored, boxes and all, whatever the policy."""

    def mirrored(
        image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor, policy: Augmentation, size: tuple[int, int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = tf.random.stateless_uniform([], tf.reverse(seed, [0])) < share
        image = tf.raw_ops.Reverse(tensor=image, dims=tf.stack([False, chosen, False]))
        ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
        boxes = tf.where(chosen, tf.stack([ymin, 1 - xmax, ymax, 1 - xmin], axis=-1), boxes)
        return augment(image, boxes, seed, policy, size)

    return mirrored


def distorting(augment: Augment, magnitude: float) -> Augment:
    """Augmentation with RandAugment of some magnitude, whatever the policy."""

    def distorted(
        image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor, policy: Augmentation, size: tuple[int, int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return augment(image, boxes, seed, replace(policy, rand_augment=RandAugment(magnitude=magnitude)), size)

    return distorted
