"""Images of a data set whose EXIF orientation is not 1: refused in one message, or their sizes made upright; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.components.example_gen.labelled import Labelled, sizes_of
from ratchet.components.imaging.orientation import UPRIGHT, upright_size
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.data.exif import APPLY, REFUSE, Exif

_NAMED = 5  # images
_LIKE_UPRIGHT, _LIKE_STORED = "upright", "stored"


@dataclass(frozen=True)
class Oriented:
    """An image whose orientation is not 1.

    Attributes:
        name: its file name.
        orientation: 2..8.
        annotated_as: whose size its annotation has: `upright` or `stored`; empty where both are the same, or it has
            neither, or no size of its own.
    """

    name: str
    orientation: int
    annotated_as: str = ""

    @classmethod
    def of(cls, name: str, orientation: int, stored_px: tuple[int, int], annotated_px: tuple[int, int]) -> Oriented:
        """Of the sizes (width, height) of stored pixels and of the annotation."""
        upright_px = upright_size(stored_px, orientation)
        sizes = {_LIKE_UPRIGHT: upright_px, _LIKE_STORED: stored_px} if upright_px != stored_px else {}
        like = next((which for which, size in sizes.items() if size == annotated_px), "")
        return cls(name, orientation, like)


class OrientedImageError(DataError):
    """An image's orientation is not 1, and that is refused."""

    def __init__(self, found: Oriented) -> None:
        super().__init__(refusal([found], found.name, 1))
        self.found = found


def refusal(found: Sequence[Oriented], source: str, of: int) -> str:
    """What to say of all such images of a data set.

    Args:
        found: at least one.
        source: the data set.
        of: how many images it has.
    """
    names = listed([f"{shown(each.name)} ({each.orientation})" for each in found], _NAMED)
    return (
        f"{source}: {len(found):,} of {many(of, 'image')} {'has' if len(found) == 1 else 'have'} an EXIF orientation "
        f"other than 1, which TensorFlow does not apply: {names}{_sizes_text(found)}; say what the boxes were drawn "
        "on: data.exif: apply (ratchet convert: --exif apply) if on the upright picture, as nearly all tools show it: "
        "the pixels are turned once, when they are read; ignore if on the pixels as they are stored"
    )


def _sizes_text(found: Sequence[Oriented]) -> str:
    texts = []
    for like, words in ((_LIKE_UPRIGHT, "the upright picture"), (_LIKE_STORED, "the stored pixels")):
        count = sum(each.annotated_as == like for each in found)
        if count:
            texts.append(f"{count:,} annotated with the size of {words}")
    return f"; {', '.join(texts)}" if texts else ""


def settled(labelled: Labelled, exif: Exif, source: str) -> Labelled:
    """What a reader read, after the orientations that it saw were refused, applied to sizes or ignored.

    Where sizes came from the image files, they are those of the stored pixels, and fractions are taken of them.

    Args:
        labelled: with `orientations` as far as its reader opened the images.
        exif: what is done about them.
        source: the data set, for the message.

    Raises:
        DataError: there are such images, and they are refused.
    """
    if exif == REFUSE:
        found = [
            Oriented(image.file_name, each.value)
            for image, each in zip(labelled.images, labelled.orientations)
            if each.value != UPRIGHT
        ]
        if found:
            raise DataError(refusal(found, source, len(labelled.images)))
    return _with_upright_sizes(labelled) if exif == APPLY else labelled


def _with_upright_sizes(labelled: Labelled) -> Labelled:
    stored = [(image.width_px, image.height_px) for image in labelled.images]
    upright = [
        upright_size(size, each.value) if each.gives_size else size for size, each in zip(stored, labelled.orientations)
    ]
    if not upright or upright == stored:
        return labelled
    images = [
        image._replace(width_px=width, height_px=height) for image, (width, height) in zip(labelled.images, upright)
    ]
    is_turned = np.array([before != after for before, after in zip(stored, upright)], np.bool_)
    objects = labelled.objects
    rows = np.flatnonzero(is_turned[objects.image])
    boxes, areas = objects.boxes_xywh_px.copy(), objects.area_px2.copy()
    are_of_boxes = areas[rows] == boxes[rows, 2] * boxes[rows, 3]
    boxes[rows] = labelled.box_field.format.boxes(labelled.given[rows], sizes_of(images)[objects.image[rows]])
    areas[rows] = np.where(are_of_boxes, boxes[rows, 2] * boxes[rows, 3], areas[rows])
    return replace(labelled, images=images, objects=replace(objects, boxes_xywh_px=boxes, area_px2=areas))
