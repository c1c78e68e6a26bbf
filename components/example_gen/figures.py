"""What is compared of an image's boxes: their shapes, and how many there are; pure."""

from __future__ import annotations

import numpy as np

from ratchet.schemas.data import features
from ratchet.schemas.data.records import ImageRecord

BORDER_PX = 1.0  # a box that comes this near to the border is cut off by it


def box_shapes(record: ImageRecord) -> dict[str, list[float]]:
    """Area, aspect and centre of each box of an image, by feature key."""
    x, y, width, height = record.truth.boxes_xywh_px.T
    return {
        features.QA_BOX_LOG_AREA: np.log(width * height / (record.width_px * record.height_px)).tolist(),
        features.QA_BOX_LOG_ASPECT: np.log(width / height).tolist(),
        features.QA_BOX_CENTER_X: ((x + width / 2) / record.width_px).tolist(),
        features.QA_BOX_CENTER_Y: ((y + height / 2) / record.height_px).tolist(),
    }


def box_counts(record: ImageRecord) -> dict[str, list[int]]:
    """How many boxes an image has, for crowds and cut off by its border among them, by feature key."""
    x, y, width, height = record.truth.boxes_xywh_px.T
    right, bottom = x + width, y + height
    margin = BORDER_PX
    cut = (x <= margin) | (y <= margin) | (right >= record.width_px - margin) | (bottom >= record.height_px - margin)
    return {
        features.QA_NUM_BOXES: [len(x)],
        features.QA_NUM_CROWD: [int(record.truth.is_crowd.sum())],
        features.QA_NUM_TRUNCATED: [int(cut.sum())],
    }
