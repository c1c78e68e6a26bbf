"""A foreign detector as a SavedModel of ours: the model as it is, and around it the signatures that Ratchet serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from ratchet.components.adoption.answers import BoxReading, Order, Unit
from ratchet.components.adoption.foreign import Foreign, raw_answer
from ratchet.components.adoption.signatures import DEFAULT, Taken
from ratchet.schemas.data import features

ORIGINAL = "original"  # what the model's own `serving_default` is called
_AT_ONCE = 2  # images of a request that are worked on at the same time
_RESERVED = frozenset({"preprocess", "detect", "embed", "look"})  # what Ratchet calls them is of one form
_Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Wrapping:
    """What was found out about a model.

    Attributes:
        taken: what it takes for an image.
        reading: of its boxes.
        ids: the number of each class, ascending; its place is the label.
        names: of the labels 1..K.
        most: detections of an image that there can be.
    """

    taken: Taken
    reading: BoxReading
    ids: tuple[int, ...]
    names: tuple[str, ...]
    most: int


class Wrapped:
    """The functions of the served model; see `ratchet.components.trainer.serving` for what they return.

    One image after the other, for most exports take a single one, and images of a request differ in size.

    Args:
        foreign: the model.
        wrapping: what was found out about it.
    """

    def __init__(self, foreign: Foreign, wrapping: Wrapping) -> None:
        self._foreign, self._wrapping = foreign, wrapping
        self._specs = {
            "detection_boxes": tf.TensorSpec([wrapping.most, 4], tf.float32),
            "detection_classes": tf.TensorSpec([wrapping.most], tf.int32),
            "detection_scores": tf.TensorSpec([wrapping.most], tf.float32),
            "num_detections": tf.TensorSpec([], tf.int32),
        }
        images = tf.TensorSpec([None], tf.string, name="image_bytes")
        examples = tf.TensorSpec([None], tf.string, name="examples")
        self.serve: Any = tf.function(self._serve, input_signature=[images], autograph=False)
        self.serve_examples: Any = tf.function(self._serve_examples, input_signature=[examples], autograph=False)

    def _serve(self, image_bytes: tf.Tensor) -> _Tensors:
        found = tf.map_fn(self._of_one, image_bytes, fn_output_signature=self._specs, parallel_iterations=_AT_ONCE)
        names = tf.constant(["", *self._wrapping.names])
        return found | {"detection_class_names": tf.gather(names, found["detection_classes"])}

    def _serve_examples(self, examples: tf.Tensor) -> _Tensors:
        wanted = {features.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)}
        return self.serve(tf.io.parse_example(examples, wanted)[features.IMAGE_ENCODED])

    def _of_one(self, encoded: tf.Tensor) -> _Tensors:
        """As `answers.found_by`, in float32."""
        raw = raw_answer(self._foreign, self._wrapping.taken, encoded)
        ids = tf.constant(self._wrapping.ids, tf.int64)
        numbers = tf.cast(tf.round(raw["numbers"]), tf.int64)
        places = tf.minimum(tf.searchsorted(ids, numbers), len(self._wrapping.ids) - 1)
        kept = tf.where((tf.gather(ids, places) == numbers) & (raw["scores"] > 0))[:, 0]
        scores = tf.gather(raw["scores"], kept)
        order = tf.argsort(scores, direction="DESCENDING", stable=True)[: self._wrapping.most]
        kept, scores = tf.gather(kept, order), tf.gather(scores, order)
        boxes = tf.gather(_corners(raw, self._wrapping.reading), kept)
        count = tf.size(kept)
        room = self._wrapping.most - count
        found = {
            "detection_boxes": tf.pad(boxes, [[0, room], [0, 0]]),
            "detection_classes": tf.pad(tf.gather(places, kept) + 1, [[0, room]]),
            "detection_scores": tf.pad(scores, [[0, room]]),
            "num_detections": count,
        }
        return {name: tf.ensure_shape(value, self._specs[name].shape) for name, value in found.items()}


def _corners(raw: _Tensors, reading: BoxReading) -> tf.Tensor:
    """[n, 4] ymin, xmin, ymax, xmax in px of the image, inside of it."""
    boxes = raw["boxes"] if reading.order is Order.YXYX else tf.gather(raw["boxes"], [1, 0, 3, 2], axis=1)
    if reading.unit is Unit.FRACTIONS:
        boxes *= tf.tile(raw["size_px"], [2])
    elif reading.unit is Unit.INPUT_PIXELS:
        boxes = (boxes + tf.tile(raw["offset"], [2])) / tf.tile(raw["scale"], [2])
    boxes = tf.clip_by_value(boxes, 0.0, tf.tile(raw["size_px"], [2]))
    return tf.concat([boxes[:, :2], tf.maximum(boxes[:, 2:], boxes[:, :2])], axis=1)


def save_wrapped(foreign: Foreign, wrapping: Wrapping, directory: str) -> tuple[str, ...]:
    """Writes the SavedModel.

    - `image_bytes`, and the same as `serving_default`; `tf_example`: as of a model that Ratchet trained;
    - the model's own signatures by their names where these are free, its `serving_default` as `original`.

    Args:
        foreign: the model.
        wrapping: what was found out about it.
        directory: where to write.

    Returns:
        The names of the model's own signatures in it.
    """
    functions = Wrapped(foreign, wrapping)
    ours = {
        DEFAULT: functions.serve,
        "image_bytes": functions.serve,
        "tf_example": functions.serve_examples,
    }
    kept = own_names(list(foreign.others), list(ours))
    module: Any = tf.Module()
    module.original = foreign.module
    signatures = ours | {name: foreign.others[own] for own, name in kept.items()}
    tf.saved_model.save(module, directory, signatures=signatures)
    return tuple(kept.values())


def own_names(names: Sequence[str], taken: Sequence[str]) -> dict[str, str]:
    """What a model's own signatures are called beside ours, by their own names; those without a free name are left out.

    >>> own_names(["serving_default", "features", "tf_example"], ["serving_default", "tf_example"])
    {'serving_default': 'original', 'features': 'features', 'tf_example': 'original_tf_example'}
    """
    wanted = {name: ORIGINAL if name == DEFAULT else f"{ORIGINAL}_{name}" if name in taken else name for name in names}
    wanted = {name: f"{ORIGINAL}_{new}" if new in _RESERVED else new for name, new in wanted.items()}
    return {name: new for name, new in wanted.items() if list(wanted.values()).count(new) == 1}
