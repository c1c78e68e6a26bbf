"""Detections image by image, as torchvision's models and those of Hugging Face give them, dumped as JSON; pure.

A list of `{"image_id": .., "boxes": [[x1, y1, x2, y2], ..], "labels": [..], "scores": [..]}`, or one object with the
same, but for the id, under the id of each image. Boxes are corners in pixels of the image as it was labelled; labels
are category ids of the ground truth.

A file may hold such an object of one image, which its name says then: `out/preds/park_7.json` of MMDetection's
DetInferencer, whose `bboxes` are corners too, and whose labels count from 0 in the order of the category ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from ratchet.components.coco.box_formats import XYXY
from ratchet.components.coco.entries import LARGEST_PX, Entries, refuse
from ratchet.components.coco.image_keys import Key
from ratchet.components.coco.result_rows import ResultRows
from ratchet.schemas.base.checked_json import MAX_ID, check_number, read_field, shown
from ratchet.schemas.base.errors import DataError

_LISTS = ("boxes", "labels", "scores")
_NAMES = ("image_id", "label", "box")
_BOXES = ("boxes", "bboxes")


def is_per_image(document: Any) -> bool:
    """Whether a document looks like detections image by image."""
    entries = list(document.values()) if isinstance(document, dict) else document
    if not isinstance(entries, list) or not entries:
        return False
    return any(isinstance(entry, dict) and "boxes" in entry and "scores" in entry for entry in entries)


def read_per_image(document: dict[str, Any] | list[Any], source: str) -> ResultRows:
    """Reads them.

    Raises:
        DataError: an entry breaks a rule, or a box ends before it begins.
    """
    if isinstance(document, dict):
        keys: Sequence[Key] = list(document)
        entries = list(document.values())
        places = [f"image {shown(key)}" for key in keys]
    else:
        listed = Entries(document, "detections", source)
        keys, entries = listed.keys("image_id"), document
        places = [listed.place(index) for index in range(len(document))]
    for entry, where in zip(entries, places):
        _check_lists(entry, f"{source}: {where}")
    counts = np.array([len(entry["scores"]) for entry in entries], np.int64)
    image, starts = np.repeat(np.arange(len(entries)), counts), np.cumsum(counts) - counts

    def place(row: int) -> str:
        return f"{places[image[row]]}: detection {row - starts[image[row]]}"

    columns = {field: list(chain.from_iterable(entry[field] for entry in entries)) for field in _LISTS}
    _check_values(columns, lambda row: f"{source}: {place(row)}")
    corners = np.array(columns["boxes"], np.float64).reshape(-1, 4)
    boxes = XYXY.boxes(corners, np.empty((0, 2)))
    refuse(
        source,
        place,
        np.any(boxes[:, 2:] < 0, axis=1),
        lambda row: f"box {shown(columns['boxes'][row])} ends before it begins; {_CORNERS}",
    )
    return ResultRows(
        keys=[keys[index] for index in image.tolist()],
        file_names=None,
        category_ids=np.array(columns["labels"], np.int64),
        boxes_xywh_px=boxes,
        scores=np.array(columns["scores"], np.float64),
        names=_NAMES,
        source=source,
        place=place,
        are_corners=True,
    )


_CORNERS = "boxes are [x1, y1, x2, y2] in pixels, x2 at least x1 and y2 at least y1; convert them, or correct this one"


def is_one_image(document: dict[str, Any]) -> bool:
    """Whether a document looks like the detections of one image."""
    return isinstance(document.get("scores"), list) and not document.keys().isdisjoint(_BOXES)


def read_one_image(document: dict[str, Any], name: str, source: str, category_ids: Sequence[int]) -> ResultRows:
    """Reads them.

    Args:
        document: of `is_one_image`.
        name: of the image, unless the document has an `image_id`.
        source: path of the file, for messages.
        category_ids: of the ground truth, ascending.

    Raises:
        DataError: it breaks a rule.
    """
    entry = {"image_id": name, **document}
    if "boxes" not in document:
        entry |= {"boxes": document["bboxes"], "labels": _ids_of_numbers(document, category_ids, source)}
    return replace(read_per_image([entry], source), names_of_files="image_id" not in document)


def _ids_of_numbers(document: dict[str, Any], category_ids: Sequence[int], source: str) -> Any:
    labels = read_field(document, "labels", source)
    if not isinstance(labels, list):
        return labels
    for place, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < len(category_ids):
            raise DataError(
                f"{source}: labels[{place}] {shown(label)} must be an integer, 0..{len(category_ids) - 1}: beside "
                f"bboxes, labels count from 0 in the order of the ground truth's {len(category_ids)} category ids; "
                "give the ground truth that the model was trained for"
            )
    return [category_ids[label] for label in labels]


def _check_lists(entry: Any, where: str) -> None:
    lists = [read_field(entry, field, where) for field in _LISTS]
    for field, values in zip(_LISTS, lists):
        if not isinstance(values, list):
            raise DataError(f"{where}: {field} {shown(values)} must be a list; write tensors with .tolist()")
    lengths = {field: len(values) for field, values in zip(_LISTS, lists)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{where}: {shown(lengths)} are not equally many; there is one of each for every detection")


def _check_values(columns: dict[str, list[Any]], where: Callable[[int], str]) -> None:
    """DataError about the first value that is none."""
    for row, (box, label, score) in enumerate(zip(*(columns[field] for field in _LISTS))):
        if type(box) is not list or len(box) != 4:
            raise DataError(f"{where(row)}: box {shown(box)} must be a list of 4 numbers; {_CORNERS}")
        for number in box:
            if type(number) is not float or not -LARGEST_PX <= number <= LARGEST_PX:  # most are floats within
                check_number(number, "box", where(row), LARGEST_PX)
        if type(label) is not int or not -MAX_ID <= label <= MAX_ID:
            raise DataError(f"{where(row)}: label {shown(label)} must be an integer, the id of a category; correct it")
        if type(score) is not float or not -1e300 <= score <= 1e300:
            check_number(score, "score", where(row), 1e300)
