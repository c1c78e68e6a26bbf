"""Boxes that lie on the ground truth's objects only if their four numbers are read in another order; pure.

`components/coco/wrong_format.py` suspects a file by its boxes alone, and so wants every one of them to be inside its
image otherwise. Real detectors draw over the border, sizes of images may be unknown, and corners of objects on the left
stay inside. Here the objects decide: a bad model does not find them by its numbers in another order either.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.coco.box_formats import XYXY, YXHW, YXYX, BoxFormat
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_CORNERS = (XYXY, YXYX)
_ORDERS = (*_CORNERS, YXHW)  # centers are left out: a detector that is off by half a box is bad, not in another order
_IMAGES = 500  # that are looked at, evenly over the data set
_LEAST_DETECTIONS, _LEAST_OBJECTS = 20, 10  # that are looked at, and that the other order finds
_LIES_ON = 0.5  # IoU
_FINDS = 0.3  # of the objects, or of the detections: what the other order finds at least
_CLEARLY = 4  # times as many objects as the numbers as given find
_TWICE = 2  # the same where many boxes leave their image as given, or may do so
_MANY, _NEARLY_NONE = 0.2, 0.1  # of the boxes
_ROUNDING_PX = 1.0
_BORDER = 0.1  # of the image's side: as far as a detector may draw over it


def refuse_other_boxes(source: str, truth: CocoAnnotations, found: DetectionColumns) -> None:
    """Refuses detections whose boxes are right only if their numbers are in another order than COCO's.

    Args:
        source: path of the results file, for messages.
        truth: the ground truth.
        found: what the file was read as.

    Raises:
        DataError: they are.
    """
    chosen = truth.evenly_chosen(_IMAGES)
    objects = rows_of(truth.objects, chosen[truth.objects.image] & ~truth.objects.is_crowd)
    looked_at = np.flatnonzero(chosen[found.image])
    seen = rows_of(found, looked_at)
    if len(looked_at) < _LEAST_DETECTIONS or len(objects.labels) < _LEAST_OBJECTS:
        return
    sizes_px = truth.sizes_px[seen.image]
    as_given, on_object = _finds(seen.image, seen.boxes_xywh_px, objects)
    if as_given * _TWICE > len(objects.labels):
        return  # no other order can find twice as many
    is_out = _is_out(seen.boxes_xywh_px, sizes_px, _ROUNDING_PX)
    unknown = bool(np.isnan(sizes_px).any())
    for order in _ORDERS:
        boxes = order.boxes(seen.boxes_xywh_px, sizes_px)
        if np.mean(_leaves(boxes, sizes_px)) > _NEARLY_NONE:
            continue
        otherwise, would_be_on = _finds(seen.image, boxes, objects)
        enough = max(otherwise / len(objects.labels), float(np.mean(would_be_on))) >= _FINDS
        times = _TWICE if np.mean(is_out) > _MANY or (unknown and order in _CORNERS) else _CLEARLY
        if otherwise >= _LEAST_OBJECTS and enough and otherwise >= times * as_given:
            shows = would_be_on & ~on_object
            example = int((shows & is_out if np.any(shows & is_out) else shows).argmax())
            leaving = f"{percent(float(np.mean(is_out)))} of the boxes leave their image as given, and "
            share = leaving if is_out.any() and not unknown else ""
            entry, image = looked_at[example], truth.ids[seen.image[example]]
            given = f"{entry} (image {shown(image)}): bbox {seen.boxes_xywh_px[example].tolist()}"
            raise DataError(_told(source, order, share, (as_given, otherwise, len(objects.labels)), given))


def _told(source: str, order: BoxFormat, share: str, objects: tuple[int, int, int], example: str) -> str:
    as_given, otherwise, count = objects
    return (
        f"{source}: the boxes look like {order.order}, where COCO has [x, y, width, height] in pixels: {share}of "
        f"{count} objects a box lies on {percent(as_given / count)} as given, and on {percent(otherwise / count)} in "
        f"that order; the first such entry is {example}, counted from 0; convert the boxes to [x, y, width, height], "
        "as docs/evaluation.md shows"
    )


def _finds(image: np.ndarray, boxes: np.ndarray, objects: TruthColumns) -> tuple[int, np.ndarray]:
    """How many objects a box lies on, and [m] bool, which boxes lie on one."""
    sound = np.where(np.all(boxes[:, 2:] > 0, axis=1, keepdims=True), boxes, np.nan)
    pairs = overlapping(image, sound, objects.image, objects.boxes_xywh_px, least_iou=_LIES_ON)
    lies_on = np.zeros(len(boxes), np.bool_)
    lies_on[pairs.one] = True
    return len(np.unique(pairs.other)), lies_on


def _leaves(boxes: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
    """[m] bool, whether a box is none, or lies further out than a detector draws; False where sizes are unknown."""
    return np.any(boxes[:, 2:] < 0, axis=1) | _is_out(boxes, sizes_px, _BORDER * sizes_px)


def _is_out(boxes: np.ndarray, sizes_px: np.ndarray, tolerance_px: np.ndarray | float) -> np.ndarray:
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.any((start < -tolerance_px) | (end > sizes_px + tolerance_px), axis=1)
