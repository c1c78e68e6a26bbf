"""What a configuration has to fit, counted in a data set's annotations; pure."""

from __future__ import annotations

import collections
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.trainer.model.data_fit import BoxShapes
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import ImageRecord, LabelMap

_MOST_GROUPS = 200  # of an attribute; with more it is a name rather than a group


@dataclass(frozen=True, eq=False)
class DataFigures:
    """What was counted in one data set; objects are those that are no crowd.

    Attributes:
        directory: where it lies.
        shapes: sizes of images and objects.
        class_boxes: objects of each class of the label map, in its order.
        objects_an_image: [m] how many each image has.
        attributes: how many values an attribute of the images has, by its name; of those that could be groups.
    """

    directory: str
    shapes: BoxShapes
    class_boxes: Mapping[str, int]
    objects_an_image: np.ndarray
    attributes: Mapping[str, int]

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.shapes.image_sizes_px)

    @property
    def objects(self) -> int:
        """How many objects there are."""
        return len(self.shapes.box_sizes_px)

    @property
    def median_image_px(self) -> tuple[int, int]:
        """Height and width of the typical image."""
        height, width = np.median(self.shapes.image_sizes_px, axis=0)
        return round(height), round(width)


def figures_of(directory: str, records: Sequence[ImageRecord], label_map: LabelMap) -> DataFigures:
    """Counts what a configuration has to fit.

    Args:
        directory: of the data set.
        records: its images.
        label_map: its classes.

    Raises:
        DataError: nothing is labelled.
    """
    kept = [record.truth.boxes_xywh_px[~record.truth.is_crowd] for record in records]
    labels = [record.truth.labels[~record.truth.is_crowd] for record in records]
    counts = np.array([len(boxes) for boxes in kept], dtype=np.int64)
    if not counts.sum():
        raise DataError(
            f"{directory}: none of its {len(records)} images has a labelled object, so there is nothing to propose a "
            "configuration from; deliver the labels"
        )
    sizes = np.array([[record.height_px, record.width_px] for record in records], dtype=np.float64)
    boxes = np.concatenate(kept)[:, [3, 2]]  # COCO has width before height
    of_class = np.bincount(np.concatenate(labels), minlength=len(label_map.names) + 1)
    return DataFigures(
        directory=directory,
        shapes=BoxShapes(sizes, boxes, np.repeat(np.arange(len(records)), counts)),
        class_boxes={name: int(of_class[label]) for label, name in enumerate(label_map.names, start=1)},
        objects_an_image=counts,
        attributes=_groups(records),
    )


def _groups(records: Sequence[ImageRecord]) -> dict[str, int]:
    """Attributes that every image has, with several images to a value, as frames of one camera have."""
    values: dict[str, set[str]] = collections.defaultdict(set)
    having: collections.Counter[str] = collections.Counter()
    for record in records:
        for name, value in record.attributes.items():
            values[name].add(value)
            having[name] += 1
    limit = min(_MOST_GROUPS, len(records) // 2)
    return {
        name: len(values[name])
        for name in sorted(values)
        if having[name] == len(records) and 1 < len(values[name]) <= limit
    }


def name_of(directory: str) -> str:
    """The last part of a directory's path, for messages."""
    return os.path.basename(os.path.normpath(directory))
