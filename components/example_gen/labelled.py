"""What every format's reader makes of a delivery; from here on the formats are the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ratchet.components.coco.areas import mend_areas
from ratchet.components.coco.box_formats import (
    CXCYWH,
    CYCXHW,
    FRACTIONS,
    PERCENT,
    XYWH,
    XYWH_TAKEN_FOR_XYXY,
    XYXY,
    XYXY_SWAPPED,
    XYXY_TAKEN_FOR_XYWH,
    YXHW,
    YXYX,
    BoxFormat,
)
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.records import LabelMap


@dataclass(frozen=True)
class BoxField:
    """How a kind of annotation file gives a box.

    Attributes:
        name: what it calls a box.
        order: its numbers, as it calls them.
        format: of its numbers.
        mistaken: formats that the numbers of a bad box may be in instead, the likeliest first.
    """

    name: str
    order: str
    format: BoxFormat
    mistaken: tuple[BoxFormat, ...]


COCO_BBOX = BoxField(
    "bbox",
    "x, y, width, height",
    XYWH,
    (
        *(XYXY, CXCYWH, YXHW, YXYX, XYWH_TAKEN_FOR_XYXY),
        *(CXCYWH.of(FRACTIONS), XYXY.of(FRACTIONS), XYWH.of(FRACTIONS)),
        *(CXCYWH.of(PERCENT), XYXY.of(PERCENT), XYWH.of(PERCENT)),
    ),
)
VOC_BNDBOX = BoxField(
    "bndbox",
    "xmin, ymin, xmax, ymax",
    XYXY,
    (
        *(XYWH, CXCYWH, YXYX, YXHW, XYXY_SWAPPED, XYXY_TAKEN_FOR_XYWH),
        *(CXCYWH.of(FRACTIONS), XYXY.of(FRACTIONS), XYWH.of(FRACTIONS)),
        *(CXCYWH.of(PERCENT), XYXY.of(PERCENT), XYWH.of(PERCENT)),
    ),
)
YOLO_LINE = BoxField(
    "box",
    "center x, center y, width, height as fractions of the image",
    CXCYWH.of(FRACTIONS),
    (
        *(XYWH.of(FRACTIONS), XYXY.of(FRACTIONS), CYCXHW.of(FRACTIONS)),
        *(CXCYWH, XYWH, XYXY, CXCYWH.of(PERCENT)),
    ),
)
TFRECORD_BBOX = BoxField(
    "bbox",
    "xmin, ymin, xmax, ymax as fractions of the image",
    XYXY.of(FRACTIONS),
    (
        *(XYWH.of(FRACTIONS), XYXY_SWAPPED.of(FRACTIONS), YXYX.of(FRACTIONS), CXCYWH.of(FRACTIONS)),
        *(XYXY, XYWH, YXYX),
    ),
)


class LabelledImage(NamedTuple):
    """One image.

    Attributes:
        id: unique.
        file_name: unique, checked by `file_names.check_file_name`.
        width_px: 1..65535.
        height_px: 1..65535.
        attributes: what else is said of it.
    """

    id: int
    file_name: str
    width_px: int
    height_px: int
    attributes: Mapping[str, str]


class LabelledBox(NamedTuple):
    """One box with finite numbers, which need not be a box of its image.

    Attributes:
        image: position of its image in `Labelled.images`.
        label: 1..K.
        given: the four numbers of the file.
        place: where it stands, for messages: ends in an open bracket, behind which its image is named.
        area_px2: the annotation's own area; None for that of the box.
        is_crowd: whether it stands for a crowd.
    """

    image: int
    label: int
    given: Sequence[float]
    place: str
    area_px2: float | None = None
    is_crowd: bool = False


class FileOrientation(NamedTuple):
    """What an image file says of the way its pixels lie.

    Attributes:
        value: EXIF orientation, 1..8.
        gives_size: whether the image's size is that of the file's pixels as they are stored: no annotation says it.
    """

    value: int
    gives_size: bool


@dataclass(frozen=True, eq=False)
class Labelled:
    """The annotations of a delivery, sound but for the boxes' numbers.

    Attributes:
        label_map: its classes.
        images: at least one.
        given: [n, 4] float64, the numbers of the boxes as the file has them, at least one box.
        objects: the same boxes; positions count `images`.
        box_field: how the boxes were given.
        place: says where the box of an index stands, for messages.
        directory: holds the image files by their file names; empty for TFRecords.
        records: of each image, its TFRecord file and its place in that; empty for image files.
        mended_areas: which areas contradict their boxes and are those of the boxes; empty if none does.
        told: what was read otherwise than it stands there, sentences.
        left_out: what the delivery holds beside the data set that was read, sentences.
        orientations: of each image; empty where the reader did not open the images.
    """

    label_map: LabelMap
    images: list[LabelledImage]
    given: np.ndarray = field(repr=False)
    objects: TruthColumns = field(repr=False)
    box_field: BoxField
    place: Callable[[int], str]
    directory: str = ""
    records: list[tuple[str, int]] = field(default_factory=list)
    mended_areas: str = ""
    told: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    orientations: Sequence[FileOrientation] = ()

    @classmethod
    def of(
        cls,
        label_map: LabelMap,
        images: list[LabelledImage],
        boxes: list[LabelledBox],
        box_field: BoxField,
        directory: str = "",
        records: list[tuple[str, int]] | None = None,
        to_xywh_px: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> Labelled:
        """The annotations of single boxes; they are converted as their format says, or by `to_xywh_px`."""
        image = np.array([box.image for box in boxes], np.int64)
        given = np.array([box.given for box in boxes], np.float64).reshape(-1, 4)
        xywh_px = (to_xywh_px or box_field.format.boxes)(given, sizes_of(images)[image])
        areas = np.array([np.nan if box.area_px2 is None else box.area_px2 for box in boxes], np.float64)
        is_crowd = np.array([box.is_crowd for box in boxes], np.bool_)

        def place(index: int) -> str:
            box, owner = boxes[index], images[boxes[index].image]
            separator = "" if box.place.endswith("(") else ", "
            return f"{box.place}{separator}image {owner.id} {shown(owner.file_name)})"

        mended = mend_areas(xywh_px, np.where(np.isnan(areas), xywh_px[:, 2] * xywh_px[:, 3], areas), is_crowd, place)
        objects = TruthColumns(
            image=image,
            boxes_xywh_px=xywh_px,
            labels=np.array([box.label for box in boxes], np.int64),
            area_px2=mended.area_px2,
            is_crowd=is_crowd,
        )
        return cls(label_map, images, given, objects, box_field, place, directory, records or [], mended.told)

    def telling(self, told: Sequence[str], left_out: Sequence[str] = ()) -> Labelled:
        """The same, with more to tell."""
        return replace(self, told=(*self.told, *told), left_out=(*self.left_out, *left_out))


def sizes_of(images: Sequence[LabelledImage]) -> np.ndarray:
    """Width and height of images in pixels, [i, 2] float64."""
    return np.array([image[2:4] for image in images], np.float64).reshape(-1, 2)
