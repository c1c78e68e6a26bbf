"""What annotations and detections of COCO files have in common: image, category and box; pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.map_evaluator.box_order import find_wrong_order
from components.map_evaluator.entry_columns import Entries
from schemas.base.checked_json import shown
from schemas.base.errors import DataError
from schemas.data.records import LabelMap


class CocoObjects(NamedTuple):
    """Boxes of several images.

    Attributes:
        image: [n] int64, position of the image.
        labels: [n] int64, 1..K.
        boxes_xywh_px: [n, 4] float64.
    """

    image: np.ndarray
    labels: np.ndarray
    boxes_xywh_px: np.ndarray


def read_objects(entries: Entries, label_map: LabelMap, image_ids: np.ndarray, sizes_px: np.ndarray) -> CocoObjects:
    """Reads image_id, category_id and bbox of every entry.

    Args:
        entries: annotations or detections.
        label_map: the known categories.
        image_ids: [i] int64, the known images, ascending.
        sizes_px: [i, 2] float64, their width and height; NaN where unknown.

    Returns:
        The objects in the order of the entries.

    Raises:
        DataError: an entry breaks a rule, or all boxes seem to be in another order or unit than COCO's.
    """
    category_ids = np.array(label_map.category_ids, np.int64)
    image = _positions(entries, "image_id", image_ids, "images")
    labels = _positions(entries, "category_id", category_ids, "categories") + 1
    boxes = entries.boxes("bbox")
    entries.refuse(
        np.any(boxes[:, 2:] < 0, axis=1),
        lambda index: (
            f"bbox {shown(entries[index]['bbox'])} has a negative width or height; a bbox is [x, y, width, height] in "
            "pixels; convert the boxes or correct this one"
        ),
    )
    _refuse_wrong_order(entries, boxes, sizes_px[image])
    return CocoObjects(image, labels, boxes)


def _positions(entries: Entries, field: str, known: np.ndarray, owner: str) -> np.ndarray:
    """Where the ids under a field stand among the known ones (not empty, ascending), [n] int64."""
    ids = entries.integers(field)
    positions = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    entries.refuse(
        known[positions] != ids,
        lambda index: (
            f"{field} {ids[index]} is not among the {len(known)} {owner} of the ground truth, whose ids are "
            f"{shown(known[:7].tolist())}; correct it or give the matching file"
        ),
    )
    return positions


def _refuse_wrong_order(entries: Entries, boxes: np.ndarray, sizes_px: np.ndarray) -> None:
    wrong = find_wrong_order(boxes, sizes_px)
    if wrong is None:
        return
    width, height = sizes_px[wrong.example]
    raise DataError(
        f"{entries.source}: the boxes look like {wrong.looks_like}, where COCO has [x, y, width, height] in pixels: "
        f"{wrong.because}; the first is {entries.place(wrong.example)}: bbox {boxes[wrong.example].tolist()} in an "
        f"image of {width:g}x{height:g} px; convert the boxes, or correct the sizes of the images if those are wrong"
    )
