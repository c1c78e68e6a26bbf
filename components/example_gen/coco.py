"""A COCO delivery, `annotations.json` beside `images/`: its images need names and sizes, its annotations ids."""

from __future__ import annotations

import os

import numpy as np

from ratchet.components.coco.entries import LARGEST_PX, Entries
from ratchet.components.coco.reading import Demands, read_annotations
from ratchet.components.example_gen.file_names import check_file_name, read_file
from ratchet.components.example_gen.labelled import COCO_BBOX, Labelled, LabelledImage
from ratchet.components.imaging.quality import MAX_SIDE_PX, check_size
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files

ANNOTATIONS = "annotations.json"
IMAGES = "images"


def read_coco(directory: str, files: Files, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads `annotations.json`; the class names are those of the file.

    Raises:
        DataError: the file breaks a rule, or there is no `images/` beside it.
    """
    if not files.isdir(os.path.join(directory, IMAGES)):
        raise DataError(f"{directory}: no directory {IMAGES}/ in it, beside {ANNOTATIONS}; put the image files there")
    source = os.path.join(directory, ANNOTATIONS)
    return parse_annotations(read_file(source, files), source, os.path.join(directory, IMAGES))


def parse_annotations(content: bytes, source: str, images_directory: str = IMAGES) -> Labelled:
    """Reads the annotation file of a delivery.

    Args:
        content: of annotations.json.
        source: its path, for messages.
        images_directory: holds the images.

    Returns:
        The label map (labels 1..K in the order of ascending category id), images by ascending id, boxes in the order of
        the file; their numbers are exactly the file's.

    Raises:
        DataError: the file breaks a rule; names entry, ids, value, what is allowed and the fix.
    """
    read = read_annotations(content, source, Demands(0, False, _sizes, _check_annotations))
    sizes = read.sizes_px.astype(np.int64).tolist()
    images = [
        LabelledImage(image_id, name, width, height, attributes)
        for image_id, name, (width, height), attributes in zip(
            read.image_ids.tolist(), read.file_names, sizes, read.attributes
        )
    ]
    boxes = read.objects.boxes_xywh_px
    return Labelled(
        *(read.label_map, images, boxes, read.objects, COCO_BBOX, read.entries.place, images_directory),
        mended_areas=read.mended_areas,
    )


def _sizes(images: Entries) -> np.ndarray:
    names = images.texts("file_name")
    images.check_each(names, check_file_name)
    images.refuse_repeated("file_name", names)
    sides = [images.integers(side, 1, MAX_SIDE_PX) for side in ("width", "height")]
    sizes = np.stack(sides, axis=1)
    images.check_each(sizes.tolist(), lambda size, where: check_size(size[0], size[1], where))
    return sizes


def _check_annotations(annotations: Entries) -> None:
    if not len(annotations):
        raise DataError(
            f"{annotations.source}: annotations is empty: not one object is labelled; a data set needs at least one"
        )
    annotations.refuse_repeated("id", annotations.integers("id", 0).tolist())
    annotations.numbers("area", unsaid=0.0, largest=LARGEST_PX)
