"""What every format's reader makes of a delivery; from here on the formats are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from components.example_gen.box_forms import BoxForm
from schemas.data.records import LabelMap


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
        box_xywh_px: the same as a COCO box.
        area_px2: the annotation's own area; None for that of the box.
        is_crowd: whether it stands for a crowd.
        place: where it stands, for messages.
    """

    image: int
    label: int
    given: list[float]
    box_xywh_px: list[float]
    area_px2: float | None
    is_crowd: bool
    place: str


@dataclass(frozen=True)
class Labelled:
    """The annotations of a delivery, sound but for the boxes' numbers.

    Attributes:
        label_map: its classes.
        images: at least one.
        boxes: at least one.
        form: how the boxes were given.
        directory: holds the image files by their file names; empty for TFRecords.
        records: of each image, its TFRecord file and its place in that; empty for image files.
    """

    label_map: LabelMap
    images: list[LabelledImage]
    boxes: list[LabelledBox]
    form: BoxForm
    directory: str = ""
    records: list[tuple[str, int]] = field(default_factory=list)
