"""Overlap of boxes, in the order of float64 operations that pycocotools uses.

The order matters: an IoU that lies on a threshold (.5, .55, ...) must fall on the same side as in pycocotools.
"""

from __future__ import annotations

import numpy as np


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
