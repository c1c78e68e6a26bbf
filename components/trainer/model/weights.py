"""A model's weights in an order that freezing does not change, and their way from a SavedModel back into a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ratchet.components.stack.keras2 import keras, leaf_layers
from ratchet.components.trainer.model.family import Family
from ratchet.schemas.base.errors import ANOTHER_LINEAGE, ConfigError, StateError


def restore_weights(
    model: keras.Model, directory: str, old_names: Sequence[str], new_names: Sequence[str], family: Family
) -> None:
    """Reads all weights of a pushed model into a built model of the same architecture, which may know more classes.

    Each class that the pushed model knows keeps its channels of the class predictor, wherever it stands among the new
    names; the channels of new classes stay as they were built.

    Args:
        model: built for the new classes.
        directory: SavedModel whose root holds `ordered_weights` as `weights`.
        old_names: its classes 1..K.
        new_names: the model's.
        family: of both.

    Raises:
        ConfigError: a class is no longer there.
        StateError: the weights cannot be read, or are those of another architecture.
    """
    lost = [name for name in old_names if name not in new_names]
    if lost:
        raise ConfigError(
            f"classes: the served model knows {', '.join(map(repr, lost))}, which the span does not; "
            "a span may add classes but not drop any: add them to its list, if need be without boxes; "
            f"{ANOTHER_LINEAGE}"
        )
    saved = _read(directory)
    weights = ordered_weights(model)
    if len(saved) != len(weights):
        raise StateError(_misfit(directory, f"it has {len(saved)} weights and the model to be trained {len(weights)}"))
    if list(old_names) != list(new_names):
        labels = [0, *(1 + list(new_names).index(name) for name in old_names)]
        growing = {id(of_classes.variable): of_classes for of_classes in family.class_weights(model)}
        for i, weight in enumerate(weights):
            of_classes = growing.get(id(weight))
            if of_classes and saved[i].shape[-1] == of_classes.groups * len(labels) * of_classes.values:
                saved[i] = with_new_classes(saved[i], weight.numpy(), labels, of_classes.groups, of_classes.values)
    for i, (weight, value) in enumerate(zip(weights, saved)):
        if tuple(weight.shape) != value.shape:
            raise StateError(_misfit(directory, f"weight {i} is {value.shape} there and {tuple(weight.shape)} here"))
    for weight, value in zip(weights, saved):
        weight.assign(value)


def with_new_classes(
    old: np.ndarray, fresh: np.ndarray, labels: Sequence[int], groups: int = 1, values: int = 1
) -> np.ndarray:
    """A kernel or bias with a part for each class, for more classes; see `ClassWeights`.

    Args:
        old: [..., groups * old classes * values], the background among them.
        fresh: [..., groups * new classes * values], as built.
        labels: [old classes], each one's label among the new.
        groups: how often all classes follow one another.
        values: numbers of each class.
    """
    grown = fresh.reshape(*fresh.shape[:-1], groups, -1, values).copy()
    grown[..., list(labels), :] = old.reshape(*old.shape[:-1], groups, -1, values)
    return grown.reshape(fresh.shape)


def ordered_weights(model: keras.Model) -> list[tf.Variable]:
    """All weights, layer by layer.

    Keras' own order puts the trainable ones first, so it changes when a layer is frozen.

    Raises:
        ValueError: a weight belongs to no leaf layer, so that it would be lost.
    """
    weights = list({id(weight): weight for layer in leaf_layers(model) for weight in layer.weights}.values())
    if len(weights) != len(model.weights):
        raise ValueError(f"{len(model.weights)} weights in the model, {len(weights)} in its leaf layers")
    return weights


def _read(directory: str) -> list[np.ndarray]:
    try:
        reader = tf.train.load_checkpoint(f"{directory}/variables/variables")
        names = [name for name in reader.get_variable_to_shape_map() if name.startswith("weights/")]
        return [reader.get_tensor(name) for name in sorted(names, key=lambda name: int(name.split("/")[1]))]
    except (tf.errors.OpError, LookupError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StateError(f"{directory}: the served model's weights cannot be read: {reason}") from error


def _misfit(directory: str, reason: str) -> str:
    return (
        f"{directory}: the served model is not of the architecture that these settings describe: {reason}; "
        f"put model back to what it was; {ANOTHER_LINEAGE}"
    )
