"""Weights that a first model starts from.

Two forms: a tf-models checkpoint with a `backbone`, and perhaps a `decoder` and a `head`, and an `.npz` archive of
plain convolutions, `LAYER/kernel` and `LAYER/bias` in forward order with batch norm folded in and
images scaled to -1..1, which is how MobileNets converted from TensorFlow Lite come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from official.vision.ops import preprocess_ops

from ratchet.components.stack.keras2 import keras, leaf_layers
from ratchet.components.stack.tf_models import BOX_BIAS, CLASS_BIAS
from ratchet.components.trainer.settings import TrainingSettings
from ratchet.schemas.base.errors import ConfigError

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
_NORM_LAYERS = (keras.layers.BatchNormalization, keras.layers.experimental.SyncBatchNormalization)
_VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


def load_init_checkpoint(model: Any, training: TrainingSettings) -> None:
    """Reads `training.init_checkpoint` into the parts of a built RetinaNet that `training.init_modules` names.

    Args:
        model: built RetinaNet.
        training: `init_checkpoint` is a checkpoint's prefix or directory, or an .npz file.

    Raises:
        ConfigError: the file is not there, lacks a part or does not fit the model.
    """
    path, modules = str(training.init_checkpoint), training.init_modules
    if not modules:
        raise ConfigError("training.init_modules = []: name at least one of backbone, decoder, head")
    if not path.endswith(".npz"):
        _load_checkpoint(model, path, modules)
    elif set(modules) == {"backbone"}:
        _load_folded(model.backbone, path)
    else:
        raise ConfigError(f"training.init_modules = {list(modules)}: {path} can only hold a backbone")


def _load_checkpoint(model: Any, path: str, modules: Sequence[str]) -> None:
    named = f"training.init_checkpoint = {path!r}"
    if "decoder" in modules and "decoder" not in model.checkpoint_items:
        raise ConfigError("training.init_modules: model.decoder = 'identity' has no weights; leave 'decoder' out")
    try:
        prefix = tf.train.latest_checkpoint(path) if tf.io.gfile.isdir(path) else path
        if prefix is None:
            raise ConfigError(f"{named}: this directory holds no checkpoint")
        shapes = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        items = {module: model.checkpoint_items[module] for module in modules}
        _check_modules(named, shapes, items)
        # As RetinaNetTask.initialize of tf-models does, which cannot leave out the decoder alone.
        tf.train.Checkpoint(**items).read(prefix).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, ValueError, AssertionError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{named}: no checkpoint of this model's {', '.join(modules)}: {reason}") from error


def _check_modules(named: str, shapes: Mapping[str, Sequence[int]], items: Mapping[str, Any]) -> None:
    saved = [name.split("/")[0] for name in shapes if name.endswith(_VALUE) and ".OPTIMIZER_SLOT" not in name]
    for module, item in items.items():
        if module not in saved:
            has = ", ".join(sorted({*saved} & {"backbone", "decoder", "head"})) or "nothing that tf-models calls so"
            raise ConfigError(f"{named}: holds no {module} (it holds {has}); see training.init_modules")
        if module == "head":
            _check_head(named, shapes, item)
        # Reading would leave out what there is too much of, and say nothing.
        if saved.count(module) != len(item.weights):
            raise ConfigError(
                f"{named}: its {module} has {saved.count(module)} weights and the model's {len(item.weights)}: "
                "it is of another architecture; see model"
            )


def _check_head(named: str, shapes: Mapping[str, Sequence[int]], head: Any) -> None:
    scores, boxes = shapes.get(f"{CLASS_BIAS}/{_VALUE}"), shapes.get(f"{BOX_BIAS}/{_VALUE}")
    if not scores or not boxes:
        return  # of another form of head, which reading it will tell
    own = head.get_config()
    anchors = boxes[0] // own["num_params_per_anchor"]
    classes = scores[0] // anchors
    if (anchors, classes) != (own["num_anchors_per_location"], own["num_classes"]):
        raise ConfigError(
            f"{named}: its head knows {classes - 1} classes and {anchors} anchors a place, the model to be trained "
            f"{own['num_classes'] - 1} and {own['num_anchors_per_location']}; "
            "leave 'head' out of training.init_modules"
        )


def norm_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The batch-normalisation layers of a model, in forward order."""
    return [layer for layer in leaf_layers(model) if isinstance(layer, _NORM_LAYERS)]


def _load_folded(backbone: keras.Model, path: str) -> None:
    archive = _read_archive(path)
    convolutions = [layer for layer in leaf_layers(backbone) if isinstance(layer, _CONVOLUTIONS)]
    norms = norm_layers(backbone)
    shapes = [tuple(_kernel(layer).shape) for layer in convolutions]
    given = [kernel.shape for kernel, _ in archive]
    if shapes != given[: len(shapes)] or len(norms) != len(convolutions):
        where = next((i for i, (a, b) in enumerate(zip(shapes, given)) if a != b), min(len(shapes), len(given)))
        raise ConfigError(
            f"training.init_checkpoint = {path!r}: does not fit model.backbone: convolution {where} is "
            f"{_at(given, where)} there and {_at(shapes, where)} here; check model.backbone.options"
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
    return layer.depthwise_kernel if isinstance(layer, keras.layers.DepthwiseConv2D) else layer.kernel


def _for_our_scaling(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First convolution for images scaled by mean and deviation, as tf-models does, instead of to -1..1."""
    mean = np.asarray(preprocess_ops.MEAN_NORM, np.float32)
    deviation = np.asarray(preprocess_ops.STDDEV_NORM, np.float32)
    scaled = kernel * (2 * deviation)[None, None, :, None]
    return scaled, bias + np.einsum("hwio,i->o", kernel, 2 * mean - 1)


def _at(shapes: Sequence[tuple[int | None, ...]], index: int) -> str:
    return str(shapes[index]) if index < len(shapes) else "missing"
