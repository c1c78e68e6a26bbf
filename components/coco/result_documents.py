"""One JSON file of detections -> rows -> columns, a Python object a number, so that what is wrong is named; pure.

Image and category are meant as `image_keys.py` and `category_ids.py` say.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

import numpy as np

from ratchet.components.coco.category_ids import counted_otherwise
from ratchet.components.coco.entries import Entries, refuse
from ratchet.components.coco.image_keys import UNKNOWN, ImageKeys, Key, Reading
from ratchet.components.coco.per_image import is_one_image, is_per_image, read_one_image, read_per_image
from ratchet.components.coco.reading import CocoAnnotations, load_coco, nearest, read_bytes, refuse_unlikely
from ratchet.components.coco.result_rows import ResultRows, in_terms_of_names
from ratchet.schemas.base.checked_json import kind, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import LabelMap

OTHER_FILE = "correct it or give the matching file"
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_document(path: str | PathLike[str], truth: CocoAnnotations, name: str = "") -> ResultRows:
    """Reads a JSON file of detections.

    Args:
        path: of the file.
        truth: what the detections are of.
        name: the file's name for the image that it is of, should it be of one and not say which; empty for its stem.

    Raises:
        DataError: it cannot be read, or an entry breaks a rule.
    """
    source, content = str(path), read_bytes(path)
    if content.startswith(_PICKLES):
        raise DataError(
            f"{source}: is a pickle or zip archive, as torch.save writes it, and is not opened, since that runs what is"
            " in it; write JSON instead, docs/evaluation.md shows the three lines"
        )
    document = load_coco(content, source)
    if isinstance(document, dict) and _is_of_images(document.get("predictions")):
        document = document["predictions"]
    if document == {}:  # no image has a detection
        document = []
    if isinstance(document, dict) and is_one_image(document):
        stem = name or os.path.splitext(os.path.basename(source))[0]
        return read_one_image(document, stem, source, truth.label_map.category_ids)
    if is_per_image(document):
        return read_per_image(document, source)
    key, entries = _list_of(document, source)
    rows = _rows_of(Entries(entries, key, source, dict(zip(truth.ids, truth.file_names))))
    return in_terms_of_names(rows, document, truth.label_map) if isinstance(document, dict) else rows


def _is_of_images(predictions: Any) -> bool:
    return predictions == {} or is_per_image(predictions)


def _list_of(document: Any, source: str) -> tuple[str, list[Any]]:
    """The list of detections in a document, and what to call it."""
    if isinstance(document, list):
        return "detections", document
    if isinstance(document, dict) and isinstance(document.get("predictions"), list):
        return "predictions", document["predictions"]
    if isinstance(document, dict) and _are_results(document.get("annotations")):
        return "annotations", document["annotations"]
    is_truth = isinstance(document, dict) and "annotations" in document
    hint = " with annotations, which looks like a ground truth file" if is_truth else ""
    raise DataError(
        f"{source}: expected a JSON list of detections, got {kind(document)}{hint}; give a COCO results file: "
        '[{"image_id": .., "category_id": .., "bbox": [x, y, width, height], "score": ..}, ..], or another one that '
        "docs/evaluation.md lists"
    )


def _are_results(entries: Any) -> bool:
    return isinstance(entries, list) and any(isinstance(entry, dict) and "score" in entry for entry in entries)


def _rows_of(entries: Entries) -> ResultRows:
    scores = entries.numbers("score")
    keys = entries.keys("image_id")
    category_ids, boxes = entries.lenient_integers("category_id"), entries.boxes("bbox")
    entries.refuse_negative_sizes("bbox", boxes)
    return ResultRows(
        keys=keys,
        file_names=entries.texts_of_all("file_name"),
        category_ids=category_ids,
        boxes_xywh_px=boxes,
        scores=scores,
        names=("image_id", "category_id", "bbox"),
        source=entries.source,
        place=entries.place,
    )


def columns_of(
    rows: ResultRows, truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None
) -> DetectionColumns:
    """The detections of rows.

    Args:
        rows: of a file or of several.
        truth: what they are of.
        images: its images.
        preferred: what image ids are where they can be ids as well as names of files.

    Raises:
        DataError: unknown images or categories, two readings, or boxes in another format than COCO's.
    """
    if rows.names_of_files and any(truth.file_names):
        preferred = preferred or "file-name"
    image, labels = _images_of(rows, images, truth, preferred), _labels_of(rows, truth.label_map)
    refuse_unlikely(rows.source, rows.place, rows.boxes_xywh_px, truth.sizes_px[image], rows.are_corners)
    return DetectionColumns(image, rows.boxes_xywh_px, labels, rows.scores)


def _images_of(rows: ResultRows, images: ImageKeys, truth: CocoAnnotations, preferred: Reading | None) -> np.ndarray:
    number: dict[tuple[Key, str], int] = {}
    names = rows.file_names or [""] * len(rows.keys)
    of_row = np.array([number.setdefault(pair, len(number)) for pair in zip(rows.keys, names)], np.int64)
    places = images.find(
        [key for key, _ in number],
        [name for _, name in number] if rows.file_names else None,
        rows.source,
        preferred,
    )
    image = places[of_row]
    refuse(
        rows.source,
        rows.place,
        image == UNKNOWN,
        lambda row: f"{rows.names[0]} {images.unknown(rows.keys[row])}; {OTHER_FILE}",
    )
    return image


def _labels_of(rows: ResultRows, label_map: LabelMap) -> np.ndarray:
    """[n] int64, 1..K; DataError for categories that there are not."""
    known = np.array(label_map.category_ids, np.int64)
    places = nearest(rows.category_ids, known)
    is_unknown = known[places] != rows.category_ids
    if is_unknown.any() and (counted := counted_otherwise(np.unique(rows.category_ids), known)):
        raise DataError(f"{rows.source}: {counted}")
    refuse(
        rows.source,
        rows.place,
        is_unknown,
        lambda row: (
            f"{rows.names[1]} {rows.category_ids[row]} is not among the {len(known)} categories, whose ids are "
            f"{shown(known[:7].tolist())}; {OTHER_FILE}"
        ),
    )
    return places + 1
