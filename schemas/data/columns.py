"""Objects of many images as columns: what the metrics compute with, without a Python object per image or box.

`image` says to which image a row belongs, as a position in a list of images that travels beside the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ratchet.schemas.data.records import Detections, GroundTruth


@dataclass(frozen=True, eq=False)
class TruthColumns:
    """The labelled objects of several images, those of one image in the order of its annotation.

    Attributes:
        image: [n] int64, position of the image.
        boxes_xywh_px: [n, 4] float64.
        labels: [n] int64, 1..K.
        area_px2: [n] float64, the annotation's own area.
        is_crowd: [n] bool.
    """

    image: np.ndarray
    boxes_xywh_px: np.ndarray
    labels: np.ndarray
    area_px2: np.ndarray
    is_crowd: np.ndarray

    @classmethod
    def of(cls, images: Sequence[GroundTruth]) -> TruthColumns:
        """Joins the objects of single images; position i is that of `images[i]`.

        >>> TruthColumns.of([GroundTruth([], [], [], []), GroundTruth([[0, 0, 2, 3]], [1], [6], [0])]).image
        array([1])
        """
        return cls(
            image=np.repeat(np.arange(len(images)), [len(truth.labels) for truth in images]),
            boxes_xywh_px=np.concatenate([np.empty((0, 4)), *(truth.boxes_xywh_px for truth in images)]),
            labels=np.concatenate([np.empty(0, np.int64), *(truth.labels for truth in images)]),
            area_px2=np.concatenate([np.empty(0), *(truth.area_px2 for truth in images)]),
            is_crowd=np.concatenate([np.empty(0, np.bool_), *(truth.is_crowd for truth in images)]),
        )

    def of_images(self, keep: np.ndarray) -> TruthColumns:
        """The objects of some images, whose positions are counted anew; `keep` is [i] bool."""
        return _of_images(self, keep)


@dataclass(frozen=True, eq=False)
class DetectionColumns:
    """What one model found in several images; equal scores of one image count in the order given.

    Attributes:
        image: [m] int64, position of the image.
        boxes_xywh_px: [m, 4] float64.
        labels: [m] int64, 1..K.
        scores: [m] float64, higher is surer.
    """

    image: np.ndarray
    boxes_xywh_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, images: Sequence[Detections]) -> DetectionColumns:
        """Joins the detections of single images; position i is that of `images[i]`.

        >>> DetectionColumns.of([Detections([[0, 0, 2, 3]], [1], [0.5]), Detections([], [], [])]).image
        array([0])
        """
        return cls(
            image=np.repeat(np.arange(len(images)), [len(found.labels) for found in images]),
            boxes_xywh_px=np.concatenate([np.empty((0, 4)), *(found.boxes_xywh_px for found in images)]),
            labels=np.concatenate([np.empty(0, np.int64), *(found.labels for found in images)]),
            scores=np.concatenate([np.empty(0), *(found.scores for found in images)]),
        )

    def of_images(self, keep: np.ndarray) -> DetectionColumns:
        """The detections in some images, whose positions are counted anew; `keep` is [i] bool."""
        return _of_images(self, keep)

    @classmethod
    def join(cls, parts: Sequence[DetectionColumns], images: Sequence[int]) -> DetectionColumns:
        """The detections of several lists of images as those of one.

        Args:
            parts: one of each list.
            images: how many images each list has.

        >>> one = DetectionColumns.of([Detections([[0, 0, 2, 3]], [1], [0.5])])
        >>> DetectionColumns.join([one, one], [3, 1]).image
        array([0, 3])
        """
        starts = np.cumsum([0, *images])
        return cls(
            image=np.concatenate([np.empty(0, np.int64), *(part.image + start for part, start in zip(parts, starts))]),
            boxes_xywh_px=np.concatenate([np.empty((0, 4)), *(part.boxes_xywh_px for part in parts)]),
            labels=np.concatenate([np.empty(0, np.int64), *(part.labels for part in parts)]),
            scores=np.concatenate([np.empty(0), *(part.scores for part in parts)]),
        )


Columns = TypeVar("Columns", TruthColumns, DetectionColumns)


def rows_of(columns: Columns, rows: np.ndarray) -> Columns:
    """Some rows of columns; `rows` is a mask or positions."""
    return type(columns)(**{name: values[rows] for name, values in vars(columns).items()})


def _of_images(columns: Columns, keep: np.ndarray) -> Columns:
    kept = rows_of(columns, keep[columns.image])
    return replace(kept, image=(np.cumsum(keep) - 1)[kept.image])
