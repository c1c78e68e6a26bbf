"""Detections as tools write them -> columns: COCO results and their kin; pure.

Format: https://cocodataset.org/#format-results. Besides the plain list the same list is read from an object that has it
under `annotations` or `predictions`, and so are the tensors of torchvision (`per_image.py`) and directories of texts
(`result_texts.py`). Which image and category are meant is said in `image_keys.py` and `category_ids.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from ratchet.components.coco.category_ids import counted_otherwise
from ratchet.components.coco.entries import LARGEST_PX, Entries, refuse
from ratchet.components.coco.image_keys import UNKNOWN, ImageKeys, Key, Reading
from ratchet.components.coco.per_image import is_per_image, read_per_image
from ratchet.components.coco.plain_results import PlainResults, read_plain_results
from ratchet.components.coco.reading import CocoAnnotations, load_coco, nearest, positions, read_bytes, refuse_unlikely
from ratchet.components.coco.result_rows import ResultRows, in_terms_of_names
from ratchet.components.coco.result_texts import read_result_texts
from ratchet.components.coco.wrong_format import find_wrong_format
from ratchet.schemas.base.checked_json import kind, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import refuse_irregular
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import LabelMap

_OTHER_FILE = "correct it or give the matching file"
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_results(
    path: str | PathLike[str], truth: CocoAnnotations, preferred: Reading | None = None
) -> DetectionColumns:
    """Reads a results file of any tool; an empty list is one, and an empty object.

    Args:
        path: of the file, or of a directory of result texts.
        truth: what the detections are of.
        preferred: what image ids are where they can be ids as well as names of files.

    Returns:
        The detections in the order of the file.

    Raises:
        DataError: the file cannot be read, breaks a rule, speaks of unknown images or categories, can be read in two
            ways, or its boxes seem to be in another format than COCO's.
    """
    images = ImageKeys(truth.ids, truth.file_names)
    if os.path.isdir(path):
        return read_result_texts(str(path), truth, images, preferred)
    found = _read_plainly(path, truth, images, preferred)
    return _read_document(path, truth, images, preferred) if found is None else found


def results_of(entries: Entries, label_map: LabelMap, image_ids: np.ndarray) -> DetectionColumns:
    """The detections of a results file whose image ids are those of the ground truth.

    Args:
        entries: of the file.
        label_map: the known categories.
        image_ids: [i] int64, the known images, ascending.

    Raises:
        DataError: an entry breaks a rule, or speaks of an unknown image or category.
    """
    scores = entries.numbers("score")
    image = positions(entries, "image_id", image_ids, "images", _OTHER_FILE)
    known = np.array(label_map.category_ids, np.int64)
    labels = positions(entries, "category_id", known, "categories", _OTHER_FILE) + 1
    return DetectionColumns(image, entries.boxes("bbox"), labels, scores)


def _read_plainly(
    path: str | PathLike[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None
) -> DetectionColumns | None:
    """The fast way; None where the general one has to look, which alone says what is wrong with entries."""
    try:
        refuse_irregular(path)
        with open(path, "rb") as file:
            read = read_plain_results(file)
    except (OSError, ValueError):
        return None
    if read is None or not np.all(np.abs(read.boxes) <= LARGEST_PX):
        return None
    category_ids = np.array(truth.label_map.category_ids, np.int64)
    categories = nearest(read.category_ids, category_ids)
    if not np.array_equal(category_ids[categories], read.category_ids):
        return None
    keys, of_row = _distinct(read, truth)
    # All entries of one image name one file, or the general reader looks at them one by one.
    files = _file_of_each(read.files, of_row, len(keys)) if read.files is not None else None
    if read.files is not None and files is None:
        return None
    names = None if files is None else [read.file_names[place] for place in files.tolist()]
    places = images.find(keys, names, str(path), preferred)
    image = places[of_row]
    if np.any(places == UNKNOWN) or np.any(read.boxes[:, 2:] < 0):
        return None
    if find_wrong_format(read.boxes, truth.sizes_px[image]) is not None:
        return None
    return DetectionColumns(image, read.boxes, categories + 1, read.scores)


def _distinct(read: PlainResults, truth: CocoAnnotations) -> tuple[Sequence[Key], np.ndarray]:
    """The image ids that occur, and [n] int64 which of them each entry has."""
    if read.image_names:
        return read.image_names, read.image_ids
    place = nearest(read.image_ids, truth.image_ids)
    if not np.array_equal(truth.image_ids[place], read.image_ids):
        keys, of_row = np.unique(read.image_ids, return_inverse=True)
        return keys.tolist(), of_row
    used = np.bincount(place, minlength=len(truth.image_ids)) > 0  # without sorting
    return truth.image_ids[used].tolist(), (np.cumsum(used) - 1)[place]


def _file_of_each(files: np.ndarray, of_row: np.ndarray, count: int) -> np.ndarray | None:
    """[count] int64, the file of each image; None if an image has several."""
    file = np.zeros(count, np.int64)
    file[of_row] = files
    return file if np.array_equal(file[of_row], files) else None


def _read_document(
    path: str | PathLike[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None
) -> DetectionColumns:
    """The general way: a Python object a number, and whatever is wrong is named."""
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
    if is_per_image(document):
        return _columns(read_per_image(document, source), truth, images, preferred)
    key, entries = _list_of(document, source)
    rows = _rows_of(Entries(entries, key, source, dict(zip(truth.ids, truth.file_names))))
    if isinstance(document, dict):
        rows = in_terms_of_names(rows, document, truth.label_map)
    return _columns(rows, truth, images, preferred)


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
    category_ids, boxes = entries.integers("category_id"), entries.boxes("bbox")
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


def _columns(
    rows: ResultRows, truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None
) -> DetectionColumns:
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
        lambda row: f"{rows.names[0]} {images.unknown(rows.keys[row])}; {_OTHER_FILE}",
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
            f"{shown(known[:7].tolist())}; {_OTHER_FILE}"
        ),
    )
    return places + 1
