"""Weights that a bootstrap's backbone starts from.

Two forms: a tf-models checkpoint with a `backbone` (or the whole model), and an `.npz` archive of
plain convolutions, `LAYER/kernel` and `LAYER/bias` in forward order with batch norm folded in and
images scaled to -1..1, which is how MobileNets converted from TensorFlow Lite come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.vision.ops import preprocess_ops

from components.trainer.experiment import leaf_layers
from schemas.errors import ConfigError

_CONVOLUTIONS = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D)
_NORM_LAYERS = (tf_keras.layers.BatchNormalization, tf_keras.layers.experimental.SyncBatchNormalization)


def load_backbone(backbone: tf_keras.Model, path: str) -> None:
    """Reads pretrained weights into a backbone, in place.

    Args:
        backbone: built official.vision backbone.
        path: checkpoint prefix or directory, or .npz file.

    Raises:
        ConfigError: the file is not there or does not fit the backbone.
    """
    if path.endswith(".npz"):
        _load_folded(backbone, path)
        return
    prefix = tf.train.latest_checkpoint(path) if tf.io.gfile.isdir(path) else path
    try:
        status = tf.train.Checkpoint(backbone=backbone).read(prefix)
        status.expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, ValueError, AssertionError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"training.init_checkpoint = {path!r}: no checkpoint of this backbone ({reason})") from error


def norm_layers(model: tf_keras.Model) -> list[tf_keras.layers.Layer]:
    """The batch-normalisation layers of a model, in forward order."""
    return [layer for layer in leaf_layers(model) if isinstance(layer, _NORM_LAYERS)]


def _load_folded(backbone: tf_keras.Model, path: str) -> None:
    archive = _read_archive(path)
    convolutions = [layer for layer in leaf_layers(backbone) if isinstance(layer, _CONVOLUTIONS)]
    norms = norm_layers(backbone)
    shapes = [tuple(_kernel(layer).shape) for layer in convolutions]
    given = [kernel.shape for kernel, _ in archive]
    if shapes != given[: len(shapes)] or len(norms) != len(convolutions):
        where = next((i for i, (a, b) in enumerate(zip(shapes, given)) if a != b), min(len(shapes), len(given)))
        raise ConfigError(
            f"training.init_checkpoint = {path!r}: does not fit model.backbone: convolution {where} is "
            f"{_at(given, where)} there and {_at(shapes, where)} here; check backbone.model_id and width"
        )
    archive[0] = _for_our_scaling(*archive[0])
    for layer, norm, (kernel, bias) in zip(convolutions, norms, archive):
        _kernel(layer).assign(kernel)
        norm.gamma.assign(np.ones_like(bias))
        norm.beta.assign(bias)
        norm.moving_mean.assign(np.zeros_like(bias))
        norm.moving_variance.assign(np.full_like(bias, 1 - norm.epsilon))


def _read_archive(path: str) -> list[tuple[np.ndarray, np.ndarray]]:
    try:
        with tf.io.gfile.GFile(path, "rb") as file, np.load(file) as arrays:
            names = [name.removesuffix("/kernel") for name in arrays.files if name.endswith("/kernel")]
            return [
                (arrays[f"{name}/kernel"].astype(np.float32), arrays[f"{name}/bias"].astype(np.float32))
                for name in names
            ]
    except (tf.errors.OpError, OSError, ValueError, KeyError) as error:
        raise ConfigError(f"training.init_checkpoint = {path!r}: cannot be read ({error})") from error


def _kernel(layer: Any) -> tf.Variable:
    return layer.depthwise_kernel if isinstance(layer, tf_keras.layers.DepthwiseConv2D) else layer.kernel


def _for_our_scaling(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First convolution for images scaled by mean and deviation, as tf-models does, instead of to -1..1."""
    mean = np.asarray(preprocess_ops.MEAN_NORM, np.float32)
    deviation = np.asarray(preprocess_ops.STDDEV_NORM, np.float32)
    scaled = kernel * (2 * deviation)[None, None, :, None]
    return scaled, bias + np.einsum("hwio,i->o", kernel, 2 * mean - 1)


def _at(shapes: Sequence[tuple[int | None, ...]], index: int) -> str:
    return str(shapes[index]) if index < len(shapes) else "missing"
