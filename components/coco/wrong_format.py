"""Boxes that are not COCO's [x, y, width, height] in pixels, recognised from a whole file; pure.

One box proves nothing, and detectors do draw boxes over the border. So a file is suspected only if as given a fifth of
its boxes lie far out and in another format not a single one lies out at all. In doubt there is no suspicion: where the
format is wrong after all, the metrics show it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ratchet.components.coco.box_formats import FRACTIONS, XYXY, YXHW, YXYX

MIN_BOXES = 10
FAR_OUT = 0.05  # of the image's side
FAR_OUT_SHARE = 0.2  # of the boxes; in truly wrong orders it is a third and more
ROUNDING_PX = 1.0  # tools that write a box round outwards
MIN_SIDE_PX = 16  # in smaller images boxes of a pixel are possible
NEARLY_ALL = 0.98  # of the boxes; a detector's stray box does not make the others pixels
LARGEST_FRACTION = 1.5  # a fraction of the image, drawn over the border


class WrongFormat(NamedTuple):
    """What a file's boxes seem to be.

    Attributes:
        looks_like: the formats in which they make sense.
        because: what speaks for it.
        example: index of the first box that makes no sense as given.
    """

    looks_like: str
    because: str
    example: int


def find_wrong_format(boxes: np.ndarray, sizes_px: np.ndarray) -> WrongFormat | None:
    """Whether all boxes of a file make sense only as something else than [x, y, width, height] in pixels.

    Args:
        boxes: [n, 4] float64.
        sizes_px: [n, 2] float64, width and height of each box's image; NaN where unknown.

    Returns:
        The suspicion; None without one, for fewer than 10 boxes and where a size is unknown.

    >>> corners = np.array([[70.0 + i, 20, 90, 40] for i in range(12)])
    >>> find_wrong_format(corners, np.tile([100.0, 50], (12, 1))).looks_like
    '[x1, y1, x2, y2]'
    """
    if len(boxes) < MIN_BOXES or np.isnan(sizes_px).any():
        return None
    return _fractions(boxes, sizes_px) or _other_format(boxes, sizes_px)


def _fractions(boxes: np.ndarray, sizes_px: np.ndarray) -> WrongFormat | None:
    are_small = np.abs(boxes).max(axis=1) <= LARGEST_FRACTION
    if are_small.mean() < NEARLY_ALL or sizes_px.min() < MIN_SIDE_PX:
        return None
    is_fraction = are_small & np.any(boxes % 1, axis=1)
    if not is_fraction.any():  # a detector that finds nothing may well give [0, 0, 1, 1]
        return None
    because = f"no number of {are_small.sum()} of the {len(boxes)} boxes is over {LARGEST_FRACTION}"
    return WrongFormat(FRACTIONS, because, int(is_fraction.argmax()))


def _other_format(boxes: np.ndarray, sizes_px: np.ndarray) -> WrongFormat | None:
    is_far_out = _is_out(boxes, sizes_px, FAR_OUT * sizes_px)
    if is_far_out.mean() <= FAR_OUT_SHARE:
        return None
    corners = (XYXY, YXYX) if np.all(boxes[:, 2:] > boxes[:, :2]) else ()
    fit = [each for each in (*corners, YXHW) if not _is_out(each.boxes(boxes, sizes_px), sizes_px, ROUNDING_PX).any()]
    if not fit:
        return None
    because = (
        f"as given {is_far_out.sum()} of the {len(boxes)} boxes stick out of their image by more than {FAR_OUT:.0%} of "
        "its side, in that order none does"
    )
    return WrongFormat(" or ".join(each.order for each in fit), because, int(is_far_out.argmax()))


def _is_out(boxes_xywh_px: np.ndarray, sizes_px: np.ndarray, tolerance_px: np.ndarray | float) -> np.ndarray:
    start, end = boxes_xywh_px[:, :2], boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:]
    return np.any((start < -tolerance_px) | (end > sizes_px + tolerance_px), axis=1)
