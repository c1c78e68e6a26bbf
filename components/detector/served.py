"""Runs served models over images, through the signatures that clients call."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.detector.detections import NotNumbersError, renumbered, to_columns
from ratchet.components.stack.devices import grow_memory
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns

EncodedImage = tuple[bytes, bytes]  # record JSON, image file
_Tensors = dict[str, tf.Tensor]


class ServedDetector:
    """A pushed or pushable SavedModel.

    A model of ours offers its work in two halves, so that images are decoded once for several models; of any other
    model with the serving signature, that one is called.

    Args:
        name: what to call it in messages.
        directory: the SavedModel.
        digest: `model_digest` of what is in there now, where it is known.

    Raises:
        StateError: it cannot be loaded or has not the signature that `ratchet` serves.

    Attributes:
        place: what `load_detector` loads it by, in another process too.
    """

    def __init__(self, name: str, directory: str, digest: str = "") -> None:
        self.place = (name, directory, digest)
        self.name = f"{name} ({directory})"
        grow_memory()  # also in a worker on another machine, which has the environment that it was started with
        try:
            self._loaded = tf.saved_model.load(directory)  # holds the variables that the signatures use
        except Exception as error:  # a damaged file ends in whatever its parser raises
            reason = str(error).strip().splitlines()
            raise StateError(
                f"{self.name}: cannot be loaded as a SavedModel ({reason[0] if reason else type(error).__name__}); "
                "restore or replace it"
            ) from error
        signatures = self._loaded.signatures
        self._serve = signatures.get("serving_default")
        if self._serve is None or "image_bytes" not in self._serve.structured_input_signature[1]:
            raise StateError(
                f"{self.name}: no signature 'serving_default' with the input 'image_bytes'; export it anew"
            )
        self._halves = (signatures["preprocess"], signatures["detect"]) if "detect" in signatures else None
        self._embed = signatures.get("embed") if self._halves else None
        self._look = signatures.get("look") if self._embed else None

    def preprocess(self, encoded: Sequence[bytes]) -> _Tensors:
        """What `detect` wants of some image files."""
        image_bytes = tf.constant(list(encoded))
        return self._halves[0](image_bytes=image_bytes) if self._halves else {"image_bytes": image_bytes}

    def detect(self, prepared: _Tensors, image_ids: np.ndarray, num_classes: int) -> DetectionColumns:
        """Detections in pixels of each image, in the model's own label map of `num_classes` classes.

        Raises:
            StateError: the model returns something else.
        """
        return self._columns((self._halves[1] if self._halves else self._serve)(**prepared), image_ids, num_classes)

    def look(self, prepared: _Tensors, image_ids: np.ndarray, num_classes: int) -> tuple[DetectionColumns, np.ndarray]:
        """What `detect` and `embed` return, with one pass through the backbone if the model offers it.

        Raises:
            StateError: the model returns something else.
        """
        if self._look is None:
            return self.detect(prepared, image_ids, num_classes), self.embed(prepared)
        seen = self._look(**prepared)
        return self._columns(seen, image_ids, num_classes), seen["embedding"].numpy()

    def _columns(self, found: _Tensors, image_ids: np.ndarray, num_classes: int) -> DetectionColumns:
        try:
            boxes, labels, scores, counts = (found[key].numpy() for key in _OUTPUTS)
        except KeyError as error:
            raise StateError(f"{self.name}: its signature does not return {error}; export it anew") from error
        return to_columns(self.name, image_ids, num_classes, boxes, labels, scores, counts)

    def serve(self, encoded: Sequence[bytes]) -> dict[str, np.ndarray]:
        """What a client gets for some image files."""
        return {key: value.numpy() for key, value in self._serve(image_bytes=tf.constant(list(encoded))).items()}

    @property
    def embedding_size(self) -> int:
        """d of `embed`; 0 for a model without that signature."""
        return int(self._embed.structured_outputs["embedding"].shape[1]) if self._embed else 0

    def embed(self, prepared: _Tensors) -> np.ndarray:
        """What the backbone makes of each image, [batch, d] float32."""
        if self._embed is None:
            return np.empty((len(next(iter(prepared.values()))), 0), np.float32)
        return self._embed(images=prepared["images"])["embedding"].numpy()


_OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


@functools.lru_cache(maxsize=6)  # candidate, baseline and what an evaluation holds them against
def load_detector(name: str, directory: str, digest: str) -> ServedDetector:
    """A `ServedDetector`, loaded once in a process as long as the directory holds the same bytes.

    Args:
        name: what to call it in messages.
        directory: the SavedModel.
        digest: `model_digest` of what is in there now.
    """
    return ServedDetector(name, directory, digest)


class Detectors:
    """Several models on the same images, each image decoded once for all that prepare it alike.

    Args:
        detectors: by name.
        numbers: by name, `renumbering` of the model's own label map into the one that is wanted of all.
        on_trial: a model that may find what is no number: it then has found nothing in that batch.

    Attributes:
        no_numbers: what the model on trial found that is no number, in words.
    """

    def __init__(
        self, detectors: Mapping[str, ServedDetector], numbers: Mapping[str, np.ndarray], on_trial: str = ""
    ) -> None:
        self._detectors = detectors
        self._numbers = numbers
        self._on_trial = on_trial
        self.no_numbers: list[str] = []
        self._source: dict[str, str] | None = None

    def detect(self, encoded: Sequence[bytes], image_ids: np.ndarray) -> dict[str, DetectionColumns]:
        """Detections by model, all in one label map; see `ServedDetector.detect`."""
        if self._source is None:
            self._source = self._compare(encoded)
        prepared = {name: self._detectors[name].preprocess(encoded) for name in set(self._source.values())}
        found = {
            name: self._found(name, detector, prepared[self._source[name]], image_ids)
            for name, detector in self._detectors.items()
        }
        return {name: renumbered(columns, self._numbers[name]) for name, columns in found.items()}

    def _found(
        self, name: str, detector: ServedDetector, prepared: _Tensors, image_ids: np.ndarray
    ) -> DetectionColumns:
        try:
            return detector.detect(prepared, image_ids, len(self._numbers[name]) - 1)
        except NotNumbersError as error:
            if name != self._on_trial:
                raise
            self.no_numbers.append(str(error))
            return DetectionColumns.of([])

    def _compare(self, encoded: Sequence[bytes]) -> dict[str, str]:
        """For each model the first one that prepares these images alike."""
        prepared = {name: detector.preprocess(encoded) for name, detector in self._detectors.items()}
        return {
            name: next(other for other, tensors in prepared.items() if _equal(tensors, prepared[name]))
            for name in prepared
        }


def _equal(one: _Tensors, other: _Tensors) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key].numpy(), other[key].numpy()) for key in one)


def read_images(files: Sequence[str], batch_size: int) -> Iterator[list[EncodedImage]]:
    """Batches of (record JSON, image file) from TFRecords of tf.Examples.

    Raises:
        StateError: a file is not there, or not whole.
    """
    keys = {key: tf.io.FixedLenFeature([], tf.string) for key in (features.RECORD, features.IMAGE_ENCODED)}
    dataset = tf.data.TFRecordDataset(list(files)).batch(batch_size)
    try:
        for batch in dataset.map(lambda serialized: tf.io.parse_example(serialized, keys)).prefetch(1):
            arrays: dict[str, Any] = {key: value.numpy() for key, value in batch.items()}
            yield list(zip(arrays[features.RECORD], arrays[features.IMAGE_ENCODED]))
    except tf.errors.OpError as error:
        raise unreadable(files, error) from error


def unreadable(files: Sequence[str], error: tf.errors.OpError) -> StateError:
    """What to raise where TensorFlow cannot read TFRecord files that ExampleGen wrote."""
    place = files[0] if len(files) == 1 else f"one of {len(files)} TFRecord files in {os.path.dirname(files[0])}"
    reason = str(error.message or type(error).__name__).splitlines()[0].split(" [Op:")[0]
    reason = reason.rpartition("}} ")[2]  # before it stand the names of TensorFlow's own functions
    return StateError(
        f"{place}: cannot be read ({reason}); it has changed since ExampleGen wrote it: restore it, or give the "
        "command with --anew"
    )
