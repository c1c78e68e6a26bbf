"""The served functions: image files in, boxes, classes and scores out.

Decoding, resizing and the way back to the image's own pixels are part of the graph and use the same
tf-models functions as training, so that training and serving cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from official.vision.ops import preprocess_ops

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.model.families import family_of
from ratchet.components.trainer.model.features import anchor_boxes
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.model.weights import ordered_weights
from ratchet.schemas.data import features

_Tensors = dict[str, tf.Tensor]


class Serving:
    """The functions of a served model, each a graph that is traced once.

    Validation during training calls `preprocess` and `detect`; `export.save_model` writes the same graphs, so what is
    measured in training is what is served. They read the model's weights as they are at the time of the call.

    - `serve`: `image_bytes` [batch] -> detections;
    - `serve_examples`: `examples` [batch], serialised tf.Examples with the feature `image/encoded` -> detections;
    - `preprocess`: `image_bytes` -> `images` [batch, height, width, 3] float32, and `geometry` [batch, 4, 2] float32,
      whose rows are original size, input size, scale and offset, each (y, x);
    - `detect`: `images`, `geometry` -> detections without names;
    - `embed`: `images` -> `embedding` [batch, d] float32: what the backbone makes of an image, the mean over its
      places of each feature of each level;
    - `look`: `images`, `geometry` -> what `detect` and `embed` return, with one pass through the backbone for both.

    Detections:

    - `detection_boxes` [batch, max_detections, 4] float32: ymin, xmin, ymax, xmax in px of the image as it is stored;
    - `detection_classes` [batch, max_detections] int32: labels 1..K, 0 in the padding;
    - `detection_class_names` [batch, max_detections] string, empty in the padding;
    - `detection_scores` [batch, max_detections] float32, descending;
    - `num_detections` [batch] int32: how many of each row count, the rest is padding.

    An image file is a JPEG or PNG. As in training, grey becomes colour, CMYK is converted, transparency is dropped, 16
    bits are cut to their upper 8, and an EXIF orientation is ignored: where the training record says
    `wants_upright_images`, clients turn an image before they send it. Other formats are not supported: of a GIF the
    first frame is read, a BMP with a palette is misread without an error, and a WebP is read where the serving
    TensorFlow is 2.21 or newer. A batch may be empty. A file that cannot be decoded, or an image so narrow that no
    pixel of its shorter side is left in the model's input, fails the whole call with InvalidArgument.

    Args:
        model: built.
        settings: its architecture.
        class_names: names of the labels 1..K.

    Attributes:
        weights: the model's, in the order of `ordered_weights`.
    """

    def __init__(self, model: keras.Model, settings: ModelSettings, class_names: Sequence[str]) -> None:
        self.weights = ordered_weights(model)
        self._model: Any = model
        self._family = family_of(settings)
        self._levels = [str(level) for level in range(settings.min_level, settings.max_level + 1)]
        self._size = list(settings.fixed_input_size)
        self._anchors = anchor_boxes(settings)
        self.class_names = tuple(class_names)
        self._names = ["", *class_names]
        image_bytes = tf.TensorSpec([None], tf.string, name="image_bytes")
        examples = tf.TensorSpec([None], tf.string, name="examples")
        images = tf.TensorSpec([None, *self._size, 3], tf.float32, name="images")
        geometry = tf.TensorSpec([None, 4, 2], tf.float32, name="geometry")
        self.preprocess: Any = tf.function(self._preprocess, input_signature=[image_bytes], autograph=False)
        self.look: Any = tf.function(self._look, input_signature=[images, geometry], autograph=False)
        self.detect: Any = tf.function(self._detect, input_signature=[images, geometry], autograph=False)
        self.embed: Any = tf.function(self._embed, input_signature=[images], autograph=False)
        self.serve: Any = tf.function(self._serve, input_signature=[image_bytes], autograph=False)
        self.serve_examples: Any = tf.function(self._serve_examples, input_signature=[examples], autograph=False)

    def _preprocess(self, image_bytes: tf.Tensor) -> _Tensors:
        specs = (tf.TensorSpec([*self._size, 3], tf.float32), tf.TensorSpec([4, 2], tf.float32))
        images, geometry = tf.map_fn(self._letter_box, image_bytes, fn_output_signature=specs)
        return {"images": images, "geometry": geometry}

    def _letter_box(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What tf-models' decoder and parsers do to an image that is not augmented."""
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        return preprocess_ops.resize_and_crop_image(
            preprocess_ops.normalize_image(image), self._size, padded_size=self._size
        )

    def _look(self, images: tf.Tensor, geometry: tf.Tensor) -> _Tensors:
        asked = tf.shape(images)[0]
        images, geometry = _at_least_one(images), _at_least_one(geometry)
        batch = tf.shape(images)[0]
        anchors = {
            level: tf.tile(boxes[tf.newaxis], tf.stack([batch, 1, 1, 1])) for level, boxes in self._anchors.items()
        }
        found, maps = self._family.detect(self._model, images, geometry[:, 1, :], anchors)
        scale = tf.tile(geometry[:, 2:3, :], [1, 1, 2])
        limit = tf.tile(geometry[:, 0:1, :], [1, 1, 2])
        counts = found["num_detections"]
        classes = tf.cast(found["detection_classes"], tf.int32)
        counted = tf.sequence_mask(counts, tf.shape(classes)[1])
        seen = {
            "detection_boxes": tf.clip_by_value(found["detection_boxes"] / scale, 0.0, limit),
            # tf-models adds 1 to all classes, also to the zeros of the padding.
            "detection_classes": tf.where(counted, classes, 0),
            "detection_scores": found["detection_scores"],
            "num_detections": counts,
            "embedding": self._embedding(maps),
        }
        return {name: values[:asked] for name, values in seen.items()}

    def _detect(self, images: tf.Tensor, geometry: tf.Tensor) -> _Tensors:
        # TensorFlow leaves out of the graph what nobody asks for.
        return {name: values for name, values in self.look(images, geometry).items() if name != "embedding"}

    def _embed(self, images: tf.Tensor) -> _Tensors:
        asked = tf.shape(images)[0]
        maps = self._model.backbone(_at_least_one(images), training=False)
        return {"embedding": self._embedding(maps)[:asked]}

    def _embedding(self, maps: Mapping[str, tf.Tensor]) -> tf.Tensor:
        levels = [maps.get(level) for level in self._levels]  # the coarsest may be the decoder's own
        means = [tf.reduce_mean(level, axis=[1, 2]) for level in levels if level is not None]
        return tf.concat(means, axis=1)

    def _serve(self, image_bytes: tf.Tensor) -> _Tensors:
        found = self.detect(**self.preprocess(image_bytes))
        # Clients of TensorFlow Serving cannot read labels.json.
        return found | {"detection_class_names": tf.gather(tf.constant(self._names), found["detection_classes"])}

    def _serve_examples(self, examples: tf.Tensor) -> _Tensors:
        wanted = {features.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)}
        return self.serve(tf.io.parse_example(examples, wanted)[features.IMAGE_ENCODED])


def _at_least_one(batch: tf.Tensor) -> tf.Tensor:
    """A batch, with one entry of ones if it has none: oneDNN's fused convolutions, which TensorFlow uses on CPUs with
    instructions for neural networks, fail for no images at all."""
    missing = tf.maximum(0, 1 - tf.shape(batch)[0])
    return tf.concat([batch, tf.ones([missing, *batch.shape[1:]], batch.dtype)], axis=0)
