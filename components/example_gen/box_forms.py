"""The four ways in which annotations give a box, and what the numbers may have been meant as instead.

A reading takes the numbers as they were given, [n, 4], and the images' sizes, [n, 2] (width, height in px), and
returns COCO boxes, [n, 4].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Reading = Callable[[np.ndarray, np.ndarray], np.ndarray]

FRACTIONS = "fractions of the image, 0..1"


@dataclass(frozen=True)
class BoxForm:
    """How a format gives a box.

    Attributes:
        name: what it calls a box.
        order: its numbers.
        in_pixels: whether they are pixels; otherwise fractions of the image.
        readings: what the numbers of a bad box may be, in words, the likeliest first.
    """

    name: str
    order: str
    in_pixels: bool
    readings: Mapping[str, Reading]


def _of(order: Callable[..., tuple[np.ndarray, ...]]) -> Reading:
    """Makes a reading of a function from the four columns to x, y, width, height in the unit that was given."""
    return lambda given, sizes: np.stack(order(*given.T), axis=1)


def _scaled(reading: Reading, whole: float = 1.0) -> Reading:
    """The same numbers as shares of the image's size."""
    return lambda given, sizes: reading(given / whole, sizes) * np.tile(sizes, 2)


_xywh = _of(lambda a, b, c, d: (a, b, c, d))
_yxhw = _of(lambda a, b, c, d: (b, a, d, c))
_xyxy = _of(lambda a, b, c, d: (a, b, c - a, d - b))
_yxyx = _of(lambda a, b, c, d: (b, a, d - b, c - a))
_xyxy_swapped = _of(lambda a, b, c, d: (c, d, a - c, b - d))
_centered = _of(lambda a, b, c, d: (a - c / 2, b - d / 2, c, d))
_taken_for_corners = _of(lambda a, b, c, d: (a, b, c + a, d + b))
_taken_for_sizes = _of(lambda a, b, c, d: (a, b, c - 2 * a, d - 2 * b))

COCO_BBOX = BoxForm(
    "bbox",
    "x, y, width, height",
    True,
    {
        "[x1, y1, x2, y2]": _xyxy,
        "x, y, width, height that were taken for corners": _taken_for_corners,
        "[y, x, height, width]": _yxhw,
        "[y1, x1, y2, x2]": _yxyx,
        "[center x, center y, width, height]": _centered,
        FRACTIONS: _scaled(_xywh),
        f"[x1, y1, x2, y2] as {FRACTIONS}": _scaled(_xyxy),
        f"[center x, center y, width, height] as {FRACTIONS}": _scaled(_centered),
    },
)
VOC_BNDBOX = BoxForm(
    "bndbox",
    "xmin, ymin, xmax, ymax",
    True,
    {
        "[x, y, width, height]": _xywh,
        "corners that were taken for x, y, width, height": _taken_for_sizes,
        "[xmax, ymax, xmin, ymin]": _xyxy_swapped,
        "[ymin, xmin, ymax, xmax]": _yxyx,
        "[y, x, height, width]": _yxhw,
        "[center x, center y, width, height]": _centered,
        FRACTIONS: _scaled(_xyxy),
        f"[x, y, width, height] as {FRACTIONS}": _scaled(_xywh),
        f"[center x, center y, width, height] as {FRACTIONS}": _scaled(_centered),
    },
)
YOLO_LINE = BoxForm(
    "box",
    "center x, center y, width, height as fractions of the image",
    False,
    {
        "[x, y, width, height]": _scaled(_xywh),
        "[x1, y1, x2, y2]": _scaled(_xyxy),
        "[center y, center x, height, width]": _scaled(_of(lambda a, b, c, d: (b - d / 2, a - c / 2, d, c))),
        "[center x, center y, width, height] in pixels": _centered,
        "[x, y, width, height] in pixels": _xywh,
        "[x1, y1, x2, y2] in pixels": _xyxy,
        "percent of the image, 0..100": _scaled(_centered, 100),
    },
)
TFRECORD_BBOX = BoxForm(
    "bbox",
    "xmin, ymin, xmax, ymax as fractions of the image",
    False,
    {
        "[x, y, width, height]": _scaled(_xywh),
        "[xmax, ymax, xmin, ymin]": _scaled(_xyxy_swapped),
        "[ymin, xmin, ymax, xmax]": _scaled(_yxyx),
        "[center x, center y, width, height]": _scaled(_centered),
        "pixels": _xyxy,
        "[x, y, width, height] in pixels": _xywh,
        "[ymin, xmin, ymax, xmax] in pixels": _yxyx,
    },
)
