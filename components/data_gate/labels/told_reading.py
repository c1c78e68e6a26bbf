"""The reading that a rule told, made again from its words, so that a picture can draw it; pure."""

from __future__ import annotations

import re

import numpy as np

from components.data_gate.labels.readings import ORDERS, TURNS

_SCALED = re.compile(
    r"drawn on an image(?: of about \d+x\d+ px)?, ([\d.]+) of the file's(?: width and ([\d.]+) of its)?"
)
_RESIZED = re.compile(r"all resized to about (\d+)x(\d+) px")


def told_boxes(text: str, boxes_xywh_px: np.ndarray, size_px: tuple[int, int]) -> np.ndarray | None:
    """Boxes of one image as the reading that is told in words makes them; of several the first.

    Args:
        text: what the rule `labels:reading` found.
        boxes_xywh_px: [n, 4].
        size_px: width and height of the image.

    Returns:
        [n, 4], NaN where a box cannot be read so; None where no reading is told.

    >>> told_boxes("fit only if read as [x1, y1, x2, y2]", np.array([[10.0, 20, 30, 60]]), (99, 99)).tolist()
    [[10.0, 20.0, 20.0, 40.0]]
    >>> told_boxes("drawn on an image, 0.5 of the file's", np.array([[10.0, 20, 30, 60]]), (99, 99)).tolist()
    [[20.0, 40.0, 60.0, 120.0]]
    """
    told = [reading for reading in (*ORDERS, *TURNS) if reading.meaning in text]
    if told:
        sizes = np.tile(np.array(size_px, np.float64), (len(boxes_xywh_px), 1))
        return min(told, key=lambda reading: text.index(reading.meaning)).boxes(boxes_xywh_px, sizes)
    scaled, resized = _SCALED.search(text), _RESIZED.search(text)
    if scaled:
        across = float(scaled[1])
        return boxes_xywh_px / np.tile([across, float(scaled[2] or across)], 2)
    if resized:
        return boxes_xywh_px * np.tile(np.array(size_px) / [float(resized[1]), float(resized[2])], 2)
    return None
