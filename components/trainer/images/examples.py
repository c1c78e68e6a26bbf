"""What ExampleGen wrote, as the Trainer reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ratchet.components.detector.served import unreadable
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
    """Goes over the annotations of the training split once; no image is decoded.

    Raises:
        StateError: its TFRecord files are not what ExampleGen wrote, so that nothing else need count again.
    """
    counts: Counter[int] = Counter()
    image_sizes: list[tuple[int, int]] = []
    box_sizes: list[np.ndarray] = [np.empty((0, 2))]
    for record in _records(examples, TRAIN_SPLIT):
        counts.update(record.truth.labels.tolist())
        image_sizes.append((record.height_px, record.width_px))
        box_sizes.append(record.truth.boxes_xywh_px[~record.truth.is_crowd][:, [3, 2]])
    examples.check_read(TRAIN_SPLIT, len(image_sizes))
    return LabelStatistics(
        boxes={name: counts[label] for label, name in enumerate(examples.info.class_names, start=1)},
        shapes=BoxShapes(
            image_sizes_px=np.array(image_sizes, np.float64),
            box_sizes_px=np.concatenate(box_sizes),
            image_of_box=np.repeat(np.arange(len(image_sizes)), [len(sizes) for sizes in box_sizes[1:]]),
        ),
    )


def _records(examples: ExamplesArtifact, split: str) -> Iterator[ImageRecord]:
    key = {features.RECORD: tf.io.FixedLenFeature([], tf.string)}
    files = examples.record_files(split)
    rows = tf.data.TFRecordDataset(files).batch(256)
    try:
        for batch in rows.map(lambda serialized: tf.io.parse_example(serialized, key)[features.RECORD]).prefetch(1):
            yield from map(record_from_json, batch.numpy())
    except tf.errors.OpError as error:
        examples.check_files(split)  # names the file that is cut off
        raise unreadable(files, error) from error
