"""A span or golden set in any of four formats -> its annotations, and its images one after the other.

Nothing is decoded before `inspect_image`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from ratchet.components.example_gen import coco, voc, yolo
from ratchet.components.example_gen.box_check import find_bad_boxes
from ratchet.components.example_gen.file_names import check_distinct, read_files
from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.read_once import ReadOnce
from ratchet.components.example_gen.spans import listed, marks_in, spans_in
from ratchet.components.example_gen.tfrecord_reader import read_tfrecords, record_images
from ratchet.components.imaging.quality import ImageQuality, open_image, quality_of
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap

SHARD_IMAGES = 64
_EXIF_ORIENTATION = 0x0112

_READERS: dict[str, Callable[[str, Files, tuple[str, ...] | None], Labelled]] = {
    "coco": coco.read_coco,
    "voc": voc.read_voc,
    "yolo": yolo.read_yolo,
    "tfrecord": read_tfrecords,
}


@dataclass(frozen=True)
class Shard:
    """Images that are read one after the other.

    Attributes:
        records: their annotations.
        paths: their files; or, for images inside a TFRecord file, that file and nothing else.
        positions: places of the records in the TFRecord file, from 0, ascending; empty for image files.
    """

    records: tuple[ImageRecord, ...]
    paths: tuple[str, ...]
    positions: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each image's file in a message."""
        return tuple(f"{self.paths[0]}, record {place}" for place in self.positions) or self.paths


@dataclass(frozen=True)
class Source:
    """A data set's annotations, found sound.

    Attributes:
        directory: where it was read.
        format: `coco`, `voc`, `yolo` or `tfrecord`.
        label_map: its classes.
        records: its images, ascending by image id.
        shards: the same records, as they are to be read.
        bad_boxes: labelled boxes that were left out, because they cannot be boxes of their image.
        mended_areas: which areas contradict their boxes and are those of the boxes; empty if none does.
    """

    directory: str
    format: str
    label_map: LabelMap
    records: tuple[ImageRecord, ...] = field(repr=False)
    shards: tuple[Shard, ...] = field(repr=False)
    bad_boxes: BadBoxes
    mended_areas: str = ""

    def at(self, directory: str) -> Source:
        """The same data set under another name of its directory."""
        if directory == self.directory:
            return self
        start = len(self.directory)

        def renamed(path: str) -> str:
            return os.path.join(directory, path[start:].lstrip("/"))

        shards = tuple(replace(shard, paths=tuple(map(renamed, shard.paths))) for shard in self.shards)
        return replace(self, directory=directory, shards=shards)


_READ: ReadOnce[Source] = ReadOnce(2)  # span and golden set


def read_source(
    directory: str,
    files: Files = LOCAL_FILES,
    strict: bool = False,
    class_names: tuple[str, ...] | None = None,
    form: str | None = None,
) -> Source:
    """Reads the annotations of a span or golden set; its image files are not decoded.

    What was read before in this process, from local files that have not changed since, is not read again.

    Args:
        directory: where it is.
        files: the file system.
        strict: whether a box that cannot be a box of its image is an error, or is left out and counted.
        class_names: the curated list of classes in label order, for data sets that list none.
        form: `coco`, `voc`, `yolo` or `tfrecord`; None for what the directory holds.

    Returns:
        Records ascending by image id, and where their images are.

    Raises:
        DataError: something is missing or contradicts itself; names file, entry, value and fix.
    """
    if not os.path.isdir(directory):
        return _read(directory, files, strict, class_names, form)
    key = (os.path.realpath(directory), strict, class_names, form)
    return _READ.get(key, files, lambda noting: _read(directory, noting, strict, class_names, form)).at(directory)


def _read(directory: str, files: Files, strict: bool, class_names: tuple[str, ...] | None, form: str | None) -> Source:
    form = form or _recognise(directory, files)
    labelled = _READERS[form](directory, files, class_names)
    source = os.path.join(directory, coco.ANNOTATIONS) if form == "coco" else directory
    return source_of(labelled, directory, form, source, strict)


def source_of(labelled: Labelled, directory: str, form: str, source: str, strict: bool = False) -> Source:
    """What one format's reader read, found sound.

    Args:
        labelled: what it read.
        directory: of the data set.
        form: `coco`, `voc`, `yolo` or `tfrecord`.
        source: the annotations' file or directory, for messages.
        strict: see `read_source`.

    Raises:
        DataError: it contradicts itself.
    """
    check_distinct((image.file_name for image in labelled.images), directory)
    is_bad, bad_boxes = find_bad_boxes(labelled, source, strict)
    records = to_records(labelled, is_bad)
    by_id = sorted(records, key=lambda record: record.image_id)
    shards = tuple(_shards(labelled, records))
    return Source(directory, form, labelled.label_map, tuple(by_id), shards, bad_boxes, labelled.mended_areas)


def encoded_images(shard: Shard, files: Files = LOCAL_FILES) -> Iterator[tuple[ImageRecord, bytes | DataError]]:
    """Reads the images of a shard in order, of `OBJECT_FILES` a bounded number ahead; none is kept.

    Args:
        shard: which.
        files: the file system.

    Yields:
        Each record with the content of its file, or with what is wrong with that.
    """
    if not shard.positions:
        wheres = [f"{path} (image {record.image_id})" for record, path in zip(shard.records, shard.paths)]
        yield from zip(shard.records, read_files(shard.paths, files, wheres))
        return
    left = iter(shard.records)
    try:
        for encoded in record_images(shard.paths[0], shard.positions, files):
            yield next(left), encoded
    except DataError as error:
        for record in left:
            yield record, error


def inspect_image(encoded: bytes, record: ImageRecord, source: str) -> ImageQuality:
    """Makes sure that a file is the image which the record describes, and measures it; decodes it once.

    The stored size counts: TensorFlow does not apply EXIF orientation, so neither may the annotation.

    Args:
        encoded: the content of the file.
        record: its annotation.
        source: the path of the file, for messages.

    Raises:
        DataError: not a JPEG or PNG, too many pixels, another size than annotated, truncated or damaged.
    """
    where = f"{source} (image {record.image_id})"
    image = open_image(io.BytesIO(encoded), where)
    if image.size != (record.width_px, record.height_px):
        raise DataError(
            f"{where}: the file has {image.width}x{image.height} px, the annotation says "
            f"{record.width_px}x{record.height_px}{_rotation_hint(image, record)}; correct one of them"
        )
    return quality_of(image, encoded, where)


def _rotation_hint(image: Image.Image, record: ImageRecord) -> str:
    if (image.height, image.width) != (record.width_px, record.height_px):
        return ""
    if image.getexif().get(_EXIF_ORIENTATION, 1) == 1:
        return " (width and height swapped)"
    return " (width and height swapped by an EXIF orientation, which TensorFlow ignores: store the pixels rotated)"


def to_records(labelled: Labelled, is_bad: np.ndarray) -> list[ImageRecord]:
    """Makes the records of annotations.

    Args:
        labelled: the annotations.
        is_bad: [n] bool, the boxes to leave out.

    Returns:
        One record an image, in the order of `labelled.images`; its objects in the order they were given.
    """
    objects, sound = labelled.objects, np.flatnonzero(~is_bad)
    order = sound[np.argsort(objects.image[sound], kind="stable")]
    ends = np.searchsorted(objects.image[order], np.arange(len(labelled.images)), side="right")
    records, start = [], 0
    for image, end in zip(labelled.images, ends):
        own = order[start:end]
        truth = GroundTruth(
            objects.boxes_xywh_px[own], objects.labels[own], objects.area_px2[own], objects.is_crowd[own]
        )
        records.append(ImageRecord(*image[:4], truth, image.attributes))
        start = end
    return records


def _recognise(directory: str, files: Files) -> str:
    if not files.isdir(directory):
        parent = os.path.dirname(directory.rstrip("/")) or "."
        spans = spans_in(parent, files) if files.isdir(parent) else {}
        raise DataError(
            f"{directory}: no such directory; {f'{parent} holds {listed(spans)}' if spans else 'correct the path'}"
        )
    marks = marks_in(directory, files)
    if len(marks) > 1:
        told = " and ".join(f"{mark} ({form})" for form, mark in marks.items())
        raise DataError(f"{directory}: it holds {told}: two deliveries in one; keep one of them")
    if not marks:
        spans = spans_in(directory, files)
        raise DataError(
            f"{directory}: no {coco.ANNOTATIONS} (COCO), {voc.ANNOTATIONS}/ (VOC), {yolo.LABELS}/ (YOLO) or *.tfrecord "
            f"in it; {f'it holds {listed(spans)}: give one of them' if spans else 'put the annotations there'}"
        )
    return next(iter(marks))


def _shards(labelled: Labelled, records: list[ImageRecord]) -> Iterator[Shard]:
    if not labelled.records:
        records = sorted(records, key=lambda record: record.image_id)
        for start in range(0, len(records), SHARD_IMAGES):
            part = tuple(records[start : start + SHARD_IMAGES])
            yield Shard(part, tuple(os.path.join(labelled.directory, record.file_name) for record in part))
        return
    by_file: dict[str, list[tuple[ImageRecord, int]]] = {}
    for record, (path, position) in zip(records, labelled.records):
        by_file.setdefault(path, []).append((record, position))
    for path, members in by_file.items():
        yield Shard(tuple(record for record, _ in members), (path,), tuple(position for _, position in members))
