"""What ExampleGen wrote, as the Trainer reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ratchet.components.trainer.images.batches import Span
from ratchet.components.trainer.model.data_fit import BoxShapes
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import ImageRecord, record_from_json


def span_of(examples: ExamplesArtifact, split: str, class_names: tuple[str, ...]) -> Span:
    """One split, its labels as positions in `class_names`, which must hold all of its classes."""
    labels = [class_names.index(name) + 1 for name in examples.info.class_names]
    return Span(tuple(examples.record_files(split)), examples.info.images[split], (0, *labels))


@dataclass(frozen=True)
class LabelStatistics:
    """What the training is planned by.

    Attributes:
        boxes: how many there are, by class name.
        shapes: the sizes that input size and anchors are derived from; crowds have no shape of their own.
    """

    boxes: dict[str, int]
    shapes: BoxShapes


def label_statistics(examples: ExamplesArtifact) -> LabelStatistics:
    """Goes over the annotations of the training split once; no image is decoded."""
    counts: Counter[int] = Counter()
    image_sizes: list[tuple[int, int]] = []
    box_sizes: list[np.ndarray] = [np.empty((0, 2))]
    for record in _records(examples.record_files(TRAIN_SPLIT)):
        counts.update(record.truth.labels.tolist())
        image_sizes.append((record.height_px, record.width_px))
        box_sizes.append(record.truth.boxes_xywh_px[~record.truth.is_crowd][:, [3, 2]])
    return LabelStatistics(
        boxes={name: counts[label] for label, name in enumerate(examples.info.class_names, start=1)},
        shapes=BoxShapes(
            image_sizes_px=np.array(image_sizes, np.float64),
            box_sizes_px=np.concatenate(box_sizes),
            image_of_box=np.repeat(np.arange(len(image_sizes)), [len(sizes) for sizes in box_sizes[1:]]),
        ),
    )


def _records(files: list[str]) -> Iterator[ImageRecord]:
    key = {features.RECORD: tf.io.FixedLenFeature([], tf.string)}
    rows = tf.data.TFRecordDataset(files).batch(256)
    for batch in rows.map(lambda serialized: tf.io.parse_example(serialized, key)[features.RECORD]).prefetch(1):
        yield from map(record_from_json, batch.numpy())
