"""Keras 2, in which tf-models is written, as its package is called beside Keras 3; and what it does not offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

__all__ = ["create_slots", "keras", "leaf_layers"]


def leaf_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers that hold no other layer, in the order in which the model holds them."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if not list(layer._flatten_layers(include_self=False))]


def create_slots(optimizer: Any, weights: Sequence[tf.Variable]) -> None:
    """Makes the state of a legacy optimizer at once instead of in its first step.

    Args:
        optimizer: one of `keras.optimizers.legacy`, with nothing around it.
        weights: what it will train.
    """
    optimizer._create_all_weights(weights)
