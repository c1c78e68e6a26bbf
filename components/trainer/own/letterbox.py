"""Image files in, one tensor out, and boxes back into the image's own pixels: what nearly every detector needs."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Letterbox:
    """Resizes images into one size with their aspect kept, the rest is 0 at the right and below.

    The same function for training and serving, so that the two cannot differ.

    Attributes:
        height: of the result, px.
        width: of the result, px.
    """

    height: int
    width: int

    def image(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One image file: [height, width, 3] float32 0..255, and [2, 2] float32 geometry.

        Rows of the geometry: original size in px, and how many px of the result are one of the original; each (y, x).
        """
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        size = tf.cast(tf.shape(image)[:2], tf.float32)
        wanted = tf.constant([self.height, self.width], tf.float32)
        inner = tf.maximum(1.0, tf.floor(size * tf.reduce_min(wanted / size)))
        inner_px = tf.cast(inner, tf.int32)
        resized = tf.image.resize(image, inner_px, antialias=True)
        padding = tf.stack([[0, self.height - inner_px[0]], [0, self.width - inner_px[1]], [0, 0]])
        padded = tf.ensure_shape(tf.pad(resized, padding), [self.height, self.width, 3])
        return padded, tf.stack([size, inner / size])

    def preprocess(self, image_bytes: tf.Tensor) -> Tensors:
        """`image_bytes` [b] string -> `images` [b, height, width, 3] float32 0..255, `geometry` [b, 2, 2] float32."""
        specs = (tf.TensorSpec([self.height, self.width, 3], tf.float32), tf.TensorSpec([2, 2], tf.float32))
        images, geometry = tf.map_fn(self.image, image_bytes, fn_output_signature=specs)
        return {"images": images, "geometry": geometry}

    def boxes_in(self, boxes_yxyx_px: tf.Tensor, geometry: tf.Tensor) -> tf.Tensor:
        """Boxes [n, 4] of one image, as the result shows them."""
        return boxes_yxyx_px * tf.tile(geometry[1], [2])

    def boxes_back(self, boxes_yxyx_px: tf.Tensor, geometry: tf.Tensor) -> tf.Tensor:
        """Boxes [b, n, 4] in px of the result -> in px of each image, nothing beyond its border."""
        scale = tf.tile(geometry[:, 1:2, :], [1, 1, 2])
        limit = tf.tile(geometry[:, 0:1, :], [1, 1, 2])
        return tf.clip_by_value(boxes_yxyx_px / scale, 0.0, limit)
