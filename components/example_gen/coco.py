"""COCO annotations.json -> image records; whatever is wrong with a file becomes one clear `DataError`.

Format: https://cocodataset.org/#format-data ("Object Detection"). Departures from pycocotools:
- ids are integers from 0 and unique; pycocotools lets a later duplicate replace the earlier one.
- a missing `area` is the box's area, a missing `iscrowd` is 0; pycocotools raises KeyError.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

from components.example_gen.box_forms import COCO_BBOX
from components.example_gen.file_names import check_file_name, read_file
from components.example_gen.labelled import Labelled, LabelledBox, LabelledImage
from components.imaging.quality import MAX_SIDE_PX, check_size
from schemas.base.checked_json import (
    Problems,
    check_number,
    load_object,
    read_entries,
    read_field,
    read_integer,
    read_list,
    read_text,
    shown,
)
from schemas.base.errors import DataError
from schemas.base.files import Files
from schemas.data.records import LabelMap, image_attributes

ANNOTATIONS = "annotations.json"
IMAGES = "images"

_TOP_KEYS = ("categories", "images", "annotations")


class _Category(NamedTuple):
    id: int
    name: str


class _Annotation(NamedTuple):
    id: int
    box: LabelledBox


def read_coco(directory: str, files: Files, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads `annotations.json`; the class names are those of the file.

    Raises:
        DataError: the file breaks a rule, or there is no `images/` beside it.
    """
    if not files.isdir(os.path.join(directory, IMAGES)):
        raise DataError(f"{directory}: no directory {IMAGES}/ in it, beside {ANNOTATIONS}; put the image files there")
    source = os.path.join(directory, ANNOTATIONS)
    return parse_annotations(read_file(source, files), source, os.path.join(directory, IMAGES))


def parse_annotations(text: bytes, source: str, images_directory: str = IMAGES) -> Labelled:
    """Reads a COCO object detection file.

    Args:
        text: the content of annotations.json.
        source: its path, for messages.
        images_directory: holds the images.

    Returns:
        The label map (labels 1..K in the order of ascending category id), images and boxes in the order of the file;
        their numbers are exactly the file's.

    Raises:
        DataError: the file breaks a rule; names entry, ids, value, what is allowed and the fix.
    """
    document = load_object(text, source)
    missing = [key for key in _TOP_KEYS if key not in document]
    if missing:
        raise DataError(f"{source}: missing {', '.join(missing)}; a COCO annotation file has {', '.join(_TOP_KEYS)}")
    categories, images, annotations = (read_list(document, key, source) for key in _TOP_KEYS)
    problems = Problems(f"{source}: ")
    label_map = _read_categories(categories, problems)
    images = _read_images(images, problems)
    boxes = _read_annotations(annotations, label_map, images, problems)
    return Labelled(label_map, images, boxes, COCO_BBOX, images_directory)


def _read_categories(entries: list[Any], problems: Problems) -> LabelMap:
    if not entries:
        problems.add("categories is empty; list every class with its id and name")
    categories = sorted(read_entries(entries, "categories", _read_category, ("id", "name"), problems))
    return LabelMap(tuple(category.name for category in categories), tuple(category.id for category in categories))


def _read_images(entries: list[Any], problems: Problems) -> list[LabelledImage]:
    if not entries:
        problems.add("images is empty: the span has no images; deliver at least one labelled image")
    return read_entries(entries, "images", _read_image, ("id", "file_name"), problems)


def _read_annotations(
    entries: list[Any], label_map: LabelMap, images: list[LabelledImage], problems: Problems
) -> list[LabelledBox]:
    if not entries:
        problems.add("annotations is empty: not one object is labelled; a data set needs at least one")
    labels = {category_id: label for label, category_id in enumerate(label_map.category_ids, 1)}
    positions = {image.id: position for position, image in enumerate(images)}
    read = partial(_read_annotation, labels=labels, positions=positions, images=images)
    annotations = read_entries(entries, "annotations", read, ("id",), problems)
    problems.raise_if_any()
    return [annotation.box for annotation in annotations]


def _read_category(entry: Any, where: str) -> _Category:
    category_id = read_integer(entry, "id", where)
    return _Category(category_id, read_text(entry, "name", f"{where} (id {category_id})"))


def _read_image(entry: Any, where: str) -> LabelledImage:
    image_id = read_integer(entry, "id", where)
    where = f"{where} (image {image_id})"
    file_name = check_file_name(read_text(entry, "file_name", where), where)
    where = f"{where[:-1]} {shown(file_name)})"
    width, height = (read_integer(entry, key, where, 1, MAX_SIDE_PX) for key in ("width", "height"))
    check_size(width, height, where)
    attributes = image_attributes(entry)
    for name in attributes:
        if any("\ud800" <= char <= "\udfff" for char in name + attributes[name]):
            raise DataError(f"{where}: {shown(name)} {shown(attributes[name])} is no valid Unicode; correct it")
    return LabelledImage(image_id, file_name, width, height, attributes)


def _read_annotation(
    entry: Any, where: str, labels: dict[int, int], positions: dict[int, int], images: list[LabelledImage]
) -> _Annotation:
    annotation_id = read_integer(entry, "id", where)
    place = f"{where} (id {annotation_id}"
    position = positions.get(read_integer(entry, "image_id", f"{place})"))
    if position is None:
        raise DataError(
            f"{place}): image_id {entry['image_id']} is not in images; add the image or drop the annotation"
        )
    image = images[position]
    where = f"{place}, image {image.id} {shown(image.file_name)})"
    label = labels.get(read_integer(entry, "category_id", where))
    if label is None:
        raise DataError(
            f"{where}: category_id {entry['category_id']} is not in categories, which has {shown(sorted(labels))}; "
            "add the category or correct the id"
        )
    box = _read_box(entry, where)
    area = check_number(entry["area"], "area", where) if "area" in entry else None
    if area is not None and area < 0:
        raise DataError(f"{where}: area {area} must be at least 0 px^2; correct it or leave it out")
    crowd = entry.get("iscrowd", 0)
    if type(crowd) not in (int, bool) or crowd not in (0, 1):
        raise DataError(f"{where}: iscrowd {shown(crowd)} must be 0 or 1; correct it or leave it out")
    return _Annotation(annotation_id, LabelledBox(position, label, box, box, area, bool(crowd), place))


def _read_box(entry: dict[str, Any], where: str) -> list[float]:
    box = read_field(entry, "bbox", where)
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"{where}: bbox {shown(box)} must be a list of 4 numbers: x, y, width, height in pixels")
    return [check_number(value, f"bbox[{index}]", where) for index, value in enumerate(box)]
