"""The served model: image bytes in, boxes, classes and scores out.

Decoding, resizing and the way back to the image's own pixels are part of the graph and use the same
tf-models functions as training, so that training and serving cannot differ.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras
from official.vision.ops import anchor, preprocess_ops

from components.trainer.settings import ModelSettings


class ServingModule(tf.Module):
    """A RetinaNet with the signature TensorFlow Serving calls.

    `serving_default` takes `image_bytes`, [batch] JPEG or PNG files, and returns
    - `detection_boxes` [batch, max_detections, 4] float32: ymin, xmin, ymax, xmax in pixels of the
      delivered image;
    - `detection_classes` [batch, max_detections] int32: labels 1..K;
    - `detection_scores` [batch, max_detections] float32, descending;
    - `num_detections` [batch] int32: how many of each row count, the rest is padding.

    Args:
        model: trained RetinaNet.
        settings: its architecture.
    """

    def __init__(self, model: tf_keras.Model, settings: ModelSettings) -> None:
        super().__init__()
        self.model = model
        self._size = list(settings.input_size)
        build_anchors = anchor.build_anchor_generator(
            min_level=settings.min_level,
            max_level=settings.max_level,
            num_scales=settings.anchors.num_scales,
            aspect_ratios=list(settings.anchors.aspect_ratios),
            anchor_size=settings.anchors.size,
        )
        self._anchors = build_anchors(image_size=self._size)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Detects objects in encoded images; see the class."""
        specs = (tf.TensorSpec([*self._size, 3], tf.float32), tf.TensorSpec([4, 2], tf.float32))
        images, info = tf.map_fn(self._prepare, image_bytes, fn_output_signature=specs)
        batch = tf.shape(images)[0]
        anchors = {level: tf.tile(boxes[tf.newaxis], [batch, 1, 1, 1]) for level, boxes in self._anchors.items()}
        found = self.model.call(images, image_shape=info[:, 1, :], anchor_boxes=anchors, training=False)
        # The rows of info: original size, resized size, scale, offset (zero, since nothing is cropped).
        scale = tf.tile(info[:, 2:3, :], [1, 1, 2])
        limit = tf.tile(info[:, 0:1, :], [1, 1, 2])
        return {
            "detection_boxes": tf.clip_by_value(found["detection_boxes"] / scale, 0.0, limit),
            "detection_classes": tf.cast(found["detection_classes"], tf.int32),
            "detection_scores": found["detection_scores"],
            "num_detections": found["num_detections"],
        }

    def _prepare(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        return preprocess_ops.resize_and_crop_image(
            preprocess_ops.normalize_image(image), self._size, padded_size=self._size
        )


def save_model(model: tf_keras.Model, settings: ModelSettings, directory: str) -> None:
    """Writes a SavedModel that TensorFlow Serving can load."""
    module = ServingModule(model, settings)
    tf.saved_model.save(module, directory, signatures={"serving_default": module.serve})


def restore_weights(model: tf_keras.Model, directory: str) -> None:
    """Reads all weights of a model that `save_model` wrote into a model of the same architecture."""
    status = tf.train.Checkpoint(model=model).read(f"{directory}/variables/variables")
    status.assert_existing_objects_matched().expect_partial()
