"""Whether two answers of one model are the same, but for rounding; pure.

A graph computes the same image a little differently alone and in a batch, and on another processor. Two things follow
besides small differences: a detection at the end of a full list may give way to the next one, and of two boxes that
overlap by just about as much as suppression allows, one may go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.metrics.boxes import iou_xywh
from schemas.columns import DetectionColumns

LEAST_SCORE = 0.05  # detections below it need no counterpart
SCORE = 0.01  # scores may differ by this
PIXELS, SHARE_OF_SIZE = 0.5, 0.01  # edges by this and by that of the box's longer side
_NEIGHBOUR_IOU = 0.3  # boxes that overlap less are not suppressed by each other


@dataclass(frozen=True)
class Difference:
    """A detection that only one of two answers has.

    Attributes:
        row: of the detection, in the answer that has it.
        is_lost: whether that is the first answer.
        may_be_suppressed: whether a surer one, which both have, could have suppressed it in the other answer.
    """

    row: int
    is_lost: bool
    may_be_suppressed: bool


@dataclass(frozen=True)
class Agreement:
    """What came of comparing two answers for one image.

    Attributes:
        detections: of the first answer, how many needed a counterpart.
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
        most: detections that an image can have; of a list as long as that, the lowest scores are left out of account.
    """
    scores = abs(one.scores[:, None] - other.scores)  # [n, m]
    edges = abs(_corners(one)[:, None] - _corners(other)).max(axis=2)
    size = np.maximum.outer(one.boxes_xywh_px[:, 2:].max(axis=1), other.boxes_xywh_px[:, 2:].max(axis=1))
    same = one.labels[:, None] == other.labels
    pairs = same & (scores <= SCORE) & (edges <= PIXELS + SHARE_OF_SIZE * size)
    closest = pairs & (edges == np.where(pairs, edges, np.inf).min(axis=1, initial=np.inf)[:, None])
    needs = _needs(one, other, most)
    return Agreement(
        detections=int(needs.sum()),
        differences=(
            *_differences(one, needs, pairs.any(axis=1), is_lost=True),
            *_differences(other, _needs(other, one, most), pairs.any(axis=0), is_lost=False),
        ),
        score=float(scores[closest].max(initial=0.0)),
        pixels=float(edges[closest].max(initial=0.0)),
    )


def _corners(found: DetectionColumns) -> np.ndarray:
    """[n, 4] left, top, right, bottom in px."""
    boxes = found.boxes_xywh_px
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _needs(own: DetectionColumns, other: DetectionColumns, most: int) -> np.ndarray:
    """[n] whether a detection is sure enough to be in the other answer too, also if that one's list is full."""
    end_of_list = other.scores.min() + SCORE if len(other.scores) >= most > 0 else 0.0
    return own.scores > max(LEAST_SCORE, end_of_list)


def _differences(own: DetectionColumns, needs: np.ndarray, matched: np.ndarray, is_lost: bool) -> list[Difference]:
    return [
        Difference(int(row), is_lost, _has_neighbour(own, matched, row)) for row in np.flatnonzero(needs & ~matched)
    ]


def _has_neighbour(own: DetectionColumns, matched: np.ndarray, row: int) -> bool:
    surer = np.flatnonzero(matched & (own.labels == own.labels[row]) & (own.scores >= own.scores[row]))
    overlap = iou_xywh(own.boxes_xywh_px[[row]], own.boxes_xywh_px[surer], np.zeros(len(surer), np.bool_))
    return bool((overlap >= _NEIGHBOUR_IOU).any())
