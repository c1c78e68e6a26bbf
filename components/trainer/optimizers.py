"""What takes the gradients of a step to the weights: Adam or SGD, weight decay, averaged weights, loss scaling.

All are Keras' legacy optimizers: tf-models' moving average wraps no others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from ratchet.components.stack.keras2 import create_slots, keras
from ratchet.components.stack.tf_models_optimizers import AdamW, MovingAverage
from ratchet.schemas.artifacts.training_record import LearningRateRecord, NumericsRecord

INITIAL_LOSS_SCALE = 2.0**15  # Keras' own: too high for most models, and halved until it fits


@dataclass(frozen=True)
class Optimizer:
    """An optimizer with what is wrapped around it.

    Attributes:
        outermost: to be given the gradients, and to be part of a checkpoint.
        base: the one that moves the weights.
        average: what averages them; None where nothing does.
    """

    outermost: Any
    base: Any
    average: Any

    @property
    def rate(self) -> Any:
        """The learning rate of the step that comes."""
        rate = self.base.learning_rate
        return rate(self.base.iterations) if callable(rate) else rate


def build_optimizer(
    numerics: NumericsRecord,
    rate: Any,
    model: Any,
    gradients: Gradients,
    average: float = 0.0,
    loss_scale: float = INITIAL_LOSS_SCALE,
) -> Optimizer:
    """An optimizer of a model's trained weights, with all its state in place; SGD's decay goes into the model's loss.

    Args:
        numerics: which one.
        rate: the learning rate, or Keras' schedule of it.
        model: what is trained.
        gradients: measures and cuts the gradients.
        average: decay of the moving average of the weights; 0 is none.
        loss_scale: that the loss is multiplied with at the start of a training in float16.
    """
    trained = model.trainable_variables
    outermost = base = _base(numerics, rate, trained, gradients)
    if numerics.optimizer == "sgd" and numerics.weight_decay:
        pull_to_zero(model, numerics.weight_decay)
    averaged = None
    if average:
        outermost = averaged = MovingAverage(base, trainable_weights_only=False, average_decay=average)
    if numerics.precision == "mixed_float16":
        scaled: Any = keras.mixed_precision.LossScaleOptimizer  # which class it makes depends on what it wraps
        outermost = scaled(outermost, initial_scale=loss_scale)
    # At once instead of in the first step, so that a checkpoint finds them when it is restored.
    create_slots(base, trained)
    if averaged is not None:
        averaged.shadow_copy(model)
    return Optimizer(outermost, base, averaged)


def _base(numerics: NumericsRecord, rate: Any, trained: Sequence[tf.Variable], gradients: Gradients) -> Any:
    transformers: dict[str, Any] = {"gradient_transformers": [gradients]}
    if numerics.optimizer == "sgd":
        return keras.optimizers.legacy.SGD(rate, momentum=numerics.momentum or 0.0, **transformers)
    if not numerics.weight_decay:
        return keras.optimizers.legacy.Adam(rate, **transformers)
    return AdamW(rate, numerics.weight_decay, list(decayed(trained)), **transformers)


def decayed(weights: Iterable[tf.Variable]) -> Iterator[tf.Variable]:
    """Those that weight decay is for: kernels; biases, and scales and offsets of batch norm, have one dimension."""
    return (weight for weight in weights if len(weight.shape) > 1)


def pull_to_zero(model: keras.Model, strength: float) -> None:
    """L2 regularisation in the loss, `strength / 2` times the squares, as tf-models' RetinaNet has it."""
    kernels = list(decayed(model.trainable_variables))
    model.add_loss(lambda: strength / 2 * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels]))


def keras_schedule(rate: LearningRateRecord, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """`LearningRateRecord.at` as TensorFlow computes it in the step."""
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate.warmup_start if rate.warmup_steps else rate.peak,
        decay_steps=max(1, steps - rate.warmup_steps),
        alpha=rate.final / rate.peak,
        warmup_target=rate.peak if rate.warmup_steps else None,
        warmup_steps=rate.warmup_steps,
    )


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Keras layers that are made within compute in this precision; their weights are float32 in each.

    Args:
        precision: a name of Keras' policies, such as `mixed_bfloat16`.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


class Gradients:
    """What the optimizer does to the gradients of all replicas together before it uses them: measures and cuts them.

    Args:
        clip_norm: global norm that they are cut to; 0 is no limit.
        may_be_left_out: whether a step whose gradients overflow is not taken. Its norm is then infinite, and that of
            the others is kept in a variable, because what is computed in a branch cannot be had outside of it.
    """

    def __init__(self, clip_norm: float, may_be_left_out: bool = False) -> None:
        self._clip_norm = clip_norm
        self._of_replica = threading.local()  # tf.distribute traces each replica in a thread of its own
        self._kept: tf.Variable | None = None
        if may_be_left_out:
            self._kept = tf.Variable(
                tf.constant(0.0),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
            )

    def __call__(self, pairs: list[tuple[tf.Tensor, tf.Variable]]) -> list[tuple[tf.Tensor, tf.Variable]]:
        """Gradients with their weights, as the optimizer is to use them."""
        gradients, weights = zip(*pairs)
        norm = tf.linalg.global_norm(gradients)
        if self._kept is None:
            self._of_replica.norm = norm
        else:
            self._kept.assign(norm)
        if self._clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        return list(zip(gradients, weights))

    def begin(self) -> None:
        """Before a step is traced."""
        if self._kept is not None:
            self._kept.assign(float("inf"))

    @property
    def norm(self) -> tf.Tensor:
        """Global norm in the step that was traced last, before it was cut."""
        return self._of_replica.norm if self._kept is None else tf.identity(self._kept)
