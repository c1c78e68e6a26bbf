"""Runs served models over the golden set, through the signature that clients call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from components.map_evaluator.detections import to_detections
from schemas import features
from schemas.errors import StateError
from schemas.records import Detections

EncodedImage = tuple[bytes, bytes]  # record JSON, image file


class ServedDetector:
    """A pushed or pushable SavedModel.

    Args:
        directory: the SavedModel.

    Raises:
        StateError: it has not the signature that ServingModule documents.
    """

    def __init__(self, directory: str) -> None:
        self._loaded = tf.saved_model.load(directory)  # holds the variables that the signature uses
        self._signature = self._loaded.signatures.get("serving_default")
        if self._signature is None or "image_bytes" not in self._signature.structured_input_signature[1]:
            raise StateError(f"{directory}: no signature 'serving_default' with the input 'image_bytes'")

    def detect(self, encoded: list[bytes]) -> list[Detections]:
        """Detections of each image, in pixels of that image."""
        found = {key: value.numpy() for key, value in self._signature(image_bytes=tf.constant(encoded)).items()}
        columns = zip(
            found["detection_boxes"], found["detection_classes"], found["detection_scores"], found["num_detections"]
        )
        return [to_detections(boxes[:n], labels[:n], scores[:n]) for boxes, labels, scores, n in columns]


def read_images(pattern: str, batch_size: int) -> Iterator[list[EncodedImage]]:
    """Batches of (record JSON, image file) from gzipped TFRecords of tf.Examples."""
    keys = {key: tf.io.FixedLenFeature([], tf.string) for key in (features.RECORD, features.IMAGE_ENCODED)}
    files = sorted(tf.io.gfile.glob(pattern))
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(batch_size)
    for batch in dataset.map(lambda serialized: tf.io.parse_example(serialized, keys)).prefetch(1):
        arrays: dict[str, Any] = {key: value.numpy() for key, value in batch.items()}
        yield list(zip(arrays[features.RECORD], arrays[features.IMAGE_ENCODED]))
