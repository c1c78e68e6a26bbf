"""mAP on the validation images of the training spans, by the very functions that are exported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ratchet.components.detector.detections import to_columns
from ratchet.components.detector.served import read_images
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.limits import LARGEST_LIMIT
from ratchet.components.metrics.matching import match
from ratchet.components.trainer.images.batches import Span
from ratchet.components.trainer.loop import UnsoundWeightsError
from ratchet.components.trainer.serving import Serving
from ratchet.schemas.artifacts.training_record import ValidationImages, ValidationPoint
from ratchet.schemas.base.sampling import is_sampled
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import GroundTruth, record_from_json

_BATCH = 16


@dataclass(frozen=True)
class ValidationImage:
    """An image that chooses the checkpoint and is not trained on.

    Attributes:
        encoded: its file.
        truth: its objects, labels as the model counts them.
    """

    encoded: bytes
    truth: GroundTruth


@dataclass(frozen=True)
class ValidationSet:
    """The validation images.

    Attributes:
        new: of the new span.
        old: of the earlier spans; empty where none are looked at.
        replay: share of a batch that comes from earlier spans, which is the weight of their part.
        min_images: the least that makes a choice between checkpoints more than chance.
    """

    new: tuple[ValidationImage, ...]
    old: tuple[ValidationImage, ...]
    replay: float
    min_images: int

    @property
    def images(self) -> tuple[ValidationImage, ...]:
        """All of them."""
        return (*self.new, *self.old)

    @property
    def is_sufficient(self) -> bool:
        """Whether a choice between checkpoints would be more than chance."""
        return len(self.images) >= self.min_images and _has_objects(self.images)

    @property
    def is_pooled(self) -> bool:
        """Whether one mAP of all images alike is taken, because a part is too small for half of the say: each image
        counting alike is the weighting with the least noise."""
        parts = [self.new, self.old] if self.replay or self.old else [self.new]
        return self.is_sufficient and not all(len(part) >= self.min_images and _has_objects(part) for part in parts)

    @property
    def counts(self) -> ValidationImages:
        """For the training record."""
        return ValidationImages(len(self.new), len(self.old), self.min_images, self.is_pooled)


def _has_objects(images: Sequence[ValidationImage]) -> bool:
    return any(len(image.truth.labels) for image in images)


def read_validation(spans: Sequence[Span], max_images: int) -> tuple[ValidationImage, ...]:
    """A fixed sample of the spans' images.

    Args:
        spans: of their evaluation splits.
        max_images: about how many at most.
    """
    share = max_images / max(1, sum(span.images for span in spans))
    return tuple(image for span in spans for image in _sample(span, share))


def _sample(span: Span, share: float) -> Iterable[ValidationImage]:
    if not span.images:
        return
    labels = np.array(span.labels)
    for batch in read_images(span.files, _BATCH):
        for serialized, encoded in batch:
            record = record_from_json(serialized)
            if is_sampled(record.file_name, share, "validation"):
                truth = record.truth
                yield ValidationImage(
                    encoded, GroundTruth(truth.boxes_xywh_px, labels[truth.labels], truth.area_px2, truth.is_crowd)
                )


class Validator:
    """Measures a model while it is trained.

    Args:
        serving: the functions that will be exported.
        images: the validation set; a sufficient one.
        in_between: called between batches; what it raises ends the validation.
    """

    def __init__(self, serving: Serving, images: ValidationSet, in_between: Callable[[], None] = lambda: None) -> None:
        self._in_between = in_between
        self._serving = serving
        self._set = images
        self._num_classes = len(serving.class_names)

    def __call__(self, step: int) -> ValidationPoint:
        """The mAP of the weights that `serving` has now; `step` is only noted.

        Raises:
            UnsoundWeightsError: the model finds what is no box.
        """
        new, old = self._map(self._set.new), self._map(self._set.old)
        if self._set.is_pooled:
            return ValidationPoint(step, self._map(self._set.images) or 0.0, new, old)
        share = self._set.replay
        mixed = (1 - share) * (new or 0.0) + share * (old or 0.0)
        return ValidationPoint(step, mixed, new, old)

    def _map(self, images: Sequence[ValidationImage]) -> float | None:
        """None without an object."""
        if not _has_objects(images):
            return None
        matches = Accumulator.create()
        for start in range(0, len(images), _BATCH):
            self._in_between()
            batch = images[start : start + _BATCH]
            ids = np.arange(start, start + len(batch))
            found = detect(self._serving, [image.encoded for image in batch], ids)
            # All that the model gives counts; the evaluator's own limit is held against crowded golden images there.
            matches.add(match(ids, TruthColumns.of([image.truth for image in batch]), found, LARGEST_LIMIT))
        return matches.finish(self._num_classes).coco["AP"]


def detect(serving: Serving, encoded: Sequence[bytes], ids: np.ndarray) -> DetectionColumns:
    """What the weights that `serving` has now find.

    Args:
        serving: the functions.
        encoded: image files.
        ids: of the images.

    Raises:
        UnsoundWeightsError: boxes or scores that are no finite numbers.
    """
    found = {name: value.numpy() for name, value in serving.detect(**serving.preprocess(tf.constant(encoded))).items()}
    boxes, scores, counts = (found[f"{name}"] for name in ("detection_boxes", "detection_scores", "num_detections"))
    counted = np.arange(scores.shape[1]) < counts[:, None]
    if not (np.isfinite(scores[counted]).all() and np.isfinite(boxes[counted]).all()):
        raise UnsoundWeightsError("the model finds boxes or scores that are no finite numbers")
    classes = found["detection_classes"]
    return to_columns("the model in training", ids, len(serving.class_names), boxes, classes, scores, counts)
