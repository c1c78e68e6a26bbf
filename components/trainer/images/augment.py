"""A training image and its boxes -> the same, changed at random as a policy says.

Everything is a pure function of a seed, so that a resumed training sees exactly what an uninterrupted one sees, however
many images tf.data prepares at once. All happens at the model's resolution: photographs have more pixels than that,
and their resizing costs less than tf-models' normalisation of every pixel.
"""

from __future__ import annotations

import tensorflow as tf
from official.vision.ops import box_ops, preprocess_ops

from ratchet.components.stack.tf_models import seeded_augment
from ratchet.components.trainer.images.augmentation import Augmentation, Light, RandAugment


def augment(
    image: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor, policy: Augmentation, output_size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """A policy applied to one image, to be parsed by tf-models' parser (without augmentation of its own).

    Args:
        image: [height, width, 3] uint8, of any size.
        boxes: [n, 4] float32 yxyx, 0..1 of the image.
        seed: [2] int32 or int64, another one for each image and epoch.
        policy: what is to be done.
        output_size: height and width of the model's input in px.

    Returns:
        The image, uint8 or float32 0..1, and [n, 4] boxes, 0..1 of it, of which those no longer in the image are empty.
        With a random scale the image has exactly `output_size`, and what it does not fill is 0 once the parser has
        normalised it. Without, it is as large as the parser would make it, so that the parser only pads it. A policy
        that does nothing returns what it was given.
    """
    # All are drawn whatever the policy, so that two policies treat an image alike in what they have in common.
    flip, scale, top, left, brightness, contrast = tf.unstack(tf.random.stateless_uniform([6], seed))
    if policy.random_scale:
        image = _resize_to_fit(image, output_size, _between(policy.scale_min, policy.scale_max, scale))
        image, boxes = _crop(image, boxes, output_size, tf.stack([top, left]))
    elif policy != Augmentation():
        image = _resize_to_fit(image, output_size, 1.0)
    if policy.rand_augment:
        image, boxes = _rand_augment(_to_uint8(image), boxes, seed, policy.rand_augment, min(output_size))
    if policy.light:
        image = _lit(image, policy.light, brightness, contrast)
    if policy.horizontal_flip:
        image, boxes = _flip(image, boxes, flip < 0.5)
    if policy.random_scale:
        image, boxes = _pad(image, boxes, output_size)
    return image, boxes


# Between these steps an image is either uint8 or float32 0..1, which is what the parser takes as well.


def _resize_to_fit(image: tf.Tensor, output_size: tuple[int, int], scale: tf.Tensor | float) -> tf.Tensor:
    """Resized with its aspect kept to `scale` times the size that just fits, as tf-models' `resize_and_crop_image`."""
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    fitting = tf.reduce_min(tf.constant(output_size, tf.float32) / size)
    scaled = tf.maximum(tf.round(size * (fitting * scale)), 1.0)
    return tf.cast(tf.image.resize(image, tf.cast(scaled, tf.int32)), tf.float32) * (1 / 255)


def _crop(
    image: tf.Tensor, boxes: tf.Tensor, output_size: tuple[int, int], place: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cut to at most the output size; `place` [2] says where, 0..1 from the top and from the left."""
    size = tf.shape(image)[:2]
    visible = tf.minimum(size, tf.constant(output_size))
    offset = tf.cast(tf.floor(place * tf.cast(size - visible + 1, tf.float32)), tf.int32)
    image = tf.slice(image, tf.concat([offset, [0]], 0), tf.concat([visible, [3]], 0))
    boxes = (boxes * _corners(size) - _corners(offset)) / _corners(visible)
    return image, tf.clip_by_value(boxes, 0.0, 1.0)


def _pad(image: tf.Tensor, boxes: tf.Tensor, output_size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """At the top left of the output; the rest has the mean that the parser subtracts."""
    image = tf.image.convert_image_dtype(image, tf.float32)
    size = tf.shape(image)[:2]
    boxes = boxes * _corners(size) / _corners(tf.constant(output_size))
    missing = tf.constant(output_size) - size
    right = tf.broadcast_to(preprocess_ops.MEAN_NORM, [size[0], missing[1], 3])
    below = tf.broadcast_to(preprocess_ops.MEAN_NORM, [missing[0], output_size[1], 3])
    image = tf.concat([tf.concat([image, right], 1), below], 0)
    return tf.ensure_shape(image, [*output_size, 3]), boxes


def _flip(image: tf.Tensor, boxes: tf.Tensor, mirrored: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Left and right exchanged if `mirrored`."""
    image = tf.raw_ops.Reverse(tensor=image, dims=tf.stack([False, mirrored, False]))
    return image, tf.where(mirrored, box_ops.horizontal_flip_boxes(boxes), boxes)


def _rand_augment(
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
        augmenter = seeded_augment(seed).RandAugment(
            num_layers=policy.layers,
            magnitude=policy.magnitude,
            cutout_const=policy.cutout * short_side_px,
            translate_const=policy.translate * short_side_px,
        )
        augmenter.available_ops = list(policy.operations)
        return augmenter.distort_with_boxes(image, boxes)

    result, moved = distort(image, boxes, seed)
    return tf.ensure_shape(result, [None, None, 3]), tf.ensure_shape(moved, [None, 4])


def _lit(image: tf.Tensor, light: Light, brightness: tf.Tensor, contrast: tf.Tensor) -> tf.Tensor:
    """Contrast about the image's own mean, then brightness; `brightness` and `contrast` are draws 0..1."""
    image = tf.image.convert_image_dtype(image, tf.float32)
    gain = _between(light.brightness_min, light.brightness_max, brightness)
    factor = _between(light.contrast_min, light.contrast_max, contrast)
    return tf.clip_by_value(image * (gain * factor) + gain * (1 - factor) * tf.reduce_mean(image), 0.0, 1.0)


def _to_uint8(image: tf.Tensor) -> tf.Tensor:
    return image if image.dtype == tf.uint8 else tf.cast(tf.round(image * 255), tf.uint8)


def _corners(yx: tf.Tensor) -> tf.Tensor:
    """[2] -> [4] float32, to calculate with boxes."""
    return tf.tile(tf.cast(yx, tf.float32), [2])


def _between(lower: float, upper: float, draw: tf.Tensor) -> tf.Tensor:
    return lower + (upper - lower) * draw
