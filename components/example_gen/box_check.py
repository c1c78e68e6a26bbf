"""Which labelled boxes can be boxes of their images, and what the others may have been meant as."""

from __future__ import annotations

from collections import Counter

import numpy as np

from components.coco.box_formats import FRACTIONS, PIXELS
from components.example_gen.labelled import COCO_BBOX, BoxField, Labelled, LabelledImage, sizes_of
from schemas.base.checked_json import Problems
from schemas.data.dataset import BadBoxes

OVERHANG_PX = 1.0  # real annotation tools round outwards; such boxes are kept as they are
MIN_BOX_SIDE_PX = 1e-3  # below this a side vanishes in tf.Example's float32 fractions of the image

_SHOWN = 20  # bad boxes, and images with bad boxes, that are named
_CORNERS_OVERHANG = 0.05  # of the image's side: farther out than that is no drawing inaccuracy
_EXPLAINED = 0.9  # of the bad boxes, and no fewer than this number of them:
_MIN_EXPLAINED = 3
_MIN_OVERHANG = 1 / 3  # of the way that a format moves a box, in the median; 1/2 where it is the true one


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
    is_bad = ~is_sound(boxes, sizes)
    in_pixels = labelled.box_field.format.unit == PIXELS
    in_first_pixel = in_pixels and bool(np.all(boxes[:, :2] + boxes[:, 2:] <= 1))
    if strict:
        _refuse(labelled, is_bad, in_first_pixel, source)
    is_bad = is_bad | in_first_pixel
    if not is_bad.any():
        return is_bad, BadBoxes(of=len(boxes))
    meant = explain(given[is_bad], boxes[is_bad], sizes[is_bad], boxes[~is_bad], labelled.box_field, in_first_pixel)
    bad = np.flatnonzero(is_bad)
    most = Counter(owners[bad].tolist()).most_common(_SHOWN)
    return is_bad, BadBoxes(
        count=len(bad),
        of=len(boxes),
        guessed_format=meant or (FRACTIONS if in_first_pixel else None),
        examples=tuple(_told(index, labelled) for index in bad[:_SHOWN].tolist()),
        images=tuple(labelled.images[image].file_name for image, _ in most),
    )


def is_sound(boxes_xywh_px: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
    """Says which boxes can be boxes of their images.

    Args:
        boxes_xywh_px: [n, 4].
        sizes_px: [n, 2], width and height of each box's image.

    Returns:
        [n] bool: sides of at least `MIN_BOX_SIDE_PX`, and no more than `OVERHANG_PX` outside.

    >>> is_sound(np.array([[-1, 0, 10, 11.0], [-2, 0, 9, 9], [0, 0, 9, -9]]), np.full((3, 2), 10)).tolist()
    [True, False, False]
    """
    starts, sides = boxes_xywh_px[:, :2], boxes_xywh_px[:, 2:]
    ends = starts + sides
    inside = (starts >= -OVERHANG_PX) & (starts < sizes_px) & (ends > 0) & (ends <= sizes_px + OVERHANG_PX)
    return np.all(inside & (sides >= MIN_BOX_SIDE_PX), axis=1)


def explain(
    given: np.ndarray,
    boxes_xywh_px: np.ndarray,
    sizes_px: np.ndarray,
    good_xywh_px: np.ndarray,
    box_field: BoxField,
    as_fractions: bool = False,
) -> str | None:
    """Looks for the one format in which bad boxes are sound.

    Args:
        given: [m, 4], the bad boxes as they were given.
        boxes_xywh_px: [m, 4], what they are at their word.
        sizes_px: [m, 2], their images.
        good_xywh_px: [k, 4], the good boxes of the data set: of two equal formats the one is taken whose boxes are
            the more like these in shape and size.
        box_field: how boxes are given.
        as_fractions: whether only fractions of the image come into question.

    Returns:
        The format in words; None if fewer than three boxes, or less than 90 % of them, are sound in any. A format that
        only moves boxes must also be needed: half a box to the left cures whatever overhangs a little.
    """
    scores: list[tuple[int, float, str]] = []
    for meant in box_field.mistaken:
        if as_fractions and meant.unit != FRACTIONS:
            continue
        boxes = meant.boxes(given, sizes_px)
        sound = is_sound(boxes, sizes_px)
        count = int(np.count_nonzero(sound))
        if count >= max(_MIN_EXPLAINED, _EXPLAINED * len(given)) and _is_needed(boxes, boxes_xywh_px, sizes_px):
            scores.append((-count, _difference(boxes[sound], good_xywh_px), meant.beside(box_field.format)))
    return min(scores, key=lambda score: score[:2])[2] if scores else None


def _is_needed(boxes: np.ndarray, before: np.ndarray, sizes: np.ndarray) -> bool:
    """False if boxes keep their sides and are moved much farther than they overhang."""
    if not np.allclose(boxes[:, 2:], before[:, 2:]):
        return True
    moved = np.abs(boxes[:, :2] - before[:, :2])
    outside = np.maximum(-before[:, :2], before[:, :2] + before[:, 2:] - sizes)
    ratio = np.divide(outside, moved, out=np.zeros_like(moved), where=moved > 0)
    return bool(np.median(ratio.max(axis=1)) >= _MIN_OVERHANG)


def _difference(boxes: np.ndarray, good: np.ndarray) -> float:
    """How far apart the median ln aspect and the median ln area are."""
    if not len(good):
        return 0.0
    medians = [
        np.median([np.log(sides[:, 0] / sides[:, 1]), np.log(sides[:, 0] * sides[:, 1])], axis=1)
        for sides in (boxes[:, 2:], good[:, 2:])
    ]
    return float(np.abs(medians[0] - medians[1]).sum())


def _refuse(labelled: Labelled, is_bad: np.ndarray, in_first_pixel: bool, source: str) -> None:
    problems = Problems(f"{source}: ")
    for rank, index in enumerate(np.flatnonzero(is_bad).tolist()):  # all are counted, only the first are shown
        problems.add(_told(index, labelled) if rank < Problems.SHOWN else "")
    if in_first_pixel:
        form, first = labelled.box_field, labelled.given[0]
        problems.add(
            f"all {len(is_bad)} boxes end within the image's first pixel (the first is {_numbers(first)}): they look "
            f"like fractions of the image; a {form.name} is {form.order} in pixels"
        )
    problems.raise_if_any()


def _told(index: int, labelled: Labelled) -> str:
    image, box = labelled.images[labelled.objects.image[index]], labelled.objects.boxes_xywh_px[index]
    return f"{labelled.place(index)}: {_complaint(labelled.given[index], box, image, labelled.box_field)}"


def _complaint(given: np.ndarray, box_xywh_px: np.ndarray, image: LabelledImage, form: BoxField) -> str:
    named = f"{form.name} {_numbers(given)}"
    x, y, width, height = box_xywh_px.tolist()
    for side, value in (("width", width), ("height", height)):
        if value < MIN_BOX_SIDE_PX:
            return (
                f"{named} has {side} {_number(value)}; it must be at least {MIN_BOX_SIDE_PX} px (a {form.name} is "
                f"{form.order}); correct or remove the annotation"
            )
    if is_sound(box_xywh_px[None], np.array([[image.width_px, image.height_px]]))[0]:
        return f"{named} ends within the image's first pixel; a {form.name} is {form.order} in pixels"
    spans = ", ".join(
        f"{axis} {_number(start)}..{_number(start + side)}" for axis, start, side in (("x", x, width), ("y", y, height))
    )
    corners = form is COCO_BBOX and _looks_like_corners(box_xywh_px, image)
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
