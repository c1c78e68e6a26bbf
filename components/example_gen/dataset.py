"""A span or golden set in any format -> its annotations, and its images one after the other.

Nothing is decoded before `inspect_image`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from ratchet.components.example_gen.box_check import find_bad_boxes
from ratchet.components.example_gen.coco import read_coco
from ratchet.components.example_gen.cvat import read_cvat
from ratchet.components.example_gen.file_names import check_distinct, read_files
from ratchet.components.example_gen.huggingface import read_huggingface
from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.layout.detect import layout_of
from ratchet.components.example_gen.layout.foreign import foreign_cause
from ratchet.components.example_gen.layout.layouts import AS_FOUND, Layout, Reading
from ratchet.components.example_gen.layout.tree import Tree, list_tree
from ratchet.components.example_gen.openimages import read_openimages
from ratchet.components.example_gen.orientations import settled
from ratchet.components.example_gen.read_once import ReadOnce
from ratchet.components.example_gen.spans import listed, spans_in
from ratchet.components.example_gen.tfrecord_reader import read_tfrecords, record_images
from ratchet.components.example_gen.voc import read_voc
from ratchet.components.example_gen.yolo import read_yolo
from ratchet.components.imaging.orientation import UPRIGHT, stored_orientation
from ratchet.components.imaging.quality import ImageQuality, open_image, quality_of
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files, reason_of
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.exif import REFUSE, Exif
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap

SHARD_IMAGES = 64
_GOLDEN = "golden"  # what the golden set's directory is usually called

_Reader = Callable[[Tree, Layout, Reading, tuple[str, ...] | None], Labelled]
_READERS: dict[str, _Reader] = {
    "coco": read_coco,
    "voc": read_voc,
    "yolo": read_yolo,
    "tfrecord": read_tfrecords,
    "openimages": read_openimages,
    "huggingface": read_huggingface,
    "cvat": read_cvat,
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
        format: of its annotations, one of `layouts.FORMATS`.
        label_map: its classes.
        records: its images, ascending by image id.
        shards: the same records, as they are to be read.
        bad_boxes: labelled boxes that were left out, because they cannot be boxes of their image.
        mended_areas: which areas contradict their boxes and are those of the boxes; empty if none does.
        told: what was read otherwise than it stands there, sentences.
        left_out: what the delivery holds beside the data set that was read, sentences.
        exif: what is done about images whose EXIF orientation is not 1; where it is `apply`, sizes are upright.
    """

    directory: str
    format: str
    label_map: LabelMap
    records: tuple[ImageRecord, ...] = field(repr=False)
    shards: tuple[Shard, ...] = field(repr=False)
    bad_boxes: BadBoxes
    mended_areas: str = ""
    told: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    exif: Exif = REFUSE

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
    reading: Reading = AS_FOUND,
    exif: Exif = REFUSE,
) -> Source:
    """Reads the annotations of a span or golden set; its image files are not decoded.

    What was read before in this process, from local files that have not changed since, is not read again.

    Args:
        directory: where it is.
        files: the file system.
        strict: whether a box that cannot be a box of its image is an error, or is left out and counted.
        class_names: the curated list of classes in label order, for data sets that list none.
        reading: how the user says that it is to be read.
        exif: what is done about images whose EXIF orientation is not 1, as far as they are opened here, that is where
            no annotation says their size; of all others by `ingest`.

    Returns:
        Records ascending by image id, and where their images are.

    Raises:
        DataError: something is missing or contradicts itself; names file, entry, value and fix.
    """
    if not os.path.isdir(directory):
        return _read(directory, files, strict, class_names, reading, exif)
    key = (os.path.realpath(directory), strict, class_names, reading, exif)
    found = _READ.get(key, files, lambda noting: _read(directory, noting, strict, class_names, reading, exif))
    return found.at(directory)


def _read(
    directory: str, files: Files, strict: bool, class_names: tuple[str, ...] | None, reading: Reading, exif: Exif
) -> Source:
    tree = _listed(directory, files)
    layout = layout_of(tree, reading)
    try:
        labelled = _READERS[layout.form](tree, layout, reading, class_names).telling(tree.told())
    except DataError as error:
        raise DataError(foreign_cause(tree, layout) or str(error)) from error
    annotations = layout.parts[0].annotations
    source = tree.path(annotations) if layout.form == "coco" and len(layout.parts) == 1 else tree.directory
    return source_of(labelled, tree.directory, layout.form, source, strict, exif)


def _listed(directory: str, files: Files) -> Tree:
    """The files of a delivery; DataError for what is none."""
    try:
        return _listed_readable(directory, files)
    except OSError as error:  # of a directory that may not be read
        raise DataError(
            f"{error.filename or directory}: cannot be read: {reason_of(error)}; check its permissions"
        ) from error


def _listed_readable(directory: str, files: Files) -> Tree:
    if not files.isdir(directory):
        parent = os.path.dirname(directory.rstrip("/")) or "."
        spans = spans_in(parent, files) if files.isdir(parent) else {}
        golden = [_GOLDEN] if files.isdir(os.path.join(parent, _GOLDEN)) else []
        there = ", ".join([*([listed(spans)] if spans else []), *golden])
        raise DataError(f"{directory}: no such directory; {f'{parent} holds {there}' if there else 'correct the path'}")
    spans = spans_in(directory, files)
    if spans:
        raise DataError(f"{directory}: it holds {listed(spans)}: give one of them")
    return list_tree(directory, files)


def source_of(
    labelled: Labelled, directory: str, form: str, source: str, strict: bool = False, exif: Exif = REFUSE
) -> Source:
    """What one format's reader read, found sound.

    Args:
        labelled: what it read.
        directory: of the data set.
        form: of its annotations.
        source: the annotations' file or directory, for messages.
        strict: see `read_source`.
        exif: see `read_source`.

    Raises:
        DataError: it contradicts itself.
    """
    labelled = settled(labelled, exif, directory)
    check_distinct((image.file_name for image in labelled.images), directory)
    is_bad, bad_boxes = find_bad_boxes(labelled, source, strict)
    records = to_records(labelled, is_bad)
    by_id = sorted(records, key=lambda record: record.image_id)
    shards = tuple(_shards(labelled, records))
    return Source(
        *(directory, form, labelled.label_map, tuple(by_id), shards, bad_boxes),
        *(labelled.mended_areas, labelled.told, labelled.left_out, exif),
    )


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

    The stored size counts: TensorFlow does not apply EXIF orientation. What is done about one is `ingest`'s to say.

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
            f"{record.width_px}x{record.height_px}{_rotation_hint(image, encoded, record)}; correct one of them"
        )
    return quality_of(image, encoded, where)


def _rotation_hint(image: Image.Image, encoded: bytes, record: ImageRecord) -> str:
    if (image.height, image.width) != (record.width_px, record.height_px):
        return ""
    if stored_orientation(encoded) == UPRIGHT:
        return " (width and height swapped)"
    return " (swapped by an EXIF orientation, which TensorFlow ignores: data.exif: apply turns the pixels)"


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
