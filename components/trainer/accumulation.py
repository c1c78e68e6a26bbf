"""A step whose batch goes through the model in parts, so that a large batch needs the memory of a small one.

tf-models divides RetinaNet's loss of a batch by the positive anchors in it. Each part is therefore weighted by its
share of them, so that the sum of the gradients is that of the whole batch at once. Batch norm alone differs: a part is
normalised by its own statistics, as a batch of that size would be.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.model.family import Family

_Gradients = list[tf.Tensor | None]


def train_in_parts(
    family: Family, task: Any, inputs: Any, model: keras.Model, optimizer: Any, parts: int
) -> list[tf.Tensor]:
    """`task.train_step` in so many parts.

    Args:
        family: of the model.
        task: its losses.
        inputs: a batch; where it has fewer images than there are parts, each is a part.
        model: to train.
        optimizer: of its weights.
        parts: how many; image i goes to part i modulo this, so that each has its share of replayed ones.

    Returns:
        The whole loss, and those of classes and boxes.
    """
    weights = model.trainable_variables
    scaled = _Scaled(optimizer)
    gradients, total = _of_penalties(model, weights, scaled)
    sums = [total, tf.zeros([]), tf.zeros([])]
    divisor = family.divisor(inputs[1])
    for number in range(min(parts, inputs[0].shape[0])):
        # One after another: TensorFlow would compute what does not depend on each other at the same time.
        with tf.control_dependencies([*sums, *(gradient for gradient in gradients if gradient is not None)]):
            part = tf.nest.map_structure(lambda values: values[number::parts], inputs)  # noqa: B023
            own, losses = _of_part(family, task, part, model, weights, scaled, divisor)
            gradients = [_sum(one, other) for one, other in zip(gradients, own)]
            sums = [one + other for one, other in zip(sums, losses)]
    optimizer.apply_gradients(list(zip(scaled.undone(gradients), weights)))
    return sums


def _of_part(
    family: Family,
    task: Any,
    part: Any,
    model: Any,
    weights: list[tf.Variable],
    scaled: _Scaled,
    divisor: tf.Tensor,
) -> tuple[_Gradients, list[tf.Tensor]]:
    images, labels = part
    share = family.divisor(labels) / divisor
    with tf.GradientTape() as tape:
        given = family.outputs(model, images, labels)
        outputs = tf.nest.map_structure(lambda values: tf.cast(values, tf.float32), given)
        losses = [share * loss for loss in family.losses(task, outputs, labels)]
        scaled_loss = scaled(losses[0])
    own: Any = tape.gradient(scaled_loss, weights)
    return own, losses


def _of_penalties(model: Any, weights: list[tf.Variable], scaled: _Scaled) -> tuple[_Gradients, tf.Tensor]:
    """Of what the model's weights cost by themselves, which counts once."""
    if not model.losses:
        return [None] * len(weights), tf.zeros([])
    with tf.GradientTape() as tape:
        penalty = tf.add_n(model.losses)
        scaled_penalty = scaled(penalty)
    own: Any = tape.gradient(scaled_penalty, weights)
    return own, penalty


class _Scaled:
    """A loss as an optimizer wants it: shared among replicas, and scaled where it computes in float16."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._is_scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
        self._replicas = tf.distribute.get_strategy().num_replicas_in_sync

    def __call__(self, loss: tf.Tensor) -> tf.Tensor:
        shared = loss / self._replicas
        return self._optimizer.get_scaled_loss(shared) if self._is_scaled else shared

    def undone(self, gradients: _Gradients) -> _Gradients:
        """Gradients of scaled losses as those of the losses."""
        return self._optimizer.get_unscaled_gradients(gradients) if self._is_scaled else gradients


def _sum(one: tf.Tensor | None, other: tf.Tensor | None) -> tf.Tensor | None:
    return other if one is None else one if other is None else one + other
