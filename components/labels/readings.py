"""What the numbers of boxes can mean besides [x, y, width, height] of the image at hand; pure.

Another order, the picture mirrored or turned, or another size of the image. The last is fitted: labels and sightings
of one image vote for the factor between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ratchet.components.coco.box_formats import CXCYWH, XYWH_TAKEN_FOR_XYXY, XYXY, YXHW, YXYX
from ratchet.components.metrics.boxes import overlapping, pairs_of_groups
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_VOTE_RADIUS = 0.06  # of ln factor; a detector's centres err by a tenth of an object, a few hundredths of the image
_CONSISTENT = (
    0.3  # |ln| between the factor of the centres and that of the sides; jittered boxes differ by a tenth or two
)
_MOST_VOTES = 4_000
_FEWEST_VOTES = 8
_REFINING_IOU = 0.3
_SAME = 0.03  # |ln| of factors that are told as one, and of 1
_ONE_SIZE = 0.02  # |ln| between sizes of images that are one

_Meant = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Reading:
    """What four numbers could mean.

    Attributes:
        meaning: in words that follow on "only if".
        fix: what to do, in words.
        meant: from boxes [n, 4] in xywh and the sizes [n, 2] of their images, to what they then are, [n, 4] in xywh.
        decoys: readings that nobody makes, and that hit by chance as often as this one.
        is_fitted: whether it was made to fit these boxes, so that some fit by its making.
    """

    meaning: str
    fix: str
    meant: _Meant
    decoys: tuple[_Meant, ...] = ()
    is_fitted: bool = False

    def boxes(self, boxes_xywh_px: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
        """What boxes are if read so, [n, 4]; NaN where they cannot be boxes."""
        boxes = self.meant(boxes_xywh_px, sizes_px)
        return np.where((boxes[:, 2:] > 0).all(axis=1, keepdims=True), boxes, np.nan)


def _moved(boxes: np.ndarray, right: float, down: float) -> np.ndarray:
    return np.hstack([boxes[:, :2] + [right, down] * boxes[:, 2:], boxes[:, 2:]])


# Boxes that are drawn carelessly lie half their size beside in any direction.
_BESIDE = tuple(lambda boxes, sizes, way=way: _moved(boxes, *way) for way in ((0.5, 0.5), (0.5, -0.5), (-0.5, 0.5)))


def _mirrored(boxes: np.ndarray, sizes: np.ndarray, x: bool, y: bool) -> np.ndarray:
    start = np.where([x, y], sizes - boxes[:, :2] - boxes[:, 2:], boxes[:, :2])
    return np.hstack([start, boxes[:, 2:]])


def _turned(boxes: np.ndarray, sizes: np.ndarray, clockwise: bool) -> np.ndarray:
    # Labels of a picture that was turned afterwards: what was its y is now the x, or the other way round.
    x, y, width, height = boxes.T
    if clockwise:
        return np.stack([sizes[:, 0] - y - height, x, height, width], axis=1)
    return np.stack([y, sizes[:, 1] - x - width, height, width], axis=1)


_TURN = "turn the pixels as they were labelled and drop the EXIF orientation, or turn the boxes"

ORDERS = tuple(
    Reading(
        f"read as {each.order}",
        "convert them to [x, y, width, height]",
        lambda boxes, sizes, form=each: form.boxes(boxes, sizes),
        _BESIDE if each is CXCYWH else (),
    )
    for each in (XYXY, CXCYWH, YXHW, YXYX, XYWH_TAKEN_FOR_XYXY)
)
TURNS = (
    *(
        Reading(
            f"taken for boxes of the picture mirrored {way}",
            "mirror the boxes, or the pixels, alike",
            lambda boxes, sizes, flips=flips: _mirrored(boxes, sizes, *flips),
        )
        for way, flips in (("left to right", (True, False)), ("top to bottom", (False, True)))
    ),
    Reading(
        "taken for boxes of the picture turned by 180 degrees",
        _TURN,
        lambda boxes, sizes: _mirrored(boxes, sizes, True, True),
    ),
    *(
        Reading(
            f"taken for boxes of the picture before it was turned by 90 degrees {way}",
            _TURN,
            lambda boxes, sizes, clockwise=clockwise: _turned(boxes, sizes, clockwise),
        )
        for way, clockwise in (("clockwise", True), ("anticlockwise", False))
    ),
)


def told(words: str) -> Reading | None:
    """The reading that a reason of `labels:reading` names first; None if it names none that can be drawn.

    >>> told("3% fit only if read as [y1, x1, y2, x2] or taken for boxes of the picture").meaning
    'read as [y1, x1, y2, x2]'
    """
    places = {words.find(each.meaning): each for each in (*ORDERS, *TURNS) if each.meaning in words}
    if places:
        return places[min(places)]
    size = _TOLD_SIZE.search(words)
    return _resized(np.array([float(size[1]), float(size[2])])) if size else None


_TOLD_SIZE = re.compile(r"about (\d+)x(\d+) px")


def scale_readings(
    labels: TruthColumns, sizes_px: np.ndarray, sightings: DetectionColumns, seen_sizes_px: np.ndarray
) -> list[Reading]:
    """The sizes of another image that most labels agree on, if any do: one factor for all, and one image size.

    Args:
        labels: those that fit nothing as given, drawn as the golden set's.
        sizes_px: [n, 2], their images.
        sightings: what the model sees.
        seen_sizes_px: [m, 2], their images.
    """
    found = []
    factors = _voted(labels, sightings)
    if factors is not None:
        found.append(_scaled(factors, sizes_px))
    if _widest(sizes_px) > _ONE_SIZE:
        # Boxes on images that were all brought to one size: their fractions of the image are those of the sightings.
        fractions = rows_with(sightings, sightings.boxes_xywh_px / np.tile(seen_sizes_px, 2))
        target = _voted(labels, fractions)
        if target is not None:
            found.append(_resized(target))
    return found


def rows_with(sightings: DetectionColumns, boxes: np.ndarray) -> DetectionColumns:
    """The same sightings with other boxes."""
    return DetectionColumns(sightings.image, boxes, sightings.labels, sightings.scores)


def _voted(labels: TruthColumns, sightings: DetectionColumns) -> np.ndarray | None:
    # [2] factor on x and y from sightings to labels.
    surest = rows_of(sightings, np.argsort(-sightings.scores, kind="stable")[: max(1, 2 * len(labels.labels))])
    votes = [np.empty((0, 2))]
    for label, sighting in pairs_of_groups(labels.image, surest.image):
        centres = np.log(_centres(labels.boxes_xywh_px[label])) - np.log(_centres(surest.boxes_xywh_px[sighting]))
        sides = np.log(labels.boxes_xywh_px[label, 2:] / surest.boxes_xywh_px[sighting, 2:])
        votes.append(centres[(np.abs(centres - sides) < _CONSISTENT).all(axis=1)])
    every = np.concatenate(votes)
    every = every[:: max(1, len(every) // _MOST_VOTES)]
    if len(every) < _FEWEST_VOTES:
        return None
    from scipy.spatial import KDTree  # here, because it takes a tenth of a second

    agreeing = KDTree(every).query_ball_point(every, _VOTE_RADIUS, p=2, return_length=True)
    centre = every[np.argmax(agreeing)]
    factors = np.exp(np.median(every[np.linalg.norm(every - centre, axis=1) <= _VOTE_RADIUS], axis=0))
    return _refined(factors, labels, surest)


def _refined(factors: np.ndarray, labels: TruthColumns, sightings: DetectionColumns) -> np.ndarray:
    # By the corners far from the origin: there a factor moves a box most.
    for _ in range(2):
        boxes = labels.boxes_xywh_px / np.tile(factors, 2)
        pairs = overlapping(labels.image, boxes, sightings.image, sightings.boxes_xywh_px, least_iou=_REFINING_IOU)
        if not len(pairs.one):
            return factors
        ours, theirs = _centres(labels.boxes_xywh_px[pairs.one]), _centres(sightings.boxes_xywh_px[pairs.other])
        # Least squares through the origin, weighted by overlap.
        weight = pairs.iou[:, None]
        factors = (weight * ours * theirs).sum(axis=0) / (weight * theirs * theirs).sum(axis=0)
    return factors


def _widest(sizes_px: np.ndarray) -> float:
    logs = np.log(sizes_px)
    return float((logs.max(axis=0) - logs.min(axis=0)).max()) if len(sizes_px) else 0.0


def _centres(boxes_xywh: np.ndarray) -> np.ndarray:
    return np.maximum(boxes_xywh[:, :2] + boxes_xywh[:, 2:] / 2, 1e-9)


def _scaled(factors: np.ndarray, sizes_px: np.ndarray) -> Reading:
    across, down = factors.tolist()
    one = abs(np.log(across / down)) < _SAME
    if one:
        across = down = float(np.sqrt(across * down))
    times = f"{across:.2f} of the file's" if one else f"{across:.2f} of the file's width and {down:.2f} of its height"
    of = ""
    if _widest(sizes_px) <= _ONE_SIZE:
        width, height = sizes_px[0] * [across, down]
        of = f" of about {width:.0f}x{height:.0f} px"
    back = f"{1 / across:.3g}" if one else f"{1 / across:.3g} in x and {1 / down:.3g} in y"
    return Reading(
        f"taken for boxes drawn on an image{of}, {times}",
        f"multiply them by {back}, or deliver the images that they were drawn on",
        lambda boxes, sizes: boxes / [across, down, across, down],
        is_fitted=True,
    )


def _resized(target: np.ndarray) -> Reading:
    return Reading(
        f"taken for boxes drawn on images that were all resized to about {target[0]:.0f}x{target[1]:.0f} px",
        "multiply them by each file's size over that one, or deliver the images that they were drawn on",
        lambda boxes, sizes: boxes * np.tile(sizes / target, 2),
        is_fitted=True,
    )
