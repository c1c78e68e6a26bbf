"""Bad boxes as a page can draw them: as they were given, and as they may have been meant; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ratchet.components.coco.box_formats import BoxFormat
from ratchet.components.example_gen.labelled import Labelled, sizes_of
from ratchet.schemas.data.dataset import BadBox

_OF_AN_IMAGE = 12  # boxes of one image that are drawn
_FARTHEST_PX = 1e6  # a box beyond this is drawn at the border all the same


def drawn_boxes(labelled: Labelled, is_bad: np.ndarray, images: Sequence[int], meant: str | None) -> tuple[BadBox, ...]:
    """The first bad boxes of some images.

    Args:
        labelled: the annotations.
        is_bad: [n] bool.
        images: places of the images that a page may show.
        meant: the format in which bad boxes make sense, in words; of several the first is drawn.
    """
    owners, boxes = labelled.objects.image, labelled.objects.boxes_xywh_px
    shown = [row for image in images for row in np.flatnonzero(is_bad & (owners == image))[:_OF_AN_IMAGE].tolist()]
    form = _format_of(labelled, meant)
    sizes = sizes_of(labelled.images)[owners[shown]]
    read = None if form is None else form.boxes(labelled.given[shown], sizes)
    return tuple(
        BadBox(
            labelled.images[owners[row]].file_name,
            _drawable(boxes[row]),
            None if read is None else _drawable(read[place]),
        )
        for place, row in enumerate(shown)
    )


def _format_of(labelled: Labelled, meant: str | None) -> BoxFormat | None:
    form = labelled.box_field
    named = [each for each in form.mistaken if meant and meant.startswith(each.beside(form.format))]
    return max(named, key=lambda each: len(each.beside(form.format)), default=None)


def _drawable(box: np.ndarray) -> tuple[float, float, float, float]:
    x, y, width, height = np.round(np.nan_to_num(np.clip(box, -_FARTHEST_PX, _FARTHEST_PX)), 2).tolist()
    return x, y, width, height
