"""What is known of one image: its ground truth and what a model detected in it.

Boxes are COCO boxes, `[x, y, width, height]` in pixels of the stored image, float64. That is the
one form inside Ratchet: it is what annotation files hold and what the COCO metric computes with,
so nothing is rounded on the way. Other orders exist only at the edges (tf.Example, SavedModel).

Labels are contiguous, 1..K in the order of the data set's category ids; 0 is background.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What COCO itself defines of an entry of images[]; what else it holds are the data set's own attributes.
COCO_IMAGE_KEYS = frozenset(
    ("id", "file_name", "width", "height", "license", "flickr_url", "coco_url", "date_captured")
)


def _checked(name: str, value: object, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    array = np.asarray(value, dtype=dtype)
    if array.size == 0 and len(shape) == 2:
        array = array.reshape(0, shape[1] or 0)
    expected = str(tuple("n" if n is None else n for n in shape)).replace("'", "")
    if array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape)):
        raise ValueError(f"{name}: expected shape {expected}, got {array.shape}")
    return array


def _same_length(owner: str, **arrays: np.ndarray) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{owner}: arrays differ in length: {lengths}")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The labelled objects of one image.

    Attributes:
        boxes_xywh_px: [n, 4] float64.
        labels: [n] int64, 1..K.
        area_px2: [n] float64, the annotation's own area (COCO: of the mask where there is one).
        is_crowd: [n] bool.
    """

    boxes_xywh_px: np.ndarray
    labels: np.ndarray
    area_px2: np.ndarray
    is_crowd: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes_xywh_px", _checked("boxes_xywh_px", self.boxes_xywh_px, np.float64, (None, 4)))
        object.__setattr__(self, "labels", _checked("labels", self.labels, np.int64, (None,)))
        object.__setattr__(self, "area_px2", _checked("area_px2", self.area_px2, np.float64, (None,)))
        object.__setattr__(self, "is_crowd", _checked("is_crowd", self.is_crowd, np.bool_, (None,)))
        _same_length(
            "GroundTruth", boxes=self.boxes_xywh_px, labels=self.labels, area=self.area_px2, is_crowd=self.is_crowd
        )


@dataclass(frozen=True, eq=False)
class Detections:
    """What one model found in one image, in any order.

    Attributes:
        boxes_xywh_px: [m, 4] float64.
        labels: [m] int64, 1..K.
        scores: [m] float64, higher is surer.
    """

    boxes_xywh_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes_xywh_px", _checked("boxes_xywh_px", self.boxes_xywh_px, np.float64, (None, 4)))
        object.__setattr__(self, "labels", _checked("labels", self.labels, np.int64, (None,)))
        object.__setattr__(self, "scores", _checked("scores", self.scores, np.float64, (None,)))
        _same_length("Detections", boxes=self.boxes_xywh_px, labels=self.labels, scores=self.scores)


@dataclass(frozen=True)
class ImageRecord:
    """One labelled image of a data set.

    Attributes:
        image_id: the data set's own id, unique within it.
        file_name: path of the image below the data set's `images/`.
        width_px: width of the stored image.
        height_px: height of the stored image.
        truth: its labelled objects.
        attributes: what else the data set says of the image, such as its camera; for slices and groups.
    """

    image_id: int
    file_name: str
    width_px: int
    height_px: int
    truth: GroundTruth = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)


def image_attributes(entry: Mapping[str, Any]) -> dict[str, str]:
    """The categorical attributes of an entry of COCO's images[]: plain values under keys that COCO does not define.

    >>> image_attributes({"id": 1, "camera": "north", "night": True, "exif": {"iso": 100}})
    {'camera': 'north', 'night': 'True'}
    """
    if COCO_IMAGE_KEYS.issuperset(entry):
        return {}
    return {
        key: str(value)
        for key, value in entry.items()
        if key not in COCO_IMAGE_KEYS and isinstance(value, (str, int, bool))
    }


def attribute_columns(images: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    """The attributes of several images by name, [i] str; empty for an image that has none of that name.

    >>> attribute_columns([{"camera": "north"}, {}])["camera"].tolist()
    ['north', '']
    """
    names = sorted({name for image in images for name in image})
    return {name: np.array([image.get(name, "") for image in images]) for name in names}


@dataclass(frozen=True)
class LabelMap:
    """The classes of a data set: label i (from 1) is the i-th name.

    Attributes:
        names: class names in the order of the category ids.
        category_ids: the data set's own category ids, ascending.
    """

    names: tuple[str, ...]
    category_ids: tuple[int, ...]

    def name(self, label: int) -> str:
        """The class name of a label, 1..K."""
        return self.names[label - 1]


def record_to_json(record: ImageRecord, in_any_order: bool = False) -> bytes:
    """One record as a line of JSON; floats keep every bit.

    Args:
        record: what to write.
        in_any_order: whether the same objects in another order give the same bytes: they are sorted.

    Returns:
        ASCII JSON without a newline, keys sorted: equal records give equal bytes.
    """
    truth = record.truth
    columns = (truth.labels, truth.boxes_xywh_px, truth.area_px2, truth.is_crowd)
    labels, boxes, areas, crowds = (column.tolist() for column in columns)
    if in_any_order and labels:
        labels, boxes, areas, crowds = zip(*sorted(zip(labels, boxes, areas, crowds)))
    value = {
        "image_id": record.image_id,
        "file_name": record.file_name,
        "width_px": record.width_px,
        "height_px": record.height_px,
        "boxes_xywh_px": boxes,
        "labels": labels,
        "area_px2": areas,
        "is_crowd": crowds,
        "attributes": dict(record.attributes),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def record_from_json(text: bytes) -> ImageRecord:
    """The inverse of `record_to_json`.

    Args:
        text: what `record_to_json` returned.

    Returns:
        The record, every float as it was.
    """
    return record_of(json.loads(text))


def record_of(value: Mapping[str, Any]) -> ImageRecord:
    """The record of a value that was read from the JSON of `record_to_json`."""
    truth = GroundTruth(value["boxes_xywh_px"], value["labels"], value["area_px2"], value["is_crowd"])
    return ImageRecord(
        value["image_id"], value["file_name"], value["width_px"], value["height_px"], truth, value["attributes"]
    )
