"""COCO annotations.json -> image records; whatever is wrong with a file becomes one clear `DataError`.

Format: https://cocodataset.org/#format-data ("Object Detection"). Departures from pycocotools:
- ids are integers from 0 and unique; pycocotools lets a later duplicate replace the earlier one.
- a missing `area` is the box's area, a missing `iscrowd` is 0; pycocotools raises KeyError.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from schemas.checked_json import (
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
from schemas.errors import DataError
from schemas.records import GroundTruth, ImageRecord, LabelMap, image_attributes

MAX_IMAGE_PIXELS = 100_000_000  # more is a mistake or a decompression bomb
MAX_SIDE_PX = 65_535  # the largest side a JPEG can have
OVERHANG_PX = 1.0  # real annotation tools round outwards; such boxes are kept as they are
MIN_BOX_SIDE_PX = 1e-3  # below this a side vanishes in tf.Example's float32 fractions of the image

_TOP_KEYS = ("categories", "images", "annotations")
_CORNERS_OVERHANG = 0.05  # of the image's side: farther out than that is no drawing inaccuracy


class _Category(NamedTuple):
    id: int
    name: str


class _Image(NamedTuple):
    id: int
    file_name: str
    width_px: int
    height_px: int
    attributes: dict[str, str]


class _Annotation(NamedTuple):
    id: int
    image_id: int
    label: int
    box_xywh_px: list[float]
    area_px2: float
    is_crowd: bool


def parse_annotations(text: bytes, source: str) -> tuple[LabelMap, list[ImageRecord]]:
    """Reads a COCO object detection file.

    Args:
        text: the content of annotations.json.
        source: its path, for messages.

    Returns:
        The label map (labels 1..K in the order of ascending category id) and one record per image, sorted by
        image id; the objects of an image stand in the order of the file, their numbers are exactly the file's.

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
    images_by_id = _read_images(images, problems)
    return label_map, _to_records(images_by_id, _read_annotations(annotations, label_map, images_by_id, problems))


def _read_categories(entries: list[Any], problems: Problems) -> LabelMap:
    if not entries:
        problems.add("categories is empty; list every class with its id and name")
    categories = sorted(read_entries(entries, "categories", _read_category, ("id", "name"), problems))
    return LabelMap(tuple(category.name for category in categories), tuple(category.id for category in categories))


def _read_images(entries: list[Any], problems: Problems) -> dict[int, _Image]:
    if not entries:
        problems.add("images is empty: the span has no images; deliver at least one labelled image")
    images = read_entries(entries, "images", _read_image, ("id", "file_name"), problems)
    return {image.id: image for image in images}


def _read_annotations(
    entries: list[Any], label_map: LabelMap, images: dict[int, _Image], problems: Problems
) -> list[_Annotation]:
    if not entries:
        problems.add("annotations is empty: not one object is labelled; a data set needs at least one")
    labels = {category_id: label for label, category_id in enumerate(label_map.category_ids, 1)}
    read = partial(_read_annotation, labels=labels, images=images)
    annotations = read_entries(entries, "annotations", read, ("id",), problems)
    boxes = [annotation.box_xywh_px for annotation in annotations]
    if all(max(x + width, y + height) <= 1 for x, y, width, height in boxes):
        problems.add(
            f"all {len(boxes)} boxes end within the image's first pixel (the first is {boxes[0]}): they look like "
            "fractions of the image; COCO boxes are x, y, width, height in pixels"
        )
    problems.raise_if_any()
    return annotations


def _read_category(entry: Any, where: str) -> _Category:
    category_id = read_integer(entry, "id", where)
    return _Category(category_id, read_text(entry, "name", f"{where} (id {category_id})"))


def _read_image(entry: Any, where: str) -> _Image:
    image_id = read_integer(entry, "id", where)
    where = f"{where} (image {image_id})"
    file_name = read_text(entry, "file_name", where)
    # The name is joined to a directory and opened: it must not lead out of images/, nor have two spellings.
    steps = any(part in ("", ".", "..") for part in file_name.split("/"))
    if steps or any(char == "\\" or char < " " or char == "\x7f" for char in file_name):
        raise DataError(
            f"{where}: file_name {shown(file_name)} must be a plain path below images/, without leading '/', '.', "
            "'..', '//', backslash or control character; correct it"
        )
    where = f"{where[:-1]} {shown(file_name)})"
    width, height = (read_integer(entry, key, where, 1, MAX_SIDE_PX) for key in ("width", "height"))
    if width * height > MAX_IMAGE_PIXELS:
        raise DataError(
            f"{where}: width x height {width}x{height} is {width * height} pixels, allowed are {MAX_IMAGE_PIXELS}; "
            "correct them or deliver a smaller image"
        )
    return _Image(image_id, file_name, width, height, image_attributes(entry))


def _read_annotation(entry: Any, where: str, labels: dict[int, int], images: dict[int, _Image]) -> _Annotation:
    annotation_id = read_integer(entry, "id", where)
    where = f"{where} (id {annotation_id})"
    image = images.get(read_integer(entry, "image_id", where))
    if image is None:
        raise DataError(f"{where}: image_id {entry['image_id']} is not in images; add the image or drop the annotation")
    where = f"{where[:-1]}, image {image.id} {shown(image.file_name)})"
    label = labels.get(read_integer(entry, "category_id", where))
    if label is None:
        raise DataError(
            f"{where}: category_id {entry['category_id']} is not in categories, which has {shown(sorted(labels))}; "
            "add the category or correct the id"
        )
    box = _read_box(entry, where)
    _check_box(box, image, where)
    area = check_number(entry["area"], "area", where) if "area" in entry else box[2] * box[3]
    if area < 0:
        raise DataError(f"{where}: area {area} must be at least 0 px^2; correct it or leave it out")
    crowd = entry.get("iscrowd", 0)
    if type(crowd) not in (int, bool) or crowd not in (0, 1):
        raise DataError(f"{where}: iscrowd {shown(crowd)} must be 0 or 1; correct it or leave it out")
    return _Annotation(annotation_id, image.id, label, box, area, bool(crowd))


def _read_box(entry: dict[str, Any], where: str) -> list[float]:
    box = read_field(entry, "bbox", where)
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"{where}: bbox {shown(box)} must be a list of 4 numbers: x, y, width, height in pixels")
    return [check_number(value, f"bbox[{index}]", where) for index, value in enumerate(box)]


def _check_box(box: list[float], image: _Image, where: str) -> None:
    x, y, width, height = box
    for side, value in (("width", width), ("height", height)):
        if value < MIN_BOX_SIDE_PX:
            raise DataError(
                f"{where}: bbox {box} has {side} {value}; it must be at least {MIN_BOX_SIDE_PX} px (a bbox is x, y, "
                "width, height); correct or remove the annotation"
            )
    right, bottom = image.width_px + OVERHANG_PX, image.height_px + OVERHANG_PX
    starts_inside = -OVERHANG_PX <= x < image.width_px and -OVERHANG_PX <= y < image.height_px
    if starts_inside and 0 < x + width <= right and 0 < y + height <= bottom:
        return
    far_right = x + width - right > _CORNERS_OVERHANG * image.width_px
    far_down = y + height - bottom > _CORNERS_OVERHANG * image.height_px
    looks_like_corners = (far_right or far_down) and 0 <= x < width <= right and 0 <= y < height <= bottom
    hint = "; it looks like x1, y1, x2, y2 where COCO has x, y, width, height" if looks_like_corners else ""
    raise DataError(
        f"{where}: bbox {box} spans x {x}..{x + width}, y {y}..{y + height}, outside the image of {image.width_px}x"
        f"{image.height_px} px (up to {OVERHANG_PX} px over is allowed){hint}; correct the box or the image's size"
    )


def _to_records(images: dict[int, _Image], annotations: list[_Annotation]) -> list[ImageRecord]:
    by_image: dict[int, list[_Annotation]] = {image_id: [] for image_id in images}
    for annotation in annotations:
        by_image[annotation.image_id].append(annotation)
    return [_to_record(images[image_id], by_image[image_id]) for image_id in sorted(images)]


def _to_record(image: _Image, annotations: list[_Annotation]) -> ImageRecord:
    return ImageRecord(
        image.id, image.file_name, image.width_px, image.height_px, _to_truth(annotations), image.attributes
    )


def _to_truth(annotations: list[_Annotation]) -> GroundTruth:
    return GroundTruth(
        boxes_xywh_px=np.array([annotation.box_xywh_px for annotation in annotations]),
        labels=np.array([annotation.label for annotation in annotations], np.int64),
        area_px2=np.array([annotation.area_px2 for annotation in annotations]),
        is_crowd=np.array([annotation.is_crowd for annotation in annotations], np.bool_),
    )
