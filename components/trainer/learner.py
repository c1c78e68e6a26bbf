"""A model that is being trained: weights, optimizer, what holds it to its baseline, and one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.accumulation import train_in_parts
from ratchet.components.trainer.devices import told_if_too_large
from ratchet.components.trainer.model.families import family_of
from ratchet.components.trainer.model.warm_start import norm_layers
from ratchet.components.trainer.model.weights import ordered_weights
from ratchet.components.trainer.moved import NormWeights, PartWeights, distance
from ratchet.components.trainer.optimizers import (
    INITIAL_LOSS_SCALE,
    Gradients,
    build_optimizer,
    computing_in,
    keras_schedule,
)
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.schemas.artifacts.training_record import NumericsRecord

NORM_MOMENTUM = 0.9
SLOW_NORM_MOMENTUM = 0.99  # a tenth of the step toward each batch's statistics
LOSSES = ("total_loss", "cls_loss", "box_loss")
# Of a step: the losses, the global norm of the gradients before it is cut, and the rate that the optimizer used.
FIGURES = (*LOSSES, "gradient_norm", "learning_rate")


@dataclass(frozen=True)
class LearnerOptions:
    """What a learner is told besides the plan.

    Attributes:
        num_classes: K.
        clip_norm: global norm that gradients are cut to; 0 is no limit.
        average: decay of the exponential moving average of the weights; 0 is none.
        loss_scale: that the loss is multiplied with at the start of a training in float16.
    """

    num_classes: int
    clip_norm: float = 0.0
    average: float = 0.0
    loss_scale: float = INITIAL_LOSS_SCALE


class Learner:
    """Trains a detector on all devices of a strategy.

    Args:
        strategy: where to train.
        plan: how to train; its model settings are resolved.
        options: see there.
        initialise: gives a built model the weights to start from, in place.

    Attributes:
        start: those weights, in the order of `ordered_weights`; also in a training that was resumed.
        parts: which of them are those of `backbone`, `decoder` and the heads.
        step: takes a step with a batch and returns FIGURES of it.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        plan: TrainingPlan,
        options: LearnerOptions,
        initialise: Callable[[keras.Model], None],
    ) -> None:
        self._strategy = strategy
        self._plan = plan
        self._family = family_of(plan.model)
        numerics = plan.numerics
        momentum = SLOW_NORM_MOMENTUM if plan.continual.batch_norm == "slow" else NORM_MOMENTUM
        # The statistics of a few images a device are no statistics: with several devices they are shared.
        shared = strategy.num_replicas_in_sync > 1
        with strategy.scope():
            with computing_in(numerics.precision):
                # A step moves batch norm's statistics once for each part of its batch.
                momentum **= 1 / numerics.accumulate
                task = self._family.build_task(plan.model, options.num_classes, shared, momentum)
                self.model = self._family.build_model(task, plan.model)
            initialise(self.model)
            _freeze(self.model, plan)
            if plan.continual.l2_sp:
                _pull_to_start(self.model, plan.continual.l2_sp)
            gradients = Gradients(options.clip_norm, may_be_left_out=numerics.precision == "mixed_float16")
            rate = keras_schedule(plan.learning_rate, plan.steps)
            self._optimizer = build_optimizer(
                numerics, rate, self.model, gradients, options.average, options.loss_scale
            )
        self.optimizer = self._optimizer.outermost
        trained = self.model.trainable_variables
        trained_ids = {id(weight) for weight in trained}
        weights = ordered_weights(self.model)
        self.start = [weight.numpy() for weight in weights]
        self._trained = [i for i, weight in enumerate(weights) if id(weight) in trained_ids]
        self.parts = _parts(self._family.parts(self.model), weights, trained_ids)
        self.step = self._step_function(task, gradients, numerics)

    def _step_function(
        self, task: Any, gradients: Gradients, numerics: NumericsRecord
    ) -> Callable[[Any], dict[str, float]]:
        """What takes a step with a batch and returns FIGURES of it, fetched from the device all at once."""

        def replica_step(inputs: Any) -> list[tf.Tensor]:
            gradients.begin()
            if numerics.accumulate > 1:
                losses = train_in_parts(self._family, task, inputs, self.model, self.optimizer, numerics.accumulate)
            else:
                parts = [_LossPart(name) for name in LOSSES]
                task.train_step(inputs, self.model, self.optimizer, metrics=parts)
                losses = [part.result() for part in parts]
            return [*losses, gradients.norm]

        @tf.function(autograph=False, jit_compile=numerics.xla or None)
        def step(inputs: Any) -> tf.Tensor:
            rate = self._optimizer.rate  # before the step: it is this one's
            measured = self._strategy.run(replica_step, args=(inputs,))
            means = [self._strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None) for value in measured]
            return tf.stack([*means, tf.cast(rate, tf.float32)])

        def take(inputs: Any) -> dict[str, float]:
            with told_if_too_large(self._plan, self._strategy.num_replicas_in_sync, "a step of the training"):
                return dict(zip(FIGURES, step(inputs).numpy().tolist()))

        return take

    def served_weights(self) -> list[np.ndarray]:
        """The weights to serve, in the order of `ordered_weights`: their averages, if those are wanted."""
        weights = ordered_weights(self.model)
        average = self._optimizer.average
        if average is None or self.optimizer.iterations == 0:  # before the first step there is nothing to average
            return [weight.numpy() for weight in weights]
        return [average.get_slot(weight, "average").numpy() for weight in weights]

    def distance(self, weights: list[np.ndarray]) -> float:
        """L2 distance of the trained ones of `weights`, as `served_weights` gives them, from the start, over its norm.

        The start are the values that `initialise` gave, also in a training that was resumed.
        """
        return distance(self._trained, self.start, weights)

    def mean_over_replicas(self, value: float) -> float:
        """The mean of what all replicas hold for the same number, so that all of them decide alike."""
        if self._strategy.num_replicas_in_sync == 1:
            return value
        own = self._strategy.run(lambda: tf.constant(value, tf.float64))
        return float(self._strategy.reduce(tf.distribute.ReduceOp.MEAN, own, axis=None))


class _LossPart:
    """What tf-models takes for a metric: hands the part of the loss that it is named after through."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._value: Any = None

    def update_state(self, value: tf.Tensor) -> None:
        self._value = value

    def result(self) -> tf.Tensor:
        return self._value


def _parts(parts: Mapping[str, Any], weights: list[tf.Variable], trained_ids: set[int]) -> dict[str, PartWeights]:
    """Parts of a model, as positions in its `ordered_weights`."""
    place = {id(weight): i for i, weight in enumerate(weights)}
    return {
        name: PartWeights(
            tuple(place[id(weight)] for weight in ordered_weights(part) if id(weight) in trained_ids),
            tuple(
                NormWeights(place[id(norm.moving_mean)], place[id(norm.moving_variance)], norm.epsilon)
                for norm in norm_layers(part)
            ),
        )
        for name, part in parts.items()
    }


def _freeze(model: Any, plan: TrainingPlan) -> None:
    if plan.continual.freeze_backbone:
        model.backbone.trainable = False
    frozen = model if plan.continual.batch_norm == "frozen" else model.backbone if plan.freeze_batch_norm else None
    for layer in norm_layers(frozen) if frozen is not None else ():
        layer.trainable = False


def _pull_to_start(model: keras.Model, strength: float) -> None:
    """L2-SP (Li, Grandvalet & Davoine 2018, arXiv:1802.01483), toward the weights that the model has now."""
    pairs = [(weight, tf.constant(weight.numpy())) for weight in model.trainable_variables]
    model.add_loss(lambda: strength / 2 * tf.add_n([tf.reduce_sum(tf.square(w - start)) for w, start in pairs]))
