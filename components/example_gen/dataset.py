"""A span or golden set in any of four formats -> its annotations, and its images one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from components.example_gen import coco, voc, yolo
from components.example_gen.box_check import find_bad_boxes
from components.example_gen.file_names import check_distinct, read_file
from components.example_gen.formats import marks_in
from components.example_gen.labelled import Labelled
from components.example_gen.source import Shard, Source
from components.example_gen.spans import FoundSpan, find_span, listed, spans_in
from components.example_gen.splits import split_of, splits_of
from components.example_gen.tfrecord_reader import read_tfrecords, record_images
from schemas.base.errors import DataError
from schemas.base.files import LOCAL_FILES, Files
from schemas.data.records import GroundTruth, ImageRecord

__all__ = ["FoundSpan", "encoded_images", "find_span", "read_source", "split_of", "splits_of"]

SHARD_IMAGES = 64

_READERS: dict[str, Callable[[str, Files, tuple[str, ...] | None], Labelled]] = {
    "coco": coco.read_coco,
    "voc": voc.read_voc,
    "yolo": yolo.read_yolo,
    "tfrecord": read_tfrecords,
}


def read_source(
    directory: str,
    files: Files = LOCAL_FILES,
    strict: bool = False,
    class_names: tuple[str, ...] | None = None,
    form: str | None = None,
) -> Source:
    """Reads the annotations of a span or golden set; its image files are not decoded.

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
    form = form or _recognise(directory, files)
    labelled = _READERS[form](directory, files, class_names)
    check_distinct((image.file_name for image in labelled.images), directory)
    source = os.path.join(directory, coco.ANNOTATIONS) if form == "coco" else directory
    is_bad, bad_boxes = find_bad_boxes(labelled, source, strict)
    records = to_records(labelled, is_bad)
    by_id = sorted(records, key=lambda record: record.image_id)
    return Source(directory, form, labelled.label_map, tuple(by_id), tuple(_shards(labelled, records)), bad_boxes)


def encoded_images(shard: Shard, files: Files = LOCAL_FILES) -> Iterator[tuple[ImageRecord, bytes | DataError]]:
    """Reads the images of a shard one after the other; none is kept.

    Args:
        shard: which.
        files: the file system.

    Yields:
        Each record with the content of its file, or with what is wrong with that.
    """
    if not shard.positions:
        for record, path in zip(shard.records, shard.paths):
            try:
                yield record, read_file(path, files, f"{path} (image {record.image_id})")
            except DataError as error:
                yield record, error
        return
    left = iter(shard.records)
    try:
        for encoded in record_images(shard.paths[0], shard.positions, files):
            yield next(left), encoded
    except DataError as error:
        for record in left:
            yield record, error


def to_records(labelled: Labelled, is_bad: np.ndarray) -> list[ImageRecord]:
    """Makes the records of annotations.

    Args:
        labelled: the annotations.
        is_bad: [n] bool, the boxes to leave out.

    Returns:
        One record an image, in the order of `labelled.images`; its objects in the order they were given.
    """
    kept = [box for box, bad in zip(labelled.boxes, is_bad) if not bad]
    owners = np.array([box.image for box in kept], np.int64)
    boxes = np.array([box.box_xywh_px for box in kept], np.float64).reshape(-1, 4)
    areas = np.array([np.nan if box.area_px2 is None else box.area_px2 for box in kept], np.float64)
    areas = np.where(np.isnan(areas), boxes[:, 2] * boxes[:, 3], areas)
    labels = np.array([box.label for box in kept], np.int64)
    crowds = np.array([box.is_crowd for box in kept], np.bool_)
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(len(labelled.images)), side="right")
    records, start = [], 0
    for image, end in zip(labelled.images, ends):
        own = order[start:end]
        truth = GroundTruth(boxes[own], labels[own], areas[own], crowds[own])
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
