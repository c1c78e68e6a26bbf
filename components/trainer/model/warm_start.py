"""Weights that a first model starts from.

Two forms: a tf-models checkpoint with a `backbone`, and perhaps a `decoder` and heads, by themselves or below `model`;
and an `.npz` archive of plain convolutions, `LAYER/kernel` and `LAYER/bias` in forward order with batch norm folded in
and images scaled to -1..1, which is how MobileNets converted from TensorFlow Lite come.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from official.vision.ops import preprocess_ops

from ratchet.components.stack.keras2 import keras, leaf_layers
from ratchet.components.stack.tf_models import BOX_BIAS, CLASS_BIAS
from ratchet.components.trainer.model.misfits import misfits, told
from ratchet.components.trainer.settings import TrainingSettings
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.progress import LOGGER

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
_NORM_LAYERS = (keras.layers.BatchNormalization, keras.layers.experimental.SyncBatchNormalization)
_HEADS = ("head", "rpn_head", "detection_head")
_PARTS = ("backbone", "decoder", *_HEADS)
# Where tf-models' trainer, `tf.train.Checkpoint(model=...)` and Keras' `save_weights` put a part of a detector;
# of a list the first.
_PLACE = re.compile(rf"((?:model/)?(?:_config_dict/)?_?({'|'.join(_PARTS)})(?:/0)?)/(.+)/\.ATTRIBUTES/VARIABLE_VALUE")


def load_init_checkpoint(model: Any, training: TrainingSettings) -> None:
    """Reads `training.init_checkpoint` into the parts of a built model that `training.init_modules` names.

    Args:
        model: built.
        training: `init_checkpoint` is a checkpoint's prefix or directory, or an .npz file.

    Raises:
        ConfigError: the file is not there, lacks a part or does not fit the model.
    """
    path, modules = str(training.init_checkpoint), training.init_modules
    if not modules:
        raise ConfigError("training.init_modules = []: name at least one part of the model, such as backbone")
    if not path.endswith(".npz"):
        _load_checkpoint(model, path, modules)
    elif set(modules) == {"backbone"}:
        _load_folded(model.backbone, path)
    else:
        raise ConfigError(f"training.init_modules = {list(modules)}: {path} can only hold a backbone")


def _load_checkpoint(model: Any, path: str, modules: Sequence[str]) -> None:
    named = f"training.init_checkpoint = {path!r}"
    items = _items(model, modules)
    saved = _Saved.open(named, path)
    try:
        for module, item in items.items():
            _check_module(named, saved, module, item)
        # As the tasks' `initialize` of tf-models does, which cannot leave out the decoder alone.
        reader: Any = _at_places({saved.places[module]: item for module, item in items.items()})
        reader.read(saved.prefix).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, ValueError, AssertionError, TypeError, RuntimeError) as error:
        reason = _misfit(saved, items) or " ".join(str(error).split())
        raise ConfigError(f"{named}: no checkpoint of this model's {', '.join(modules)}: {reason}") from error


def _items(model: Any, modules: Sequence[str]) -> dict[str, Any]:
    """The parts of a model by the names of tf-models' checkpoints."""
    there = model.checkpoint_items
    for module in modules:
        if module == "decoder" and module not in there:
            raise ConfigError("training.init_modules: model.decoder = 'identity' has no weights; leave 'decoder' out")
        if module not in there:
            raise ConfigError(
                f"training.init_modules: {module!r} is no part of this model, which has {', '.join(sorted(there))}"
            )
    items = {module: there[module] for module in modules}
    # A list of one, where a cascade has several.
    return {module: item[0] if isinstance(item, (list, tuple)) else item for module, item in items.items()}


@dataclass(frozen=True)
class _Saved:
    """The weights of a checkpoint, of any of the ways in which tf-models writes one.

    Attributes:
        prefix: of its files.
        shapes: of the parts, without those of an optimizer, by part and name within it.
        places: where each part stands: by its name, or below `model`, or as what Keras saves of a model.
    """

    prefix: str
    shapes: Mapping[str, Sequence[int]]
    places: Mapping[str, str]

    @classmethod
    def open(cls, named: str, path: str) -> _Saved:
        """Reads the names and shapes."""
        try:
            prefix = tf.train.latest_checkpoint(path) if tf.io.gfile.isdir(path) else path
            if prefix is None:
                raise ConfigError(f"{named}: this directory holds no checkpoint")
            found = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{named}: no checkpoint: {' '.join(str(error).split())}") from error
        shapes, places = _parted(found)
        return cls(prefix, shapes, places)

    def of(self, module: str) -> dict[str, Sequence[int]]:
        """The weights of a part."""
        return {name: shape for name, shape in self.shapes.items() if name.startswith(f"{module}/")}


def _parted(found: Mapping[str, Sequence[int]]) -> tuple[dict[str, Sequence[int]], dict[str, str]]:
    """Shapes by part and name within it, and the place of each part."""
    shapes: dict[str, Sequence[int]] = {}
    places: dict[str, str] = {}
    for name, shape in found.items():
        match = _PLACE.fullmatch(name) if ".OPTIMIZER_SLOT" not in name else None
        if match:
            place, module, rest = match.groups()
            shapes[f"{module}/{rest}"], places[module] = shape, place
    return shapes, places


def _at_places(items: Mapping[str, Any]) -> Any:
    """Something that is saved as the items at these places are."""
    groups: dict[str, dict[str, Any]] = {}
    for place, item in items.items():
        first, _, below = place.partition("/")
        groups.setdefault(first, {})[below] = item
    children = {name: below[""] if "" in below else _at_places(below) for name, below in groups.items()}
    return tf.train.Checkpoint(**children)


def _check_module(named: str, saved: _Saved, module: str, item: Any) -> None:
    weights = saved.of(module)
    if not weights:
        has = ", ".join(part for part in _PARTS if saved.of(part)) or "nothing that tf-models calls so"
        raise ConfigError(f"{named}: holds no {module} (it holds {has}); see training.init_modules")
    if module == "head":
        _check_head(named, saved.shapes, item)
    own = len(item.weights)
    # Reading would leave out what there is too much of, and say nothing.
    if len(weights) != own:
        raise ConfigError(
            f"{named}: its {module} has {len(weights)} weights and the model's {own}: it is of another architecture; "
            f"see model: {_misfit(saved, {module: item})}"
        )


def _misfit(saved: _Saved, items: Mapping[str, Any]) -> str:
    """Which weights of a checkpoint are not those of a model, in words, all of them in the log; empty if none is."""
    with tempfile.TemporaryDirectory() as directory:
        own = tf.train.Checkpoint(**items).write(f"{directory}/own")
        here, _ = _parted(tf.train.load_checkpoint(own).get_variable_to_shape_map())
    found = misfits({name: shape for module in items for name, shape in saved.of(module).items()}, here)
    for one in found:
        LOGGER.info("%s: %s", saved.prefix, one)
    hint = "; leave the heads out of training.init_modules" if {*items} & {*_HEADS} else ""
    return told(found, len(here)) + hint if found else ""


def _check_head(named: str, shapes: Mapping[str, Sequence[int]], head: Any) -> None:
    scores, boxes = shapes.get(CLASS_BIAS), shapes.get(BOX_BIAS)
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
