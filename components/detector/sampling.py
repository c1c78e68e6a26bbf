"""A sample of the images that ExampleGen wrote: features, labels, and what a served model makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ratchet.components.detector.detections import Seen, renumbered
from ratchet.components.detector.kept_images import KeptImages
from ratchet.components.detector.served import ServedDetector
from ratchet.components.detector.stored_examples import ReadRecords, StoredExample, read_records, stored_examples
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.base.sampling import is_sampled
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.features import COUNT_FEATURES, IMAGE_FEATURES, OBJECT_FEATURES
from ratchet.schemas.data.records import ImageRecord

BATCH = 16  # images that the model sees together
_PURPOSE = "look"  # another word would take other images


@dataclass(frozen=True, eq=False)
class Look:
    """Which images of a data set are looked at, and by what.

    Attributes:
        title: of the progress.
        examples: the data set.
        splits: of it.
        limit: about how many images to take, always the same; 0: none, there is only something to keep.
        detector: the served model; None: only features and labels are read.
        num_classes: K of the model's label map; 0: it is asked for embeddings alone.
        numbers: [K + 1] of `renumbering`, for detections in another label map than the model's own.
        kept: takes the images of the sample, and whatever else it was asked for.
        most: only so many images are read, the first ones; None: all.
    """

    title: str
    examples: ExamplesArtifact
    splits: tuple[str, ...]
    limit: int
    detector: ServedDetector | None = None
    num_classes: int = 0
    numbers: np.ndarray | None = None
    kept: KeptImages = field(default_factory=KeptImages)
    most: int | None = None

    @property
    def share(self) -> float:
        """The share of the images that is taken."""
        images = sum(self.examples.info.images.get(split, 0) for split in self.splits)
        return min(1.0, self.limit / max(1, images if self.most is None else min(images, self.most)))


@dataclass(frozen=True, eq=False)
class ImageSample:
    """Some images of a data set.

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


class Row(NamedTuple):
    """An image of the sample, as far as it stays in memory."""

    record: ImageRecord
    figures: dict[str, list[float]]


def sample_images(look: Look, read: ReadRecords = read_records) -> ImageSample:
    """Reads the splits once, and takes a fixed sample of their images.

    Args:
        look: what is wanted.
        read: reads TFRecord files.

    Raises:
        StateError: the data set is not what ExampleGen wrote, or the model cannot be used.
    """
    rows = take_rows(look, stored_examples(look.examples, *look.splits, read=read, most=look.most))
    seen: list[Seen] = []
    if look.detector is not None:
        progress = Progress(look.title, len(rows))
        encoded = (look.kept[row.record.file_name][1] for row in rows)
        for start in range(0, len(rows), BATCH):
            image_ids = [row.record.image_id for row in rows[start : start + BATCH]]
            files = list(itertools.islice(encoded, len(image_ids)))
            seen.append(shown_to(look.detector, image_ids, files, look.num_classes))
            progress.update(start + len(image_ids))
    return joined(look, rows, seen)


def is_chosen(file_name: str, share: float) -> bool:
    """Whether an image belongs to a sample of a share of all images."""
    return is_sampled(file_name, share, _PURPOSE)


def take_rows(look: Look, examples: Iterable[StoredExample]) -> list[Row]:
    """The images of the sample, in the order of their file names; `look.kept` is offered each image."""
    rows = []
    for example in examples:
        chosen = is_chosen(example.record.file_name, look.share)
        look.kept.offer(example.record, example.encoded, keep=chosen)
        if chosen:
            rows.append(Row(example.record, _figures(example.values)))
    return sorted(rows, key=lambda row: row.record.file_name)


def shown_to(detector: ServedDetector, image_ids: Sequence[int], encoded: Sequence[bytes], num_classes: int) -> Seen:
    """Shows a model at most BATCH image files.

    Args:
        detector: the model.
        image_ids: for messages.
        encoded: the files.
        num_classes: as in `Look`.

    Raises:
        StateError: what it returns is no detection.
    """
    prepared = detector.preprocess(encoded)
    if not num_classes:
        return Seen(detector.embed(prepared), DetectionColumns.of([]))
    found, embeddings = detector.look(prepared, np.array(image_ids), num_classes)
    return Seen(embeddings, found)


def joined(look: Look, rows: Sequence[Row], seen: Sequence[Seen]) -> ImageSample:
    """The sample of some images.

    Args:
        look: what was wanted.
        rows: the images, in the order of their file names.
        seen: what the model made of each BATCH of them, in that order; none without a model.
    """
    records = tuple(row.record for row in rows)
    size = look.detector.embedding_size if look.detector is not None else 0
    empty = np.empty((0 if look.detector is not None else len(rows), size), np.float32)
    found = DetectionColumns.join([each.found for each in seen], [BATCH] * len(seen))
    return ImageSample(
        records=records,
        sample=_features(rows, np.concatenate([empty, *(each.embeddings for each in seen)])),
        truth=TruthColumns.of([record.truth for record in records]),
        found=found if look.numbers is None else renumbered(found, look.numbers),
    )


def _figures(values: Mapping[str, tf.train.Feature]) -> dict[str, list[float]]:
    figures = {key: list(values[key].float_list.value) for key in (*IMAGE_FEATURES, *OBJECT_FEATURES)}
    return figures | {key: list(map(float, values[key].int64_list.value)) for key in COUNT_FEATURES}


def _features(rows: Sequence[Row], embeddings: np.ndarray) -> FeatureSample:
    counts = np.array([len(row.record.truth.labels) for row in rows], np.int64)
    return FeatureSample(
        images={key: _one_each([row.figures[key] for row in rows]) for key in (*IMAGE_FEATURES, *COUNT_FEATURES)},
        objects={
            key: np.array([value for row in rows for value in row.figures[key]], np.float64) for key in OBJECT_FEATURES
        },
        labels=np.concatenate([np.empty(0, np.int64), *(row.record.truth.labels for row in rows)]),
        box_counts=counts,
        embeddings=embeddings.astype(np.float32),
    )


def _one_each(values: Sequence[Sequence[float]]) -> np.ndarray:
    """[n]; NaN for an image that has none, as an older span has none of a newer measure."""
    return np.array([each[0] if each else np.nan for each in values], np.float64)
