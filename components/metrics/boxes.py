"""Overlap of boxes, in the order of float64 operations that pycocotools uses.

The order matters: an IoU that lies on a threshold (.5, .55, ...) must fall on the same side as in pycocotools.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.ordering import run_starts

NO_CROWD = np.array(False)  # for boxes of single objects
# A pair takes at most about 150 bytes while its IoU is computed, so at most about 80 MB. Tests set it lower.
_CHUNK_PAIRS = 1 << 19


def iou_xywh(detected_xywh_px: np.ndarray, truth_xywh_px: np.ndarray, is_crowd: np.ndarray) -> np.ndarray:
    """Intersection over union of every detection with every ground-truth box.

    Args:
        detected_xywh_px: [m, 4] float64, pixels.
        truth_xywh_px: [n, 4] float64, pixels.
        is_crowd: [n] bool.

    Returns:
        [m, n] float64, as `iou_of_pairs`.

    >>> iou_xywh(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 2.0, 2.0]]), np.array([False])).round(3)
    array([[0.333]])
    """
    return iou_of_pairs(detected_xywh_px[:, None], truth_xywh_px, is_crowd)


def iou_of_pairs(detected_xywh_px: np.ndarray, truth_xywh_px: np.ndarray, is_crowd: np.ndarray) -> np.ndarray:
    """Intersection over union of pairs of a detection and a ground-truth box.

    For a crowd box the union is the detection's own area, so a detection inside a crowd region scores 1.
    Boxes that only touch, and boxes without area, score 0.

    Args:
        detected_xywh_px: [..., 4] float64, pixels; the three arguments broadcast.
        truth_xywh_px: [..., 4] float64, pixels.
        is_crowd: [...] bool.

    Returns:
        [...] float64, 0..1 up to rounding.
    """
    # pycocotools' bbIou (cocoapi, common/maskApi.c): corners as size + origin, union as (detected + truth) - overlap.
    left, top, width, height = (detected_xywh_px[..., i] for i in range(4))
    truth_left, truth_top, truth_width, truth_height = (truth_xywh_px[..., i] for i in range(4))
    overlap_width = np.minimum(width + left, truth_width + truth_left) - np.maximum(left, truth_left)
    overlap_height = np.minimum(height + top, truth_height + truth_top) - np.maximum(top, truth_top)
    overlap = np.maximum(overlap_width, 0) * np.maximum(overlap_height, 0)
    area = width * height
    union = np.where(is_crowd, area, area + truth_width * truth_height - overlap)
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=(overlap > 0) & (union > 0))


@dataclass(frozen=True, eq=False)
class BoxPairs:
    """Pairs of a box of one side and a box of the other, by the one, then by the other.

    Attributes:
        one: [p] int64, row on the one side.
        other: [p] int64, row on the other.
        iou: [p] float64, above 0; with a crowd the part of the one that lies in it.
    """

    one: np.ndarray
    other: np.ndarray
    iou: np.ndarray


def pairs_of_groups(group: np.ndarray, other_group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of a row and another side's row of the same group, such as one image, some at once.

    Args:
        group: [m] int64, in any order.
        other_group: [n] int64, in any order.

    Yields:
        Rows of the one side, ascending, and of the other, ascending for each; at most about half a million.

    >>> list(pairs_of_groups(np.array([0, 1]), np.array([1, 0, 1])))
    [(array([0, 1, 1]), array([1, 0, 2]))]
    """
    by_group = np.argsort(other_group, kind="stable")
    ascending = other_group[by_group]
    runs = run_starts(group)  # equal neighbours, such as the boxes of an image, have the same others
    lengths = np.diff(runs, append=len(group))
    first = np.repeat(np.searchsorted(ascending, group[runs]), lengths)
    count = np.repeat(np.searchsorted(ascending, group[runs], side="right"), lengths) - first
    total = np.cumsum(count)
    start = done = 0
    while start < len(group):
        stop = max(start + 1, int(np.searchsorted(total, done + _CHUNK_PAIRS, side="right")))
        lengths = count[start:stop]
        rows = np.repeat(np.arange(start, stop), lengths)
        # The k-th pair of the chunk is row k - (pairs of earlier rows) of its own group.
        places = np.arange(len(rows)) + np.repeat(first[start:stop] - (total[start:stop] - lengths - done), lengths)
        yield rows, by_group[places]
        start, done = stop, int(total[stop - 1])


def overlapping(
    group: np.ndarray,
    boxes_xywh_px: np.ndarray,
    other_group: np.ndarray,
    other_xywh_px: np.ndarray,
    is_crowd: np.ndarray = NO_CROWD,
    least_iou: float = 0.0,
) -> BoxPairs:
    """The pairs of boxes of one group that overlap.

    Args:
        group: [m] int64, such as the image, in any order.
        boxes_xywh_px: [m, 4] float64; boxes of NaN overlap nothing.
        other_group: [n] int64, in any order.
        other_xywh_px: [n, 4] float64.
        is_crowd: [n] bool, of the other side, or one for all.
        least_iou: pairs that overlap less are left out, and always those that do not overlap at all.
    """
    is_crowd = np.broadcast_to(is_crowd, len(other_group))
    left, other_left = boxes_xywh_px[:, 0], other_xywh_px[:, 0]
    right, other_right = boxes_xywh_px[:, 2] + left, other_xywh_px[:, 2] + other_left
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for one, other in pairs_of_groups(group, other_group):
        # Most pairs lie apart, and to see that is cheaper than their overlap.
        near = np.flatnonzero((left[one] < other_right[other]) & (other_left[other] < right[one]))
        one, other = one[near], other[near]
        iou = iou_of_pairs(boxes_xywh_px[one], other_xywh_px[other], is_crowd[other])
        kept = np.flatnonzero((iou >= least_iou) & (iou > 0))
        found.append((one[kept], other[kept], iou[kept]))
    return BoxPairs(*(np.concatenate(column) for column in zip(*found)))
