"""tf-models' optimizers, with what they do not offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from official.modeling.optimization import ema_optimizer
from official.modeling.optimization.legacy_adamw import AdamWeightDecay


class MovingAverage(ema_optimizer.ExponentialMovingAverage):
    """An exponential moving average of the weights, also inside of Keras' loss scaling.

    That one has summed up the gradients of all replicas itself, and says so by an argument that tf-models' class does
    not take.
    """

    def apply_gradients(
        self, grads_and_vars: Any, name: str | None = None, experimental_aggregate_gradients: bool = True
    ) -> Any:
        """What Keras' optimizers do."""
        result = self._optimizer.apply_gradients(
            grads_and_vars, name, experimental_aggregate_gradients=experimental_aggregate_gradients
        )
        ema_optimizer.maybe_merge_call(self.update_average, tf.distribute.get_strategy())
        return result


class AdamW(AdamWeightDecay):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101), of given weights alone.

    Args:
        rate: learning rate, or a schedule.
        weight_decay: share of a weight that a step takes away, times the learning rate.
        decayed: the weights that it is for; tf-models knows them by name.
        options: of Keras' optimizer.
    """

    def __init__(self, rate: Any, weight_decay: float, decayed: Sequence[tf.Variable], **options: Any) -> None:
        names = [f"^{re.escape(weight.name)}$" for weight in decayed]
        super().__init__(
            rate,
            weight_decay_rate=weight_decay,
            include_in_weight_decay=names,
            exclude_from_weight_decay=[""],  # all others: the empty pattern is found in every name
            gradient_clip_norm=0.0,  # ours is `training.clip_norm`
            **options,
        )
