"""What tf-models keeps to itself: the module of its augmentations, and the names in its RetinaNet's head.

tf-models draws from TensorFlow's stateful generators, so that what an image gets depends on all draws before it and, in
a parallel map, on timing. `seeded_augment` loads its module once more, as a private copy in memory in which
`tf.random.uniform` is stateless; the module that everything else imports stays as it is. The copy departs from
tf-models in two more places, because both leave labels that are untrue:

- what a shift or rotation uncovers is grey, as the paper's code fills it; tf-models mirrors the image into it, and
  with it objects that have no box (tensorflow/models issue 10493);
- a box that is moved out of the image is empty, so that the parser drops it; tf-models makes it 5 % of the image.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import tensorflow as tf

# In a checkpoint, the biases of the layers that predict classes and boxes.
CLASS_BIAS, BOX_BIAS = "head/_classifier/bias", "head/_box_regressor/bias"
_AUGMENT = "official.vision.ops.augment"


def class_predictor(head: Any) -> list[tf.Variable]:
    """The weights of the layers that predict classes."""
    layers = head._classifier  # one for all levels, or a list of one each
    return [weight for layer in (layers if isinstance(layers, (list, tuple)) else [layers]) for weight in layer.weights]


def proposal_predictors(head: Any) -> tuple[Any, Any]:
    """The layers of a two-stage detector's head that predict classes, and boxes of each class."""
    return head._classifier, head._box_regressor


def seeded_augment(seed: tf.Tensor) -> Any:
    """A copy of tf-models' module of augmentations, of which nothing but one trace knows.

    Args:
        seed: [2] int32 or int64; all draws of the trace follow from it.
    """
    spec = importlib.util.find_spec(_AUGMENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    original = module.transform

    def transform(*args: Any, **options: Any) -> tf.Tensor:
        return original(*args, **{**options, "fill_mode": "constant"})

    _replace(module, "tf", _SeededTensorFlow(seed))
    _replace(module, "transform", transform)
    _replace(module, "_check_bbox_area", lambda *corners: corners)
    return module


def _replace(module: ModuleType, name: str, value: Any) -> None:
    if not hasattr(module, name):
        raise AttributeError(f"{_AUGMENT} has no {name}: augmentation was written for tf-models 2.16 to 2.20")
    setattr(module, name, value)


class _SeededRandom:
    """Stands in for `tf.random`. The k-th draw of a trace depends on the seed and k alone.

    It has no other kind of draw, so that an operation which needs one fails when it is traced. A draw inside a loop
    would be the same each time round; none of the operations has one.
    """

    def __init__(self, seed: tf.Tensor) -> None:
        self._seed = seed
        self._draws = 0

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: tf.DType = tf.float32, **_: Any
    ) -> tf.Tensor:
        self._draws += 1
        number: Any = tf.constant(self._draws, tf.int64)
        seed: Any = tf.random.fold_in(self._seed, number)
        return tf.random.stateless_uniform(shape, seed, minval, maxval, dtype)


class _SeededTensorFlow:
    """Stands in for `tf`: the same, but for `random`."""

    def __init__(self, seed: tf.Tensor) -> None:
        self.random = _SeededRandom(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(tf, name)
