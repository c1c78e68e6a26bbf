"""tf-models' RandAugment as a pure function of a seed.

tf-models draws from TensorFlow's stateful generators, so that what an image gets depends on all draws before it and, in
a parallel map, on timing. Here its module is loaded once more, as a private copy in memory in which `tf.random.uniform`
is stateless; the module that everything else imports stays as it is. The copy departs from tf-models in two more
places, because both leave labels that are untrue:

- what a shift or rotation uncovers is grey, as the paper's code fills it; tf-models mirrors the image into it, and
  with it objects that have no box (tensorflow/models issue 10493);
- a box that is moved out of the image is empty, so that the parser drops it; tf-models makes it 5 % of the image.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import tensorflow as tf

from components.trainer.images.augmentation import RandAugment

_MODULE = "official.vision.ops.augment"


def rand_augment(
    image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor, policy: RandAugment, short_side_px: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """An image and its boxes after RandAugment.

    Args:
        image: [height, width, 3] uint8.
        boxes: [n, 4] float32 yxyx, 0..1 of the image.
        seed: [2] int32 or int64.
        policy: layers, magnitude and operations.
        short_side_px: shorter side of the model's input, to which cutout and translation are relative.

    Returns:
        Image and boxes of the same shapes; boxes of what was moved out of the image are empty.
    """

    # Called eagerly, only the operation drawn would be run, and a draw's number would depend on earlier draws.
    @tf.function(autograph=False)
    def distort(image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        augmenter = _seeded_module(seed).RandAugment(
            num_layers=policy.layers,
            magnitude=policy.magnitude,
            cutout_const=policy.cutout * short_side_px,
            translate_const=policy.translate * short_side_px,
        )
        augmenter.available_ops = list(policy.operations)
        return augmenter.distort_with_boxes(image, boxes)

    result, moved = distort(image, boxes, seed)
    return tf.ensure_shape(result, [None, None, 3]), tf.ensure_shape(moved, [None, 4])


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


def _seeded_module(seed: tf.Tensor) -> Any:
    """A copy of tf-models' module, of which nothing but one trace knows."""
    spec = importlib.util.find_spec(_MODULE)
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
        raise AttributeError(f"{_MODULE} has no {name}: augmentation was written for tf-models 2.16")
    setattr(module, name, value)
