"""Runs augmentation for tests, and measures its results without it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ratchet.components.trainer.images.augmentation import Augmentation

RED = (250, 10, 10)


@functools.cache
def traced(policy: Augmentation, output_size: tuple[int, int]) -> Any:
    """`augment` as a function of image, boxes and seed, traced for any size of image and number of boxes."""
    import tensorflow as tf

    from ratchet.components.trainer.images.augment import augment

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.uint8),
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([2], tf.int64),
        ],
    )
    def run(image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor) -> Any:
        return augment(image, boxes, seed, policy, output_size)

    return run


def augmented(
    policy: Augmentation, output_size: tuple[int, int], image: np.ndarray, boxes: np.ndarray, seeds: Any
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(image, boxes 0..1) for the seeds (5, 0), (5, 1), ..."""
    run = traced(policy, output_size)
    results = [run(image, boxes.astype(np.float32), np.array([5, seed], np.int64)) for seed in seeds]
    return [(result.numpy(), moved.numpy()) for result, moved in results]


def scene(height: int, width: int, *boxes: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A dark image with a red rectangle in each box (yxyx px), and the boxes 0..1."""
    image = np.full((height, width, 3), 40, np.uint8)
    for top, left, bottom, right in boxes:
        image[top:bottom, left:right] = RED
    return image, (np.reshape(boxes, (-1, 4)) / [height, width, height, width]).astype(np.float32)


def red_extent(image: np.ndarray) -> np.ndarray | None:
    """Box (yxyx px) around what is more than half red; None if nothing is."""
    pixels = image if image.dtype == np.uint8 else image * 255
    rows, columns = np.nonzero((pixels[..., 0] > 140) & (pixels[..., 1] < 30))
    if not len(rows):
        return None
    return np.array([int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1])


def in_px(box: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A box 0..1 of an image in its px."""
    return box * np.tile(image.shape[:2], 2)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, pixels being areas with their centres at .5, borders repeated."""
    for axis, size in enumerate((height, width)):
        old = image.shape[axis]
        centres = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        lower = np.floor(centres).astype(int)
        weight = np.expand_dims(centres - lower, [a for a in range(3) if a != axis])
        upper = np.minimum(lower + 1, old - 1)
        image = np.take(image, lower, axis) * (1 - weight) + np.take(image, upper, axis) * weight
    return image
