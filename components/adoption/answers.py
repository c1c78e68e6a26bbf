"""What a foreign detector answered, as it stands there, and what that is in our terms; pure.

How its four numbers are to be read is an assumption, `BoxReading`, which `proof` holds against a golden set.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.schemas.data.columns import DetectionColumns

_MOST_FRACTION = 4.0  # no set of images has all its boxes within 4 px of the corner


class Order(str, enum.Enum):
    """Of the four numbers of a box."""

    YXYX = "yxyx"
    XYXY = "xyxy"

    @property
    def words(self) -> str:
        """The numbers by name."""
        return "[ymin, xmin, ymax, xmax]" if self is Order.YXYX else "[xmin, ymin, xmax, ymax]"


class Unit(str, enum.Enum):
    """Of the four numbers of a box."""

    FRACTIONS = "fractions"  # of the image
    PIXELS = "pixels"  # of the image
    INPUT_PIXELS = "input pixels"  # of the model's input, into which the image was fitted

    @property
    def words(self) -> str:
        """In a sentence."""
        return {
            Unit.FRACTIONS: "fractions of the image",
            Unit.PIXELS: "pixels of the image",
            Unit.INPUT_PIXELS: "pixels of the model's input",
        }[self]


@dataclass(frozen=True)
class BoxReading:
    """How boxes are to be read."""

    order: Order
    unit: Unit

    @property
    def words(self) -> str:
        """In a sentence."""
        return f"{self.order.words} in {self.unit.words}"


@dataclass(frozen=True, eq=False)
class Answer:
    """What the detector returned for one image.

    Attributes:
        boxes: [n, 4] float64, unread.
        numbers: [n] float64, of the classes.
        scores: [n] float64.
        size_px: [2] float64, height and width of the image.
        scale: [2] float64, from px of the image to those of the model's input, y and x; 1 where that is not said.
        offset: [2] float64, px that were cut off at the top and left of the scaled image.
    """

    boxes: np.ndarray
    numbers: np.ndarray
    scores: np.ndarray
    size_px: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    @property
    def is_finite(self) -> bool:
        """Whether all of it are numbers."""
        return all(bool(np.isfinite(values).all()) for values in (self.boxes, self.numbers, self.scores))


def boxes_yxyx_px(answer: Answer, reading: BoxReading) -> np.ndarray:
    """[n, 4] float64, in px of the image, as the reading has them; not cut at its borders.

    >>> of = np.array([10.0, 20.0])
    >>> answer = Answer(np.array([[0.1, 0.2, 0.5, 0.5]]), np.ones(1), np.ones(1), of, np.ones(2), np.zeros(2))
    >>> boxes_yxyx_px(answer, BoxReading(Order.XYXY, Unit.FRACTIONS)).tolist()
    [[2.0, 2.0, 5.0, 10.0]]
    """
    boxes = answer.boxes if reading.order is Order.YXYX else answer.boxes[:, [1, 0, 3, 2]]
    if reading.unit is Unit.FRACTIONS:
        return boxes * np.tile(answer.size_px, 2)
    if reading.unit is Unit.INPUT_PIXELS:
        return (boxes + np.tile(answer.offset, 2)) / np.tile(answer.scale, 2)
    return boxes


def found_by(answers: Sequence[Answer], reading: BoxReading, ids: Sequence[int]) -> DetectionColumns:
    """What the answers are as detections of ours: boxes inside of the image, surest first, known classes only.

    Args:
        answers: one an image.
        reading: of their boxes.
        ids: the number of each class, ascending; its place is the label.

    Returns:
        Labels 1..K in the order of `ids`.
    """
    return DetectionColumns.join([_found(answer, reading, np.array(ids)) for answer in answers], [1] * len(answers))


def _found(answer: Answer, reading: BoxReading, ids: np.ndarray) -> DetectionColumns:
    corners = np.clip(boxes_yxyx_px(answer, reading), 0.0, np.tile(answer.size_px, 2))
    numbers = np.rint(answer.numbers).astype(np.int64)
    places = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
    kept = np.flatnonzero((ids[places] == numbers) & (answer.scores > 0))
    kept = kept[np.argsort(-answer.scores[kept], kind="stable")]
    ymin, xmin, ymax, xmax = corners[kept].T
    boxes = np.stack([xmin, ymin, np.maximum(xmax - xmin, 0.0), np.maximum(ymax - ymin, 0.0)], axis=1)
    return DetectionColumns(np.zeros(len(kept), np.int64), boxes, places[kept] + 1, answer.scores[kept])


def usual(reading: BoxReading, answers: Sequence[Answer]) -> BoxReading:
    """The reading with the unit that the size of the numbers tells: detectors seldom draw beyond twice the image."""
    largest = max((float(np.max(np.abs(answer.boxes), initial=0.0)) for answer in answers), default=0.0)
    if reading.unit is Unit.FRACTIONS and largest > _MOST_FRACTION:
        return replace(reading, unit=Unit.PIXELS)
    if reading.unit is not Unit.FRACTIONS and largest <= _MOST_FRACTION:
        return replace(reading, unit=Unit.FRACTIONS)
    return reading
