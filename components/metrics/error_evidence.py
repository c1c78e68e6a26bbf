"""What the error types are told from: which boxes match at one IoU, and what every detection overlaps most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.metrics.coco_rules import MAX_DETECTIONS
from components.metrics.overlaps import Overlaps, overlaps
from schemas.data.columns import DetectionColumns, TruthColumns


@dataclass(frozen=True, eq=False)
class Nearest:
    """Of every detection the object it overlaps most, the first of equal ones.

    Attributes:
        iou: [m] float64, 0 without an object.
        truth: [m] int64, row of the object, -1 without.
    """

    iou: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of the boxes of some images, rows as in the columns it was made from.

    Attributes:
        order: [m] int64, rows of the detections, best score first, then by image.
        hit: [m] bool, detections that have an object.
        ignored: [m] bool, detections that lie in a crowd, whether they hit or not, or are not among the best of their
            image and class.
        found: [n] bool, objects that have a detection.
        own: the objects of the same class.
        other: the objects of other classes.
    """

    order: np.ndarray
    hit: np.ndarray
    ignored: np.ndarray
    found: np.ndarray
    own: Nearest
    other: Nearest


def evidence(truth: TruthColumns, detections: DetectionColumns, match_iou: float, least_iou: float) -> Evidence:
    """Match the boxes of some images at one IoU, and see what else they overlap.

    Args:
        truth: the objects of the images.
        detections: what a model found in the same images.
        match_iou: overlap from which on a box is right.
        least_iou: overlap below which it is taken for none; above 0 and at most match_iou.

    Returns:
        Who hits what as COCO's evaluation has it, and the nearest objects.
    """
    order = np.lexsort((detections.image, -detections.scores))
    counted = _counted(detections, order)
    pairs = overlaps(detections, truth, least_iou)
    same = detections.labels[pairs.detection] == truth.labels[pairs.truth]
    crowd, fits = truth.is_crowd[pairs.truth], pairs.iou >= match_iou
    rows = np.flatnonzero(same & fits & ~crowd & counted[pairs.detection])
    hit, found = _matched(pairs, rows, order, len(truth.labels))
    ignored = ~counted
    ignored[pairs.detection[same & fits & crowd]] = True
    return Evidence(
        order=order,
        hit=hit,
        ignored=ignored,
        found=found,
        own=_nearest(pairs, np.flatnonzero(same & ~crowd), len(order)),
        other=_nearest(pairs, np.flatnonzero(~same & ~crowd), len(order)),
    )


def _counted(detections: DetectionColumns, order: np.ndarray) -> np.ndarray:
    """Which detections are among the best of their image and class, [m] bool."""
    by_group = order[np.lexsort((detections.labels[order], detections.image[order]))]
    image, label = detections.image[by_group], detections.labels[by_group]
    place = np.arange(len(by_group))
    starts = np.ones(len(by_group), dtype=np.bool_)
    starts[1:] = (image[1:] != image[:-1]) | (label[1:] != label[:-1])
    counted = np.zeros(len(by_group), dtype=np.bool_)
    counted[by_group] = place - np.maximum.accumulate(np.where(starts, place, 0)) < MAX_DETECTIONS
    return counted


def _matched(pairs: Overlaps, rows: np.ndarray, order: np.ndarray, num_truth: int) -> tuple[np.ndarray, np.ndarray]:
    """Which detections hit, [m] bool, and which objects are found, [n] bool; `rows` are the pairs that may match."""
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order))
    # The better score chooses first: the object it overlaps most, on a tie the last, as pycocotools does.
    rows = rows[np.lexsort((-pairs.truth[rows], -pairs.iou[rows], turn[pairs.detection[rows]]))]
    hit, found = np.zeros(len(order), dtype=np.bool_), np.zeros(num_truth, dtype=np.bool_)
    # One by one, for each choice depends on those before it; only boxes on an object of their class come here.
    for detection, truth in zip(pairs.detection[rows].tolist(), pairs.truth[rows].tolist()):
        if not hit[detection] and not found[truth]:
            hit[detection] = found[truth] = True
    return hit, found


def _nearest(pairs: Overlaps, rows: np.ndarray, num_detections: int) -> Nearest:
    rows = rows[np.lexsort((pairs.truth[rows], -pairs.iou[rows], pairs.detection[rows]))]
    detection, first = np.unique(pairs.detection[rows], return_index=True)
    nearest = Nearest(np.zeros(num_detections), np.full(num_detections, -1))
    nearest.iou[detection], nearest.truth[detection] = pairs.iou[rows[first]], pairs.truth[rows[first]]
    return nearest
