"""Whether two answers of one model are the same, but for rounding; pure.

A graph computes the same image a little differently alone and in a batch, and on another processor. Two things follow
besides small differences: a detection at the end of a full list may give way to the next one, and of two boxes of a
class that overlap the surer one suppresses the other, which turns where they are as good as equally sure, or overlap by
just about as much as is allowed.

Measured on the digits demo: another order of additions moves scores by 4e-7. Weights that are off by what TF32 rounds
away (2**-11) move scores by .001 and boxes by .01 px, and turned one such pair among 245 detections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import iou_xywh
from ratchet.schemas.data.columns import DetectionColumns

LEAST_SCORE = 0.05  # detections below it need no counterpart
SCORE = 0.01  # scores may differ by this
PIXELS, SHARE_OF_SIZE = 0.5, 0.01  # edges by this and by that of the box's longer side
_NEIGHBOUR_IOU = 0.3  # boxes that overlap less do not suppress each other


@dataclass(frozen=True)
class Difference:
    """A detection that only one of two answers has.

    Attributes:
        row: of the detection, in the answer that has it.
        is_lost: whether that is the first answer.
        by_rounding: whether that can be: the other answer has one as sure that may have suppressed it, or is a full
            list at whose end it would be.
    """

    row: int
    is_lost: bool
    by_rounding: bool


@dataclass(frozen=True)
class Agreement:
    """What came of comparing two answers for one image.

    Attributes:
        detections: of the first answer, how many are sure enough to need a counterpart.
        differences: detections without one, the lost ones first.
        score: largest difference of scores among those with one.
        pixels: largest difference of an edge among them.
    """

    detections: int
    differences: tuple[Difference, ...]
    score: float
    pixels: float


def compare(one: DetectionColumns, other: DetectionColumns, most: int) -> Agreement:
    """Looks for a counterpart of each detection in the other answer.

    Args:
        one: what was found in an image.
        other: what was found in the same image, in the same label map.
        most: detections that an image can have.
    """
    scores = abs(one.scores[:, None] - other.scores)  # [n, m]
    edges = abs(_corners(one)[:, None] - _corners(other)).max(axis=2)
    size = np.maximum.outer(one.boxes_xywh_px[:, 2:].max(axis=1), other.boxes_xywh_px[:, 2:].max(axis=1))
    same = one.labels[:, None] == other.labels
    pairs = same & (scores <= SCORE) & (edges <= PIXELS + SHARE_OF_SIZE * size)
    closest = pairs & (edges == np.where(pairs, edges, np.inf).min(axis=1, initial=np.inf)[:, None])
    return Agreement(
        detections=int((one.scores >= LEAST_SCORE).sum()),
        differences=(
            *_differences(one, pairs.any(axis=1), other, most, is_lost=True),
            *_differences(other, pairs.any(axis=0), one, most, is_lost=False),
        ),
        score=float(scores[closest].max(initial=0.0)),
        pixels=float(edges[closest].max(initial=0.0)),
    )


def _corners(found: DetectionColumns) -> np.ndarray:
    """[n, 4] left, top, right, bottom in px."""
    boxes = found.boxes_xywh_px
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _differences(
    own: DetectionColumns, matched: np.ndarray, other: DetectionColumns, most: int, is_lost: bool
) -> list[Difference]:
    end_of_list = other.scores.min() + SCORE if len(other.scores) >= most > 0 else 0.0
    return [
        Difference(row, is_lost, bool(own.scores[row] <= end_of_list) or _may_be_suppressed(own, row, other))
        for row in np.flatnonzero((own.scores >= LEAST_SCORE) & ~matched).tolist()
    ]


def _may_be_suppressed(own: DetectionColumns, row: int, other: DetectionColumns) -> bool:
    rivals = np.flatnonzero((other.labels == own.labels[row]) & (other.scores >= own.scores[row] - SCORE))
    nothing = np.zeros(len(rivals), np.bool_)
    overlap = iou_xywh(own.boxes_xywh_px[[row]], other.boxes_xywh_px[rivals], nothing)
    return bool((overlap >= _NEIGHBOUR_IOU).any())
