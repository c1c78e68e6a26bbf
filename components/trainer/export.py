"""The served model: image bytes in, boxes, classes and scores out.

Decoding, resizing and the way back to the image's own pixels are part of the graph and use the same
tf-models functions as training, so that training and serving cannot differ.
"""

from __future__ import annotations

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

    The same in two halves, for callers that give the same images to several models: `preprocess` takes
    `image_bytes` and returns `images` [batch, height, width, 3] float32 and `geometry` [batch, 4, 2] float32;
    `detect` takes those and returns what `serving_default` does. `embed` takes `images` and returns `embedding`
    [batch, d] float32: what the backbone makes of an image, the mean over its places of each feature of each level.

    Args:
        model: built RetinaNet.
        settings: its architecture.
        directory: where to write.
    """
    module: Any = tf.Module()
    # The weights alone, not the Keras model: saving every layer's own functions takes far longer,
    # and nothing reads them.
    module.weights = ordered_weights(model)
    serving = _Serving(model, settings)
    image_bytes = tf.TensorSpec([None], tf.string, name="image_bytes")
    images = tf.TensorSpec([None, *serving.size, 3], tf.float32, name="images")
    geometry = tf.TensorSpec([None, 4, 2], tf.float32, name="geometry")
    module.serve = tf.function(serving.serve, input_signature=[image_bytes], autograph=False)
    module.preprocess = tf.function(serving.preprocess, input_signature=[image_bytes], autograph=False)
    module.detect = tf.function(serving.detect, input_signature=[images, geometry], autograph=False)
    module.embed = tf.function(serving.embed, input_signature=[images], autograph=False)
    signatures = {
        "serving_default": module.serve,
        "preprocess": module.preprocess,
        "detect": module.detect,
        "embed": module.embed,
    }
    tf.saved_model.save(module, directory, signatures=signatures)


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


class _Serving:
    """The functions of a served model; `serve` is `preprocess` and `detect` one after the other."""

    def __init__(self, model: tf_keras.Model, settings: ModelSettings) -> None:
        self._detect: Any = model.call  # takes more than Keras' own call, which is all that its type says
        self._backbone: Any = model.backbone
        self._levels = [str(level) for level in range(settings.min_level, settings.max_level + 1)]
        self.size = list(settings.input_size)
        self._anchors = anchor_boxes(settings)

    def preprocess(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        specs = (tf.TensorSpec([*self.size, 3], tf.float32), tf.TensorSpec([4, 2], tf.float32))
        images, geometry = tf.map_fn(self._prepare, image_bytes, fn_output_signature=specs)
        return {"images": images, "geometry": geometry}

    def _prepare(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        return preprocess_ops.resize_and_crop_image(
            preprocess_ops.normalize_image(image), self.size, padded_size=self.size
        )

    def detect(self, images: tf.Tensor, geometry: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = tf.shape(images)[0]
        tiled = {
            level: tf.tile(boxes[tf.newaxis], tf.stack([batch, 1, 1, 1])) for level, boxes in self._anchors.items()
        }
        found = self._detect(images, image_shape=geometry[:, 1, :], anchor_boxes=tiled, training=False)
        # The rows of geometry: original size, resized size, scale, offset (zero, since nothing is cropped).
        scale = tf.tile(geometry[:, 2:3, :], [1, 1, 2])
        limit = tf.tile(geometry[:, 0:1, :], [1, 1, 2])
        return {
            "detection_boxes": tf.clip_by_value(found["detection_boxes"] / scale, 0.0, limit),
            "detection_classes": tf.cast(found["detection_classes"], tf.int32),
            "detection_scores": found["detection_scores"],
            "num_detections": found["num_detections"],
        }

    def embed(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        maps = self._backbone(images, training=False)
        levels = [maps[level] for level in self._levels if level in maps]  # the coarsest may be the decoder's own
        return {"embedding": tf.concat([tf.reduce_mean(level, axis=[1, 2]) for level in levels], axis=1)}

    def serve(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.detect(**self.preprocess(image_bytes))
