"""The training loop: one optimizer step at a time, with the plan's learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from components.trainer.experiment import training_batches
from components.trainer.policy import TrainingPlan, learning_rate_at
from schemas.errors import RatchetError
from schemas.progress import Progress

CURVE_POINTS = 200


@dataclass(frozen=True)
class TrainingResult:
    """What the loop saw.

    Attributes:
        loss_curve: (step, total loss), at most `CURVE_POINTS` + 1 pairs.
        weight_distance: L2 distance of the trainable weights from their start over the start's norm.
    """

    loss_curve: tuple[tuple[int, float], ...]
    weight_distance: float


def train(task: Any, model: tf_keras.Model, plan: TrainingPlan, clip_norm: float) -> TrainingResult:
    """Trains the model in place.

    Args:
        task: tf-models task that gives the data and the step.
        model: built and initialised.
        plan: steps and learning rate.
        clip_norm: global norm that gradients are cut to; 0 is no limit.

    Raises:
        RatchetError: the loss is no longer a finite number.
    """
    limits: dict[str, Any] = {"global_clipnorm": clip_norm} if clip_norm else {}
    optimizer = tf_keras.optimizers.legacy.Adam(plan.learning_rate.warmup_start, **limits)

    @tf.function(autograph=False)
    def step_fn(inputs: Any) -> Any:
        return task.train_step(inputs, model, optimizer)[task.loss]

    start = [weight.numpy() for weight in model.trainable_variables]
    batches = iter(training_batches(task))
    progress = Progress("training", plan.steps, unit_size=task.task_config.train_data.global_batch_size)
    keep_every = math.ceil(plan.steps / CURVE_POINTS)
    curve = []
    for step in range(plan.steps):
        rate = learning_rate_at(step, plan.steps, plan.learning_rate)
        optimizer.learning_rate = rate
        loss = float(step_fn(next(batches)))
        if not math.isfinite(loss):
            raise RatchetError(
                f"training diverged: loss is {loss} at step {step + 1} of {plan.steps}, learning rate {rate:.2g}; "
                "lower training.bootstrap.peak_learning_rate or training.retrain.learning_rate_fraction"
            )
        if step % keep_every == 0 or step == plan.steps - 1:
            curve.append((step, loss))
        progress.update(step + 1, f"loss {loss:.3f}  learning rate {rate:.1e}")
    return TrainingResult(tuple(curve), _distance(start, [weight.numpy() for weight in model.trainable_variables]))


def _distance(start: list[np.ndarray], end: list[np.ndarray]) -> float:
    moved = sum(float(np.square(b - a).sum()) for a, b in zip(start, end))
    norm = sum(float(np.square(a).sum()) for a in start)
    return math.sqrt(moved / norm) if norm else 0.0
