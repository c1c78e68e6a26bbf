"""Areas of annotations held against their boxes: by them an object is small, medium or large.

COCO's area is that of the mask: anything up to the box's. So an area alone says little, and a whole file a lot. What
cannot be an area in square pixels is replaced by the box's: 0, fractions of the image, one number for all objects,
areas of a resized image, areas larger than their boxes. Crowds keep theirs, whose boxes hold much besides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_ROUNDING = 0.02  # of the box: as good as its area
_TOO_LARGE = 1.05  # times the box; boxes of a few pixels may be rounded by one on each side
_NO_AREA_PX2, _A_BOX_PX2 = 1.0, 25.0  # an object of 5 x 5 px does not have a single pixel
_LEAST = 5  # objects that show a pattern
_SPREAD = 0.02  # of ln(area / box), between the 5 % and the 95 % quantile: one factor for all
_FACTOR = (0.3, 1.05)  # a constant factor outside is no shape but a unit; a circle has .785
_TINY_FACTOR, _TINY_OUTLINED = 0.05, 0.01  # median of area / box; with outlines, of which some are thin
_UNEQUAL = 1.1  # largest box by smallest, if one area for all is to be noticed
_MANY = 0.2  # of the areas larger than their boxes: then the others are not to be believed either
_FEW_OUTLINED = 0.001  # odd ones among annotations with an outline, as in COCO's own files


@dataclass(frozen=True, eq=False)
class MendedAreas:
    """Areas to compute with.

    Attributes:
        area_px2: [n] float64.
        told: what was replaced, with the first of it and the fix; empty if nothing was.
    """

    area_px2: np.ndarray
    told: str = ""


def mend_areas(
    boxes_xywh_px: np.ndarray,
    area_px2: np.ndarray,
    is_crowd: np.ndarray,
    place: Callable[[int], str],
    outlined: Callable[[], np.ndarray] | None = None,
) -> MendedAreas:
    """Replaces areas that contradict their boxes.

    Args:
        boxes_xywh_px: [n, 4].
        area_px2: [n], as the annotations say, and of the boxes where they do not say.
        is_crowd: [n] bool.
        place: says where the annotation of an index stands.
        outlined: gives [n] bool, which annotations have a segmentation; None if none has.
    """
    of_box = boxes_xywh_px[:, 2] * boxes_xywh_px[:, 3]
    other = ~is_crowd & (of_box > 0) & (np.abs(area_px2 - of_box) > _ROUNDING * of_box)
    if not other.any():
        return MendedAreas(area_px2)
    has_outline = outlined()[other] if outlined else np.zeros(np.count_nonzero(other), np.bool_)
    wrong = np.zeros(len(area_px2), np.bool_)
    wrong[other] = _contradict(boxes_xywh_px[other], area_px2[other], has_outline, len(area_px2))
    if not wrong.any():
        return MendedAreas(area_px2)
    first = int(wrong.argmax())
    return MendedAreas(
        np.where(wrong, of_box, area_px2),
        f"{np.count_nonzero(wrong)} of {len(wrong)} objects have an area that contradicts their box, whose own is "
        f"used instead: {place(first)} has area {area_px2[first]:g} in a box of {of_box[first]:g} px^2; give areas in "
        "square pixels of the image, or leave them out",
    )


def _contradict(boxes: np.ndarray, area: np.ndarray, has_outline: np.ndarray, objects: int) -> np.ndarray:
    """[m] bool, of annotations whose area is not that of their box."""
    of_box = boxes[:, 2] * boxes[:, 3]
    larger = (area > _TOO_LARGE * of_box) & (area > (boxes[:, 2] + 2) * (boxes[:, 3] + 2))
    nothing = (area == 0) | ((area <= _NO_AREA_PX2) & (of_box >= _A_BOX_PX2) & ~has_outline)
    wrong = larger | nothing
    if np.count_nonzero(wrong) <= _FEW_OUTLINED * objects:
        wrong &= ~has_outline
    for part in (has_outline, ~has_outline):
        left = part & ~wrong
        is_unit = _is_no_unit_of_pixels(area[left], of_box[left], bool(has_outline[left].any()))
        if is_unit or np.count_nonzero(larger & part) >= max(_LEAST, _MANY * np.count_nonzero(part)):
            wrong |= part
    return wrong


def _is_no_unit_of_pixels(area: np.ndarray, of_box: np.ndarray, has_outline: bool) -> bool:
    """Whether areas are, as a whole, none in square pixels."""
    if len(area) < _LEAST:
        return False
    factor = area / of_box
    if np.median(factor) < (_TINY_OUTLINED if has_outline else _TINY_FACTOR):
        return True
    if of_box.max() < _UNEQUAL * of_box.min():
        return False
    low, high = np.quantile(np.log(np.maximum(factor, 1e-300)), [0.05, 0.95])
    is_one_factor = high - low <= _SPREAD and not _FACTOR[0] <= np.median(factor) <= _FACTOR[1]
    return bool(is_one_factor or np.quantile(area, 0.05) == np.quantile(area, 0.95))
