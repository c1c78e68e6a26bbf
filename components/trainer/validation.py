"""mAP on the held-out part of the training spans, by the very functions that are exported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from components.detector.detections import to_columns
from components.detector.served import read_images
from components.metrics.accumulator import Accumulator
from components.metrics.coco_rules import LARGEST_LIMIT
from components.metrics.matching import match
from components.trainer.images.batches import Span
from components.trainer.serving import Serving
from schemas.artifacts.training_record import ValidationPoint
from schemas.base.sampling import is_sampled
from schemas.data.columns import DetectionColumns, TruthColumns
from schemas.data.records import GroundTruth, record_from_json

_BATCH = 16


@dataclass(frozen=True)
class HeldOutImage:
    """An image that is not trained on.

    Attributes:
        encoded: its file.
        truth: its objects, labels as the model counts them.
    """

    encoded: bytes
    truth: GroundTruth


@dataclass(frozen=True)
class HeldOut:
    """The held-out images; `old` is empty where no earlier span is replayed."""

    new: tuple[HeldOutImage, ...]
    old: tuple[HeldOutImage, ...]
    replay: float

    def sufficient(self, min_images: int) -> bool:
        """Whether a choice between checkpoints would be more than chance."""
        parts = [self.new, self.old] if self.replay else [self.new]
        return all(len(part) >= min_images and any(len(image.truth.labels) for image in part) for part in parts)


def read_held_out(spans: Sequence[Span], max_images: int) -> tuple[HeldOutImage, ...]:
    """A fixed sample of the spans' images.

    Args:
        spans: of their evaluation splits.
        max_images: about how many at most.
    """
    share = max_images / max(1, sum(span.images for span in spans))
    return tuple(image for span in spans for image in _sample(span, share))


def _sample(span: Span, share: float) -> Iterable[HeldOutImage]:
    if not span.images:
        return
    labels = np.array(span.labels)
    for batch in read_images(span.files, _BATCH):
        for serialized, encoded in batch:
            record = record_from_json(serialized)
            if is_sampled(record.file_name, share, "validation"):
                truth = record.truth
                yield HeldOutImage(
                    encoded, GroundTruth(truth.boxes_xywh_px, labels[truth.labels], truth.area_px2, truth.is_crowd)
                )


class Validator:
    """Measures a model while it is trained.

    Args:
        serving: the functions that will be exported.
        held_out: the images.
    """

    def __init__(self, serving: Serving, held_out: HeldOut) -> None:
        self._serving = serving
        self._held_out = held_out
        self._num_classes = len(serving.class_names)

    def __call__(self, step: int) -> ValidationPoint:
        """The mAP of the weights that `serving` has now; `step` is only noted."""
        new = self._map(self._held_out.new)
        if not self._held_out.replay:
            return ValidationPoint(step, new, new, None)
        old, replay = self._map(self._held_out.old), self._held_out.replay
        return ValidationPoint(step, (1 - replay) * new + replay * old, new, old)

    def _map(self, images: Sequence[HeldOutImage]) -> float:
        matches = Accumulator.create()
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            ids = np.arange(start, start + len(batch))
            truth = TruthColumns.of([image.truth for image in batch])
            # All that the model gives counts; the evaluator's own limit is held against crowded golden images there.
            matches.add(match(ids, truth, self._detect(batch, ids), LARGEST_LIMIT))
        return matches.finish(self._num_classes).coco["AP"]

    def _detect(self, batch: Sequence[HeldOutImage], ids: np.ndarray) -> DetectionColumns:
        prepared = self._serving.preprocess(tf.constant([image.encoded for image in batch]))
        found = self._serving.detect(**prepared)
        keys = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
        return to_columns("the model in training", ids, self._num_classes, *(found[key].numpy() for key in keys))
