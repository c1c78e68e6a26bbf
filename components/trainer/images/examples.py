"""What ExampleGen wrote, as the Trainer reads it."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

from components.trainer.images.batches import Span
from components.trainer.lineage import read_earlier
from components.trainer.model.data_fit import BoxShapes
from schemas.artifacts.training_record import TrainedData
from schemas.base.artifact_places import to_record
from schemas.data import features
from schemas.data.dataset import DATASET_FILE, TRAIN_SPLIT, DataSetInfo
from schemas.data.records import ImageRecord, record_from_json


@dataclass(frozen=True)
class Examples:
    """An Examples artifact.

    Attributes:
        uri: its directory.
        info: its `dataset.json`.
    """

    uri: str
    info: DataSetInfo

    @classmethod
    def open(cls, uri: str) -> Examples:
        """Reads what it says of itself."""
        with fileio.open(f"{uri}/{DATASET_FILE}") as file:
            return cls(uri, DataSetInfo.from_json(file.read()))

    @classmethod
    def reopen(cls, data: TrainedData, artifacts: str | None) -> Examples:
        """The examples that an earlier model was trained on.

        Args:
            data: what its training record says of them.
            artifacts: the artifacts directory of the pipeline root; None: there is none.

        Raises:
            ConfigError: they are gone, or others have taken their place.
        """
        return cls(*read_earlier(data, fileio, artifacts))

    def trained_data(self, artifacts: str | None) -> TrainedData:
        """Its identity in a training record, its place relative to the artifacts directory if it lies in there."""
        info, place = self.info, to_record(self.uri, artifacts)
        return TrainedData(info.span, info.version, info.digest, info.images[TRAIN_SPLIT], info.class_names, place)

    def span(self, split: str, class_names: tuple[str, ...]) -> Span:
        """One split, its labels as positions in `class_names`, which must hold all of its classes."""
        labels = [class_names.index(name) + 1 for name in self.info.class_names]
        return Span(tuple(self._files(split)), self.info.images[split], (0, *labels))

    def records(self, split: str) -> Iterator[ImageRecord]:
        """The annotations of all images of a split; no image is decoded."""
        key = {features.RECORD: tf.io.FixedLenFeature([], tf.string)}
        rows = tf.data.TFRecordDataset(self._files(split)).batch(256)
        for batch in rows.map(lambda serialized: tf.io.parse_example(serialized, key)[features.RECORD]).prefetch(1):
            yield from map(record_from_json, batch.numpy())

    def _files(self, split: str) -> list[str]:
        return sorted(map(str, fileio.glob(f"{self.uri}/Split-{split}/*")))


def count_boxes(records: list[ImageRecord], class_names: tuple[str, ...]) -> dict[str, int]:
    """Boxes by class name."""
    counts = collections.Counter(label for record in records for label in record.truth.labels.tolist())
    return {name: counts[label] for label, name in enumerate(class_names, start=1)}


def box_shapes(records: list[ImageRecord]) -> BoxShapes:
    """The sizes that input size and anchors are derived from; crowds have no shape of their own."""
    boxes = [record.truth.boxes_xywh_px[~record.truth.is_crowd] for record in records]
    return BoxShapes(
        image_sizes_px=np.array([(record.height_px, record.width_px) for record in records], np.float64),
        box_sizes_px=np.concatenate([np.empty((0, 2)), *(part[:, [3, 2]] for part in boxes)]),
        image_of_box=np.repeat(np.arange(len(records)), [len(part) for part in boxes]),
    )
