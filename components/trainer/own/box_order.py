"""Whether boxes lie on the objects only with x before y, as other frameworks give them; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ratchet.components.metrics.boxes import overlapping

_LIES_ON = 0.5  # IoU
_TIMES_OBJECTS = 2  # detections of an image that count: a hundred boxes hit something in any order
_LEAST, _SHARE, _TIMES = 5, 0.3, 4  # objects that the other order finds: so many, of all, and as often as read


def x_comes_first(
    found: Sequence[tuple[np.ndarray, np.ndarray]], objects_yxyx_px: Sequence[np.ndarray]
) -> tuple[int, int] | None:
    """Whether a detector's boxes are right only as xmin, ymin, xmax, ymax.

    Args:
        found: of each image, boxes [n, 4] that are taken for ymin, xmin, ymax, xmax, and their scores.
        objects_yxyx_px: of each image, [m, 4].

    Returns:
        How many objects a box lies on as it is read, and with x before y; None: the order is right, or cannot be told.
    """
    as_read, otherwise = (_hits(found, objects_yxyx_px, order) for order in ([0, 1, 2, 3], [1, 0, 3, 2]))
    objects = sum(map(len, objects_yxyx_px))
    wrong = otherwise >= max(_LEAST, _SHARE * objects, _TIMES * as_read)
    return (as_read, otherwise) if wrong else None


def _hits(
    found: Sequence[tuple[np.ndarray, np.ndarray]], objects_yxyx_px: Sequence[np.ndarray], order: list[int]
) -> int:
    hit = 0
    for (boxes, scores), objects in zip(found, objects_yxyx_px):
        surest = np.argsort(-scores, kind="stable")[: _TIMES_OBJECTS * len(objects)]
        one, other = np.zeros(len(surest), np.int64), np.zeros(len(objects), np.int64)
        pairs = overlapping(one, _xywh(boxes[surest][:, order]), other, _xywh(objects), least_iou=_LIES_ON)
        hit += len(np.unique(pairs.other))
    return hit


def _xywh(boxes_yxyx: np.ndarray) -> np.ndarray:
    ymin, xmin, ymax, xmax = boxes_yxyx.astype(np.float64).T
    return np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)
