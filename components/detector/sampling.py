"""A sample of the images that ExampleGen wrote: features, labels, and what a served model makes of them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import tensorflow as tf

from ratchet.components.detector.detections import renumbered
from ratchet.components.detector.served import ServedDetector, unreadable
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.base.sampling import is_sampled
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.features import COUNT_FEATURES, IMAGE_FEATURES, OBJECT_FEATURES
from ratchet.schemas.data.records import ImageRecord, record_from_json

_PURPOSE = "look"  # another word would take other images
_BATCH = 16
_READ_AT_ONCE = 8  # whole images, of many megapixels perhaps
_IN_MEMORY_BYTES = 64_000_000  # of image files; more wait on the disk

ReadRecords = Callable[[Sequence[str]], Iterable[bytes]]


def read_records(files: Sequence[str]) -> Iterable[bytes]:
    """The serialized tf.Examples of TFRecord files.

    Raises:
        StateError: a file is not there, or not whole.
    """
    # A step of tf.data's iterator takes longer than reading a record, so a step takes several.
    batches = tf.data.TFRecordDataset(list(files)).batch(_READ_AT_ONCE).as_numpy_iterator()
    try:
        yield from itertools.chain.from_iterable(cast("Iterable[Iterable[bytes]]", batches))
    except tf.errors.OpError as error:
        raise unreadable(files, error) from error


class KeptImages:
    """Images with their annotations by file name, beside memory once they are large.

    Args:
        image_ids: of images that are kept when they are read.
        file_names: of more such images.
        named: ids of images of which the file name alone is kept.
    """

    def __init__(
        self, image_ids: Collection[int] = (), file_names: Collection[str] = (), named: Collection[int] = ()
    ) -> None:
        self.names: dict[int, str] = {}  # file names by image id, of `named`
        self._image_ids, self._file_names, self._named = frozenset(image_ids), frozenset(file_names), frozenset(named)
        self._places: dict[str, tuple[ImageRecord, int, int]] = {}
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 (closed with this object)

    def __contains__(self, file_name: str) -> bool:
        return file_name in self._places

    def __getitem__(self, file_name: str) -> tuple[ImageRecord, bytes]:
        record, start, length = self._places[file_name]
        self._file.seek(start)
        return record, self._file.read(length)

    @property
    def are_all_here(self) -> bool:
        """Whether every image that was asked for was read."""
        ids = {record.image_id for record, _, _ in self._places.values()}
        return self._named <= self.names.keys() and self._image_ids <= ids and self._file_names <= self._places.keys()

    def read(self, files: Sequence[str], read: ReadRecords = read_records) -> None:
        """Goes through TFRecord files of tf.Examples for what was asked for."""
        for record, values in _examples(files, read):
            self.offer(record, values[features.IMAGE_ENCODED].bytes_list.value[0])

    def offer(self, record: ImageRecord, encoded: bytes, keep: bool = False) -> None:
        """Keeps what was asked for of an image, or all of it."""
        if record.image_id in self._named:
            self.names[record.image_id] = record.file_name
        if keep or record.image_id in self._image_ids or record.file_name in self._file_names:
            self._places[record.file_name] = (record, self._file.seek(0, 2), len(encoded))
            self._file.write(encoded)


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


def sample_images(
    files: Sequence[str],
    images: int,
    limit: int,
    detector: ServedDetector | None,
    num_classes: int,
    title: str,
    detect: bool = True,
    numbers: np.ndarray | None = None,
    kept: KeptImages | None = None,
    read: ReadRecords = read_records,
) -> ImageSample:
    """Reads a split once, and takes a fixed sample of its images.

    Args:
        files: TFRecord files of tf.Examples.
        images: how many they hold.
        limit: about how many to take.
        detector: the served model; None: only features and labels are read.
        num_classes: K of the model's label map.
        title: of the progress.
        detect: whether the model is asked for detections; embeddings it gives in any case.
        numbers: [K + 1] of `renumbering`, for detections in another label map than the model's own.
        kept: takes the images of the sample, and whatever else it was asked for.
        read: reads the files.
    """
    kept = KeptImages() if kept is None else kept
    share = min(1.0, limit / max(1, images))
    rows = []
    for record, values in _examples(files, read):
        chosen = is_sampled(record.file_name, share, _PURPOSE)
        kept.offer(record, values[features.IMAGE_ENCODED].bytes_list.value[0], keep=chosen)
        if chosen:
            rows.append(_Row(record, _figures(values)))
    rows.sort(key=lambda row: row.record.file_name)
    records = tuple(row.record for row in rows)
    embeddings, found = np.empty((len(rows), 0)), DetectionColumns.of([])
    if detector is not None:
        encoded = (kept[record.file_name][1] for record in records)
        embeddings, found = _predicted(detector, records, encoded, num_classes if detect else 0, title)
    return ImageSample(
        records=records,
        sample=_features(rows, embeddings),
        truth=TruthColumns.of([record.truth for record in records]),
        found=found if numbers is None else renumbered(found, numbers),
    )


def _predicted(
    detector: ServedDetector, records: Sequence[ImageRecord], encoded: Iterator[bytes], num_classes: int, title: str
) -> tuple[np.ndarray, DetectionColumns]:
    """Embeddings [n, d], and detections if there are classes."""
    progress = Progress(title, len(records))
    embeddings = [np.empty((0, detector.embedding_size), np.float32)]
    found = []
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        prepared = detector.preprocess(list(itertools.islice(encoded, len(batch))))
        if num_classes:
            ids = np.array([record.image_id for record in batch])
            detections, embedding = detector.look(prepared, ids, num_classes)
            found.append(detections)
        else:
            embedding = detector.embed(prepared)
        embeddings.append(embedding)
        progress.update(start + len(batch))
    return np.concatenate(embeddings), DetectionColumns.join(found, [_BATCH] * len(found))


class _Row(NamedTuple):
    """An image of the sample, as far as it stays in memory."""

    record: ImageRecord
    figures: dict[str, list[float]]


def _examples(files: Sequence[str], read: ReadRecords) -> Iterator[tuple[ImageRecord, Mapping[str, tf.train.Feature]]]:
    for serialized in read(files):
        values = tf.train.Example.FromString(serialized).features.feature
        yield record_from_json(values[features.RECORD].bytes_list.value[0]), values


def _figures(values: Mapping[str, tf.train.Feature]) -> dict[str, list[float]]:
    figures = {key: list(values[key].float_list.value) for key in (*IMAGE_FEATURES, *OBJECT_FEATURES)}
    return figures | {key: list(map(float, values[key].int64_list.value)) for key in COUNT_FEATURES}


def _features(rows: Sequence[_Row], embeddings: np.ndarray) -> FeatureSample:
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


def images_of(files: Sequence[str], names: Collection[str]) -> dict[str, tuple[ImageRecord, bytes]]:
    """Some images by file name, with their annotations."""
    kept = KeptImages(file_names=names)
    if names:
        kept.read(files)
    return {name: kept[name] for name in names if name in kept}
