"""The ways in which four numbers give a box; ours is COCO's, `[x, y, width, height]` in pixels.

The first five orders are those of the field: COCO, Pascal VOC, YOLO, and the first two with y before x, as TensorFlow
has them. The others come of mistakes: corners in the wrong order, and numbers that were converted although they needed
not be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

PIXELS = "pixels"
FRACTIONS = "fractions of the image, 0..1"
PERCENT = "percent of the image, 0..100"

_WHOLE = {FRACTIONS: 1.0, PERCENT: 100.0}


@dataclass(frozen=True)
class BoxFormat:
    """An order of four numbers, and their unit.

    Attributes:
        order: the numbers, in words.
        to_xywh: from the four columns to x, y, width and height, in the same unit.
        unit: PIXELS, FRACTIONS or PERCENT.
    """

    order: str
    to_xywh: Callable[..., tuple[np.ndarray, ...]]
    unit: str = PIXELS

    def of(self, unit: str) -> BoxFormat:
        """The same order in another unit."""
        return replace(self, unit=unit)

    def boxes(self, numbers: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
        """What numbers in this format are as COCO boxes.

        Args:
            numbers: [n, 4].
            sizes_px: [n, 2], width and height of each box's image; pixels do not need them.

        Returns:
            [n, 4] float64, `[x, y, width, height]` in pixels.

        >>> CXCYWH.boxes(np.array([[10.0, 20, 4, 6]]), np.empty((1, 2))).tolist()
        [[8.0, 17.0, 4.0, 6.0]]
        >>> XYXY.of(FRACTIONS).boxes(np.array([[0.5, 0.5, 1, 1]]), np.array([[10.0, 20.0]])).tolist()
        [[5.0, 10.0, 5.0, 10.0]]
        """
        if self.unit == PIXELS:
            return np.stack(self.to_xywh(*numbers.T), axis=1)
        return np.stack(self.to_xywh(*(numbers / _WHOLE[self.unit]).T), axis=1) * np.tile(sizes_px, 2)

    def beside(self, expected: BoxFormat) -> str:
        """In words, what is different in this format from the expected one.

        >>> XYXY.beside(XYWH), XYXY.of(FRACTIONS).beside(XYWH), XYWH.of(FRACTIONS).beside(XYWH)
        ('[x1, y1, x2, y2]', '[x1, y1, x2, y2] as fractions of the image, 0..1', 'fractions of the image, 0..1')
        """
        if self.unit == expected.unit:
            return self.order
        if self.order == expected.order:
            return self.unit
        return f"{self.order} {'in' if self.unit == PIXELS else 'as'} {self.unit}"


XYWH = BoxFormat("[x, y, width, height]", lambda a, b, c, d: (a, b, c, d))
XYXY = BoxFormat("[x1, y1, x2, y2]", lambda a, b, c, d: (a, b, c - a, d - b))
CXCYWH = BoxFormat("[center x, center y, width, height]", lambda a, b, c, d: (a - c / 2, b - d / 2, c, d))
YXHW = BoxFormat("[y, x, height, width]", lambda a, b, c, d: (b, a, d, c))
YXYX = BoxFormat("[y1, x1, y2, x2]", lambda a, b, c, d: (b, a, d - b, c - a))
CYCXHW = BoxFormat("[center y, center x, height, width]", lambda a, b, c, d: (b - d / 2, a - c / 2, d, c))
XYXY_SWAPPED = BoxFormat("[x2, y2, x1, y1]", lambda a, b, c, d: (c, d, a - c, b - d))
XYWH_TAKEN_FOR_XYXY = BoxFormat(
    "x, y, width, height that were taken for corners", lambda a, b, c, d: (a, b, c + a, d + b)
)
XYXY_TAKEN_FOR_XYWH = BoxFormat(
    "corners that were taken for x, y, width, height", lambda a, b, c, d: (a, b, c - 2 * a, d - 2 * b)
)
