"""The served model: image bytes in, boxes, classes and scores out.

Decoding, resizing and the way back to the image's own pixels are part of the graph and use the same
tf-models functions as training, so that training and serving cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras
from official.vision.ops import preprocess_ops

from components.trainer.experiment import anchor_boxes, leaf_layers
from components.trainer.settings import ModelSettings


def save_model(model: tf_keras.Model, settings: ModelSettings, directory: str) -> None:
    """Writes a SavedModel that TensorFlow Serving can load.

    Its `serving_default` takes `image_bytes`, [batch] JPEG or PNG files, and returns
    - `detection_boxes` [batch, max_detections, 4] float32: ymin, xmin, ymax, xmax in pixels of the
      delivered image;
    - `detection_classes` [batch, max_detections] int32: labels 1..K;
    - `detection_scores` [batch, max_detections] float32, descending;
    - `num_detections` [batch] int32: how many of each row count, the rest is padding.

    Args:
        model: built RetinaNet.
        settings: its architecture.
        directory: where to write.
    """
    module: Any = tf.Module()
    # The weights alone, not the Keras model: saving every layer's own functions takes far longer,
    # and nothing reads them.
    module.weights = ordered_weights(model)
    module.serve = tf.function(
        _serving_function(model, settings),
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")],
        autograph=False,
    )
    tf.saved_model.save(module, directory, signatures={"serving_default": module.serve})


def restore_weights(model: tf_keras.Model, directory: str) -> None:
    """Reads all weights that `save_model` wrote into a built model of the same architecture."""
    status = tf.train.Checkpoint(weights=ordered_weights(model)).read(f"{directory}/variables/variables")
    status.assert_existing_objects_matched().expect_partial()


def ordered_weights(model: tf_keras.Model) -> list[tf.Variable]:
    """All weights, layer by layer.

    Keras' own order puts the trainable ones first, so it changes when a layer is frozen.

    Raises:
        ValueError: a weight belongs to no leaf layer, so that it would be lost.
    """
    weights = list({id(weight): weight for layer in leaf_layers(model) for weight in layer.weights}.values())
    if len(weights) != len(model.weights):
        raise ValueError(f"{len(model.weights)} weights in the model, {len(weights)} in its leaf layers")
    return weights


def _serving_function(model: tf_keras.Model, settings: ModelSettings) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    detect: Any = model.call  # takes more than Keras' own call, which is all that its type says
    size = list(settings.input_size)
    anchors = anchor_boxes(settings)
    specs = (tf.TensorSpec([*size, 3], tf.float32), tf.TensorSpec([4, 2], tf.float32))

    def prepare(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        return preprocess_ops.resize_and_crop_image(preprocess_ops.normalize_image(image), size, padded_size=size)

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images, info = tf.map_fn(prepare, image_bytes, fn_output_signature=specs)
        batch = tf.shape(images)[0]
        tiled = {level: tf.tile(boxes[tf.newaxis], tf.stack([batch, 1, 1, 1])) for level, boxes in anchors.items()}
        found = detect(images, image_shape=info[:, 1, :], anchor_boxes=tiled, training=False)
        # The rows of info: original size, resized size, scale, offset (zero, since nothing is cropped).
        scale = tf.tile(info[:, 2:3, :], [1, 1, 2])
        limit = tf.tile(info[:, 0:1, :], [1, 1, 2])
        return {
            "detection_boxes": tf.clip_by_value(found["detection_boxes"] / scale, 0.0, limit),
            "detection_classes": tf.cast(found["detection_classes"], tf.int32),
            "detection_scores": found["detection_scores"],
            "num_detections": found["num_detections"],
        }

    return serve
