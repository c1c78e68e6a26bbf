"""What boxes that cannot be boxes of their images may have been meant as; pure.

Another order of the numbers, another unit, or another size of the image. One box proves nothing, so all are asked
together; orders that explain as much are all named, the usual one first.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.coco.box_formats import FRACTIONS, PERCENT, PIXELS, BoxFormat
from ratchet.components.example_gen.labelled import BoxField

OVERHANG_PX = 1.0  # real annotation tools round outwards; such boxes are kept as they are
MIN_BOX_SIDE_PX = 1e-3  # below this a side vanishes in tf.Example's float32 fractions of the image

_EXPLAINED = 0.9  # of the bad boxes, and no fewer than this number of them:
_MIN_EXPLAINED = 3
_MIN_OVERHANG = 1 / 3  # of the way that a format moves a box, in the median; 1/2 where it is the true one
_AS_MANY = 0.99  # formats in which so many as in the best are sound explain as much
_ALIKE = 0.35  # |ln aspect| and |ln area| together, by which boxes of one data set may differ from each other
_MOST_NAMED = 3

_SMALLEST_IMAGE_PX = 16  # in smaller images a box within the first pixel is possible
_FEWEST_IN_PERCENT = 20  # boxes, and none reaches beyond 100 px:
_WIDE_IMAGE_PX = 250  # in images whose every side is so long that they fill a corner of a sixth
_REACH = 85.0  # percent that some box must reach in x and in y
_SOUND_IN_PERCENT = 0.98

_LARGER = 1.15  # an image so many times larger than ours is another one
_FEWEST_SCALED = 10
_FILLED = 0.8  # the 95th percentile of the boxes' ends over the largest; stray boxes fill nothing
_SAME = 0.03  # factors in x and y that are told as one


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


def other_units(given: np.ndarray, boxes_xywh_px: np.ndarray, sizes_px: np.ndarray, form: BoxField) -> np.ndarray:
    """The unit in which boxes are given that can be boxes of their images only by a stretch.

    Args:
        given: [n, 4], the numbers of the file.
        boxes_xywh_px: [n, 4], what they are at their word.
        sizes_px: [n, 2], their images.
        form: how boxes are given.

    Returns:
        [n] str: FRACTIONS where all four numbers are at most 1, and not whole, in a field of pixels; PERCENT for all
        boxes, if they fill the first 100 px of large images; TOO_SMALL where a box is smaller than a pixel, if half of
        them are; else empty.
    """
    units = np.full(len(given), "", dtype=object)
    if not len(given):
        return units
    large = sizes_px.min(axis=1) >= _SMALLEST_IMAGE_PX
    is_tiny = large & (boxes_xywh_px[:, 2:].max(axis=1) < 1) & (boxes_xywh_px[:, 2:].min(axis=1) > 0)
    if np.median(is_tiny) > 0:
        units[is_tiny] = TOO_SMALL
    if form.format.unit != PIXELS:
        return units
    units[large & (np.abs(given).max(axis=1) <= 1) & np.any(given % 1, axis=1)] = FRACTIONS
    if _are_percent(given, sizes_px, form):
        units[:] = PERCENT
    return units


TOO_SMALL = "less than a pixel"


def _are_percent(given: np.ndarray, sizes_px: np.ndarray, form: BoxField) -> bool:
    if len(given) < _FEWEST_IN_PERCENT or sizes_px.min() < _WIDE_IMAGE_PX or np.quantile(given, 0.99) > 100:
        return False
    whole = np.full((len(given), 2), 100.0)
    for meant in form.mistaken:
        if meant.unit == PERCENT:
            boxes = meant.boxes(given, whole)
            sound = is_sound(boxes, whole)
            ends = (boxes[:, :2] + boxes[:, 2:])[sound]
            if sound.mean() >= _SOUND_IN_PERCENT and (ends.max(axis=0) >= _REACH).all():
                return True
    return False


def explain(
    given: np.ndarray,
    boxes_xywh_px: np.ndarray,
    sizes_px: np.ndarray,
    good_xywh_px: np.ndarray,
    box_field: BoxField,
    unit: str | None = None,
) -> str | None:
    """Looks for the format in which bad boxes are sound.

    Args:
        given: [m, 4], the bad boxes as they were given.
        boxes_xywh_px: [m, 4], what they are at their word.
        sizes_px: [m, 2], their images.
        good_xywh_px: [k, 4], the good boxes of the data set: of equal formats the one is taken whose boxes are like
            these in shape and size. In a file that is all in another format good ones are so by chance, and like none.
        box_field: how boxes are given.
        unit: the only one that comes into question; None for any.

    Returns:
        The format in words; of several that explain as much, all, the usual one first. None if fewer than three boxes,
        or less than 90 % of them, are sound in any. A format that only moves boxes must also be needed: half a box to
        the left cures whatever overhangs a little.
    """
    scores: list[tuple[int, float, BoxFormat]] = []
    for meant in box_field.mistaken:
        if meant.unit != unit if unit is not None else meant.unit == PERCENT and box_field.format.unit == PIXELS:
            continue
        boxes = meant.boxes(given, sizes_px)
        sound = is_sound(boxes, sizes_px)
        count = int(np.count_nonzero(sound))
        if count >= max(_MIN_EXPLAINED, _EXPLAINED * len(given)) and _is_needed(boxes, boxes_xywh_px, sizes_px):
            scores.append((count, _difference(boxes[sound], good_xywh_px), meant))
    most = max((count for count, _, _ in scores), default=0)
    scores = [score for score in scores if score[0] >= _AS_MANY * most]
    nearest = min((difference for _, difference, _ in scores), default=0.0)
    if nearest <= _ALIKE:
        scores = [score for score in scores if score[1] <= nearest + _ALIKE]
    scores = [score for score in scores if score[2].unit == scores[0][2].unit]
    likely = sorted(scores, key=lambda score: score[1])[:_MOST_NAMED]
    return " or ".join(score[2].beside(box_field.format) for score in scores if score in likely) or None


def larger_image(boxes_xywh_px: np.ndarray, sizes_px: np.ndarray) -> str | None:
    """In words, the larger image on which boxes may have been drawn that reach beyond their own.

    Args:
        boxes_xywh_px: [n, 4], all boxes of a data set, some of them far outside.
        sizes_px: [n, 2], their images.

    Returns:
        None if the boxes are not those of a larger image: they must all have sides and fill it.

    >>> boxes = np.array([[10.0 * place, 10 * place, 20, 20] for place in range(19)])
    >>> larger_image(boxes, np.full((19, 2), 100.0))
    'boxes drawn on an image of about 200x200 px, 2 times as large as the file'
    """
    starts, ends = boxes_xywh_px[:, :2], boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:]
    could_be = (starts >= -OVERHANG_PX).all(axis=1) & (boxes_xywh_px[:, 2:] > 0).all(axis=1)
    if np.count_nonzero(could_be) < max(_FEWEST_SCALED, _EXPLAINED * len(boxes_xywh_px)):
        return None
    reach = ends[could_be] / sizes_px[could_be]
    factors = reach.max(axis=0)
    if factors.max() < _LARGER or (np.quantile(reach, 0.95, axis=0) < _FILLED * factors).any():
        return None
    across, down = np.maximum(1.0, factors)
    width, height = np.median(sizes_px, axis=0) * [across, down]
    about = f" of about {width:.0f}x{height:.0f} px," if np.ptp(sizes_px, axis=0).max() == 0 else ""
    times = f"{across:.3g} times" if abs(across / down - 1) < _SAME else f"{across:.3g} by {down:.3g} times"
    return f"boxes drawn on an image{about} {times} as large as the file"


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
