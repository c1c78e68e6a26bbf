"""A look at some of the images that ExampleGen wrote: features, labels, and what a served model makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.detector.detections import renumbered
from components.detector.served import ServedDetector
from schemas.base.progress import Progress
from schemas.base.sampling import is_sampled
from schemas.data import features
from schemas.data.columns import DetectionColumns, TruthColumns
from schemas.data.feature_sample import FeatureSample
from schemas.data.records import ImageRecord, record_from_json

IMAGE_FEATURES = (
    features.QA_BRIGHTNESS,
    features.QA_CONTRAST,
    features.QA_SHARPNESS,
    features.QA_RED_CAST,
    features.QA_BLUE_CAST,
    features.QA_LOG_FILE_SIZE,
)
COUNT_FEATURES = (features.QA_NUM_BOXES, features.QA_NUM_CROWD, features.QA_NUM_TRUNCATED)
OBJECT_FEATURES = (
    features.QA_BOX_LOG_AREA,
    features.QA_BOX_LOG_ASPECT,
    features.QA_BOX_CENTER_X,
    features.QA_BOX_CENTER_Y,
)
_BATCH = 16
_PURPOSE = "look"  # of the sample; another word would sample other images


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen.

    Attributes:
        records: annotations of the images, in the order of their file names.
        sample: their features.
        truth: their labels.
        found: what the model found in them, all scores; empty without one, or if it was not asked.
    """

    records: tuple[ImageRecord, ...]
    sample: FeatureSample
    truth: TruthColumns
    found: DetectionColumns


def look_at(
    files: Sequence[str],
    images: int,
    limit: int,
    detector: ServedDetector | None,
    num_classes: int,
    title: str,
    detect: bool = True,
    numbers: np.ndarray | None = None,
) -> Look:
    """Looks at a fixed sample of images.

    Args:
        files: TFRecord files of tf.Examples.
        images: how many they hold.
        limit: about how many to look at.
        detector: the served model; None: only features and labels are read.
        num_classes: K of the model's label map.
        title: of the progress.
        detect: whether the model is asked for detections; embeddings it gives in any case.
        numbers: [K + 1] of `renumbering`, for detections in another label map than the model's own.
    """
    share = min(1.0, limit / max(1, images))
    rows = sorted(_sampled(files, share), key=lambda row: row.record.file_name)
    progress = Progress(title, len(rows))
    embeddings: list[np.ndarray] = [np.empty((0, detector.embedding_size if detector else 0), np.float32)]
    found: list[DetectionColumns] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        if detector is not None:
            prepared = detector.preprocess([row.encoded for row in batch])
            embeddings.append(detector.embed(prepared))
            if detect:
                ids = np.array([row.record.image_id for row in batch])
                detections = detector.detect(prepared, ids, num_classes)
                found.append(detections if numbers is None else renumbered(detections, numbers))
            progress.update(start + len(batch))
    records = tuple(row.record for row in rows)
    return Look(
        records=records,
        sample=_sample(rows, np.concatenate(embeddings) if detector else np.empty((len(rows), 0))),
        truth=TruthColumns.of([record.truth for record in records]),
        found=DetectionColumns.join(found, [_BATCH] * len(found)),
    )


class _Row(NamedTuple):
    """One tf.Example, as far as it is of interest here."""

    record: ImageRecord
    encoded: bytes
    figures: dict[str, list[float]]


def _sampled(files: Sequence[str], share: float) -> Iterator[_Row]:
    for serialized in tf.data.TFRecordDataset(list(files)).as_numpy_iterator():
        values = tf.train.Example.FromString(serialized).features.feature
        record = record_from_json(values[features.RECORD].bytes_list.value[0])
        if is_sampled(record.file_name, share, _PURPOSE):
            figures = {key: list(values[key].float_list.value) for key in (*IMAGE_FEATURES, *OBJECT_FEATURES)}
            figures |= {key: list(map(float, values[key].int64_list.value)) for key in COUNT_FEATURES}
            yield _Row(record, values[features.IMAGE_ENCODED].bytes_list.value[0], figures)


def _sample(rows: Sequence[_Row], embeddings: np.ndarray) -> FeatureSample:
    counts = np.array([len(row.record.truth.labels) for row in rows], np.int64)
    return FeatureSample(
        images={key: np.array([row.figures[key][0] for row in rows]) for key in (*IMAGE_FEATURES, *COUNT_FEATURES)},
        objects={
            key: np.array([value for row in rows for value in row.figures[key]], np.float64) for key in OBJECT_FEATURES
        },
        labels=np.concatenate([np.empty(0, np.int64), *(row.record.truth.labels for row in rows)]),
        box_counts=counts,
        embeddings=embeddings.astype(np.float32),
    )


def images_of(files: Sequence[str], names: Collection[str]) -> dict[str, tuple[ImageRecord, bytes]]:
    """Some images by file name, with their annotations."""
    if not names:
        return {}
    return {
        row.record.file_name: (row.record, row.encoded) for row in _sampled(files, 1.0) if row.record.file_name in names
    }


def names_of(files: Sequence[str], image_ids: Collection[int]) -> dict[int, str]:
    """File names of some images."""
    if not image_ids:
        return {}
    rows = (row.record for row in _sampled(files, 1.0))
    return {record.image_id: record.file_name for record in rows if record.image_id in image_ids}
