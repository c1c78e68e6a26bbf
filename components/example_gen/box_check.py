"""Which labelled boxes can be boxes of their images, and what the others may have been meant as."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from ratchet.components.coco.box_formats import FRACTIONS, PERCENT, XYXY, YXHW
from ratchet.components.example_gen.box_guess import (
    MIN_BOX_SIDE_PX,
    OVERHANG_PX,
    TOO_SMALL,
    explain,
    is_sound,
    larger_image,
    other_units,
)
from ratchet.components.example_gen.drawn_boxes import drawn_boxes
from ratchet.components.example_gen.labelled import COCO_BBOX, BoxField, Labelled, LabelledImage, sizes_of
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.data.dataset import BadBoxes

_SHOWN = 20  # bad boxes, and images with bad boxes, that are named
_DRAWN = 6  # images whose bad boxes are kept to be drawn
_CORNERS_OVERHANG = 0.05  # of the image's side: farther out than that is no drawing inaccuracy
_IN_PIXELS = " in pixels"


def find_bad_boxes(labelled: Labelled, source: str, strict: bool) -> tuple[np.ndarray, BadBoxes]:
    """Finds boxes without area and boxes outside their image.

    Args:
        labelled: the annotations.
        source: where they were read, for messages.
        strict: whether such a box is an error.

    Returns:
        [n] bool, which of the boxes are bad, and what to tell of them.

    Raises:
        DataError: with `strict`, when there is one.
    """
    given, boxes, owners = labelled.given, labelled.objects.boxes_xywh_px, labelled.objects.image
    sizes = sizes_of(labelled.images)[owners]
    units = other_units(given, boxes, sizes, labelled.box_field)
    is_bad = ~is_sound(boxes, sizes) | (units != "")
    if not is_bad.any():
        return is_bad, BadBoxes(of=len(boxes))
    meant = _meant(labelled, is_bad, units, sizes)
    told = _Telling(labelled, units, meant)
    if strict:
        _refuse(told, is_bad, source)
    bad = np.flatnonzero(is_bad)
    most = Counter(owners[bad].tolist()).most_common(_SHOWN)
    return is_bad, BadBoxes(
        count=len(bad),
        of=len(boxes),
        guessed_format=meant,
        examples=tuple(told.of(index) for index in bad[:_SHOWN].tolist()),
        images=tuple(labelled.images[image].file_name for image, _ in most),
        drawn=drawn_boxes(labelled, is_bad, [image for image, _ in most[:_DRAWN]], meant),
    )


def _meant(labelled: Labelled, is_bad: np.ndarray, units: np.ndarray, sizes: np.ndarray) -> str | None:
    """What most of the bad boxes are: those in another unit, or the others."""
    given, boxes, good = labelled.given, labelled.objects.boxes_xywh_px, labelled.objects.boxes_xywh_px[~is_bad]
    by_count = sorted(Counter(units[is_bad].tolist()).items(), key=lambda item: -item[1])
    unit = by_count[0][0]
    group = is_bad & (units == unit)
    if unit == TOO_SMALL:
        return None
    if unit:
        return explain(given[group], boxes[group], sizes[group], good, labelled.box_field, unit) or unit
    found = explain(given[group], boxes[group], sizes[group], good, labelled.box_field)
    if found == YXHW.order:
        return f"{found}, or as boxes of the picture turned by 90 degrees"
    return found or larger_image(boxes[units == ""], sizes[units == ""])


def _refuse(told: _Telling, is_bad: np.ndarray, source: str) -> None:
    problems, form = Problems(f"{source}: "), told.labelled.box_field
    if told.meant is not None and is_bad.sum() > 1:
        unit = _IN_PIXELS if form is COCO_BBOX else ""
        problems.add(
            f"{is_bad.sum()} of {len(is_bad)} boxes make sense as {told.meant}; a {form.name} is {form.order}{unit}: "
            "convert them"
        )
    for rank, index in enumerate(np.flatnonzero(is_bad).tolist()):  # all are counted, only the first are shown
        problems.add(told.of(index) if rank < Problems.SHOWN else "")
    problems.raise_if_any()


class _Telling(NamedTuple):
    """Bad boxes in words."""

    labelled: Labelled
    units: np.ndarray
    meant: str | None

    def of(self, index: int) -> str:
        """One of them, with its annotation and its image."""
        labelled = self.labelled
        image, box = labelled.images[labelled.objects.image[index]], labelled.objects.boxes_xywh_px[index]
        corners = self.meant is None or XYXY.order in self.meant
        complaint = _complaint(labelled.given[index], box, image, labelled.box_field, self.units[index], corners)
        return f"{labelled.place(index)}: {complaint}"


def _complaint(
    given: np.ndarray, box_xywh_px: np.ndarray, image: LabelledImage, form: BoxField, unit: str, corners: bool
) -> str:
    """What is wrong with a box; `unit` is that of `other_units`, `corners` whether it may be called corners."""
    named = f"{form.name} {_numbers(given)}"
    x, y, width, height = box_xywh_px.tolist()
    for side, value in (("width", width), ("height", height)):
        if value < MIN_BOX_SIDE_PX:
            return (
                f"{named} has {side} {_number(value)}; it must be at least {MIN_BOX_SIDE_PX} px (a {form.name} is "
                f"{form.order}); correct or remove the annotation"
            )
    of_image = f"in an image of {image.width_px}x{image.height_px} px; a {form.name} is {form.order}"
    if unit == FRACTIONS:
        return f"{named} has no number above 1, as if they were fractions, {of_image} in pixels"
    if unit == PERCENT:
        return f"{named} has no number above 100, like every box here, as if they were percent, {of_image} in pixels"
    if unit == TOO_SMALL:
        return f"{named} is smaller than a pixel, as most boxes here, {of_image}"
    spans = ", ".join(
        f"{axis} {_number(start)}..{_number(start + side)}" for axis, start, side in (("x", x, width), ("y", y, height))
    )
    corners = corners and form is COCO_BBOX and _looks_like_corners(box_xywh_px, image)
    hint = "; it looks like x1, y1, x2, y2 where COCO has x, y, width, height"
    return (
        f"{named} spans {spans}, outside the image of {image.width_px}x{image.height_px} px (up to {OVERHANG_PX} px "
        f"over is allowed){hint if corners else ''}; correct the box or "
        "the image's size"
    )


def _looks_like_corners(box_xywh_px: np.ndarray, image: LabelledImage) -> bool:
    x, y, width, height = box_xywh_px.tolist()
    right, bottom = image.width_px + OVERHANG_PX, image.height_px + OVERHANG_PX
    far_right = x + width - right > _CORNERS_OVERHANG * image.width_px
    far_down = y + height - bottom > _CORNERS_OVERHANG * image.height_px
    return (far_right or far_down) and 0 <= x < width <= right and 0 <= y < height <= bottom


def _numbers(values: np.ndarray) -> list[float]:
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float:
    return float(f"{value:.9g}")  # as people write it, without the noise of a computation
