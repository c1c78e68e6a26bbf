"""What the served model's signature returns -> what Ratchet computes with; pure."""

from __future__ import annotations

import numpy as np

from schemas.records import Detections


def to_detections(boxes_yxyx_px: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> Detections:
    """From the order of TensorFlow's signature to ours.

    Args:
        boxes_yxyx_px: [m, 4] ymin, xmin, ymax, xmax.
        labels: [m], 1..K.
        scores: [m].

    >>> to_detections(np.array([[1, 2, 4, 6]]), np.array([3]), np.array([0.5])).boxes_xywh_px
    array([[2., 1., 4., 3.]])
    """
    ymin, xmin, ymax, xmax = boxes_yxyx_px.astype(np.float64).T
    boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=-1)
    return Detections(boxes, labels, scores)
