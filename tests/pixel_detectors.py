"""Detectors that read what they find from the pixels of an image, and images for them: a few objects, whole px."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MOST = 4  # objects of an image
SIDE_PX = 10


def scene(*objects: tuple[int, ...], seed: int = 0) -> bytes:
    """A PNG of 64 x 64 px, in whose first rows the objects stand.

    Args:
        objects: label from 1 on, left and top; then, unless it is SIDE_PX, width and height.
        seed: of all other pixels.
    """
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
    pixels[:2, :MOST] = 0
    for place, (label, left, top, *size) in enumerate(objects):
        pixels[0, place] = label, left, top
        pixels[1, place, :2] = size or (SIDE_PX, SIDE_PX)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def save_pixel_detector(
    directory: Path,
    names: Sequence[str],
    scores: Sequence[float] | None = None,
    read_as: Mapping[int, int] | None = None,
) -> Path:
    """A SavedModel with the serving signature, and its classes.

    Args:
        directory: where.
        names: its label map.
        scores: with which it finds the objects of each label of an image; .9 each.
        read_as: labels that it reads as another one.
    """
    import tensorflow as tf

    module: Any = tf.Module()
    count = 1 + max(len(names), 9)
    table = [(read_as or {}).get(label, label) for label in range(count)]
    module.labels = tf.Variable(tf.constant(table, tf.int32))
    of_labels = [0.0, *(scores or [0.9] * (count - 1)), *[0.0] * count][:count]
    module.scores = tf.Variable(tf.constant(of_labels))

    def read(encoded: Any) -> Any:
        return tf.cast(tf.io.decode_png(encoded, channels=3)[:2, :MOST], tf.int32)

    def found(image_bytes: Any) -> dict[str, Any]:
        rows = tf.map_fn(read, image_bytes, fn_output_signature=tf.TensorSpec([2, MOST, 3], tf.int32))
        labels, left, top = (rows[:, 0, :, place] for place in range(3))
        width, height = (rows[:, 1, :, place] for place in range(2))
        corners = tf.cast(tf.stack([top, left, top + height, left + width], axis=-1), tf.float32)
        return {
            "detection_boxes": corners,
            "detection_classes": tf.gather(module.labels, labels),
            "detection_scores": tf.gather(module.scores, labels),
            "num_detections": tf.reduce_sum(tf.cast(labels > 0, tf.int32), axis=1),
        }

    module.serve = tf.function(found, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serve})
    (directory / "assets.extra").mkdir()
    (directory / "assets.extra" / "labels.json").write_text(json.dumps(list(names)))
    return directory
