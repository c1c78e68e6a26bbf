"""Anchors derived from box shapes, for the anchor generator of tf-models; pure.

The generator is structured: at each place of a level stand anchors of the sizes `size * 2**level * 2**(i / num_scales)`
in every aspect ratio. So heights and widths need no clusters of their own, as in YOLO9000 (Redmon & Farhadi 2017,
arXiv:1612.08242, section 2): every level repeats the sizes, and the k-means is over the aspect ratios alone. Distance
is the difference of log(width / height), by which 2:1 is as far from 1:1 as 1:2 is. It puts shapes of the same area in
the order of YOLO9000's distance 1 - IoU, which for a difference d is 1 - 1 / (2 * exp(d / 2) - 1).

Shape alone would not tell anchors of a level from anchors of half the size on a level of twice the stride, where a box
may lie far from the nearest. So overlaps are measured with the boxes at random places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.trainer.model.model_settings import AnchorSettings

COVERED_IOU = 0.5  # RetinaNet learns a box from all anchors of at least this overlap (Lin et al. 2017, section 4)
MAX_RATIOS = 5
MAX_SCALES = 3  # more brought nothing (Lin et al. 2017, table 1c)
# Sizes from one stride up, in eighths of an octave. RetinaNet takes 4 strides, ATSS 8 (arXiv:1912.02424, section 3).
SIZES = tuple(2 ** (step / 8) for step in range(41))
USUAL_SIZE = 8.0  # is exceeded only for boxes that the coarsest level could not cover otherwise
IOU_TOLERANCE = 0.03
COVERED_TOLERANCE = 0.005
SAMPLE = 2000  # boxes, of few each several times, since each lies somewhere else: a share of .95 is known to .005
SEED = 0
CLUSTER_DECIMALS = 2


@dataclass(frozen=True)
class Coverage:
    """How well anchors fit boxes.

    Attributes:
        mean_iou: mean over the boxes of the overlap with the best anchor.
        covered: share of the boxes whose best overlap is at least COVERED_IOU.
    """

    mean_iou: float
    covered: float


@dataclass(frozen=True)
class _Candidate:
    anchors: AnchorSettings
    coverage: Coverage


def fit_anchors(box_sizes_px: np.ndarray, levels: range) -> AnchorSettings:
    """Chooses the fewest anchors a place that cover the boxes nearly as well as many.

    Args:
        box_sizes_px: [n, 2] height and width in px of the model's input, n >= 1.
        levels: of the feature pyramid, finest first.
    """
    boxes = np.resize(np.random.default_rng(SEED).permutation(box_sizes_px), (SAMPLE, 2))
    ratios = [_aspect_ratios(boxes, count) for count in range(1, MAX_RATIOS + 1)]
    dense = _best_size(boxes, levels, MAX_SCALES, ratios[-1])
    shapes = {(scales, some) for some in ratios for scales in range(1, MAX_SCALES + 1)}
    for count in sorted({scales * len(some) for scales, some in shapes}):
        candidates = [
            _best_size(boxes, levels, *shape) for shape in sorted(shapes) if shape[0] * len(shape[1]) == count
        ]
        best = max(candidates, key=lambda candidate: candidate.coverage.mean_iou)
        if _nearly(best.coverage, dense.coverage):
            return best.anchors
    return dense.anchors


def measure(anchors: AnchorSettings, box_sizes_px: np.ndarray, levels: range) -> Coverage:
    """How well the anchors of all levels fit boxes at random (always the same) places.

    Args:
        anchors: of every place.
        box_sizes_px: [n, 2] height and width in px of the model's input, n >= 1.
        levels: of the feature pyramid.

    >>> anchors = AnchorSettings(num_scales=1, aspect_ratios=(1.0,), size=4.0)
    >>> measure(anchors, np.array([[32.0, 32.0], [500.0, 20.0]]), range(3, 6)).covered
    0.5
    """
    boxes = np.ascontiguousarray(box_sizes_px.T)  # [2, n], which numpy goes over twice as fast
    places_px = np.random.default_rng(SEED).uniform(0, 2 ** levels[-1], boxes.shape)
    best = np.zeros(boxes.shape[1])
    for level in levels:
        off_px = np.abs(places_px % 2**level - 2**level / 2)  # from the nearest place of this level's anchors
        for anchor_px in anchor_sizes_px(anchors, level):
            np.maximum(best, _iou(boxes, anchor_px[:, None], off_px), out=best)
    return Coverage(float(best.mean()), float((best >= COVERED_IOU).mean()))


def anchor_sizes_px(anchors: AnchorSettings, level: int) -> np.ndarray:
    """Height and width, [a, 2], of the anchors at each place of a level."""
    sizes = anchors.size * 2.0 ** (level + np.arange(anchors.num_scales) / anchors.num_scales)
    root = np.sqrt(anchors.aspect_ratios)
    return np.stack([np.outer(sizes, 1 / root).ravel(), np.outer(sizes, root).ravel()], axis=1)


def _iou(boxes_px: np.ndarray, anchor_px: np.ndarray, off_px: np.ndarray) -> np.ndarray:
    """Overlap [n] of boxes [2, n] with one anchor [2, 1]; off [2, n] is from centre to centre."""
    common = np.minimum((boxes_px + anchor_px) / 2 - off_px, np.minimum(boxes_px, anchor_px))
    overlap = np.prod(np.maximum(common, 0), axis=0)
    return overlap / (np.prod(boxes_px, axis=0) + np.prod(anchor_px) - overlap)


def _best_size(boxes: np.ndarray, levels: range, scales: int, ratios: tuple[float, ...]) -> _Candidate:
    """Of the sizes that cover nearly the most boxes, the one with the highest mean overlap."""
    sizes = [AnchorSettings(num_scales=scales, aspect_ratios=ratios, size=_rounded(size)) for size in SIZES]
    candidates = [_Candidate(anchors, measure(anchors, boxes, levels)) for anchors in sizes]
    most = max(candidate.coverage.covered for candidate in candidates)
    covering = [candidate for candidate in candidates if candidate.coverage.covered >= most - COVERED_TOLERANCE]
    usual = [candidate for candidate in covering if candidate.anchors.size <= USUAL_SIZE]
    return max(usual or covering, key=lambda candidate: candidate.coverage.mean_iou)


def _nearly(fewer: Coverage, many: Coverage) -> bool:
    return fewer.mean_iou >= many.mean_iou - IOU_TOLERANCE and fewer.covered >= many.covered - COVERED_TOLERANCE


def _aspect_ratios(boxes: np.ndarray, count: int) -> tuple[float, ...]:
    """Width / height of at most `count` clusters, ascending."""
    centres = cluster(np.log(boxes[:, 1] / boxes[:, 0]), count)
    return tuple(sorted({_rounded(float(np.exp(centre))) for centre in centres}))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def cluster(values: np.ndarray, count: int) -> np.ndarray:
    """The centres with the least sum of squared distances to them, by dynamic programming.

    Lloyd's iterations end in whatever optimum their random start leads to, and may miss a small cluster far out; in one
    dimension the best of all divisions can be had. (Wang & Song, Ckmeans.1d.dp, The R Journal 3/2, 2011.)

    Args:
        values: [n] float, n >= 1; they are rounded to CLUSTER_DECIMALS decimals.
        count: clusters, at most.

    Returns:
        [k] ascending; fewer than `count` if there are fewer different values.

    >>> cluster(np.array([0.0, 5.0, 0.02, 5.02, 9.0]), 3)
    array([0.01, 5.01, 9.  ])
    """
    points, weights = np.unique(np.round(values, CLUSTER_DECIMALS), return_counts=True)
    spread, centres = _clusters(points, weights)
    least = spread[0]  # [last point], of all points up to it
    starts = [np.zeros(len(points), dtype=int)]  # [clusters - 1][last point]: where the last cluster begins
    for _ in range(min(count, len(points)) - 1):
        split = np.concatenate([[np.inf], least[:-1]])[:, None] + spread  # [begin of the last cluster, last point]
        starts.append(split.argmin(axis=0))
        least = split.min(axis=0)
    found, last = [], len(points) - 1
    for start in reversed(starts):
        found.append(centres[start[last], last])
        last = start[last] - 1
    return np.array(found[::-1])


def _clusters(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squared distances and centre of the points [first..last], both [first, last]; inf where last < first."""
    total, sums, squares = (np.concatenate([[0.0], np.cumsum(weights * points**power)]) for power in range(3))
    ordered = np.triu(np.ones((len(points), len(points)), dtype=bool))
    mass = np.where(ordered, total[None, 1:] - total[:-1, None], 1.0)
    centres = (sums[None, 1:] - sums[:-1, None]) / mass
    spread = squares[None, 1:] - squares[:-1, None] - mass * centres**2
    return np.where(ordered, np.maximum(spread, 0.0), np.inf), centres
