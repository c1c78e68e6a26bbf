"""COCO files of other tools -> columns: ground truth (annotations) and results (detections); pure.

Format: https://cocodataset.org/#format-data ("Object Detection") and #format-results. What pycocotools accepts is
accepted where it cannot change the meaning: images need neither file name nor size, annotations no id. As in its
cocoeval.py (`_prepare`), only `iscrowd` keeps an object from counting; an annotation's own `ignore` has no effect.

Departures from pycocotools, apart from clear errors where it raises KeyError:
- ids of images and categories are integers and unique; pycocotools lets a later duplicate replace the earlier one.
- an annotation of an unknown image or category is an error; pycocotools leaves it out in silence.
- a missing `area` is the box's area, a missing `iscrowd` is 0.
- ids of annotations are not read, so duplicates and 0 do no harm; pycocotools takes a match with id 0 for none.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from components.map_evaluator.coco_objects import read_objects
from components.map_evaluator.entry_columns import Entries
from schemas.base.checked_json import (
    MAX_ID,
    Problems,
    check_object,
    kind,
    load_json,
    read_entries,
    read_integer,
    read_list,
    read_text,
    shown,
)
from schemas.base.errors import DataError
from schemas.base.files import reason_of, refuse_irregular
from schemas.base.json_keys import may_repeat_keys
from schemas.data.columns import DetectionColumns, TruthColumns
from schemas.data.records import LabelMap, image_attributes

MAX_CATEGORIES = 65_535  # labels travel as 16 bits

_TOP_KEYS = ("categories", "images", "annotations")


@dataclass(frozen=True, eq=False)
class CocoTruth:
    """A ground truth file.

    Attributes:
        image_ids: [i] int64, ascending; the images' positions in the columns.
        label_map: the classes, labels 1..K by ascending category id.
        truth: the objects, in the order of the file.
        sizes_px: [i, 2] float64, width and height; NaN where the file does not say or says 0.
        attributes: by name, one value per image, None where it has none: what images[] holds beyond COCO's own fields.
    """

    image_ids: np.ndarray
    label_map: LabelMap
    truth: TruthColumns
    sizes_px: np.ndarray
    attributes: dict[str, tuple[str | None, ...]]


class _Category(NamedTuple):
    id: int
    name: str


def read_truth(path: str | PathLike[str]) -> CocoTruth:
    """Reads a COCO annotation file; ids of annotations are not used and may miss or repeat.

    Args:
        path: of the file.

    Returns:
        Its content; boxes and areas are exactly the file's.

    Raises:
        DataError: the file cannot be read or breaks a rule; names the entry, its ids, value and the fix.
    """
    source = str(path)
    document = check_object(_load(path), source)
    missing = [key for key in _TOP_KEYS if key not in document]
    if missing:
        raise DataError(f"{source}: missing {', '.join(missing)}; a COCO annotation file has {', '.join(_TOP_KEYS)}")
    categories, images, annotations = (read_list(document, key, source) for key in _TOP_KEYS)
    label_map = _read_categories(categories, source)
    entries = Entries(images, "images", source)
    image_ids, order = _read_image_ids(entries, source)
    sizes_px = _read_sizes(entries)[order]
    truth = _read_annotations(Entries(annotations, "annotations", source), label_map, image_ids, sizes_px)
    return CocoTruth(image_ids, label_map, truth, sizes_px, _read_attributes(entries, order))


def read_detections(path: str | PathLike[str], truth: CocoTruth) -> DetectionColumns:
    """Reads a COCO results file; an empty list is one.

    Args:
        path: of the file.
        truth: what the detections are of.

    Returns:
        The detections in the order of the file.

    Raises:
        DataError: the file cannot be read, breaks a rule or speaks of unknown images or categories.
    """
    source = str(path)
    document = _load(path)
    if not isinstance(document, list):
        is_truth = isinstance(document, dict) and "annotations" in document
        hint = " with annotations, which looks like a ground truth file" if is_truth else ""
        raise DataError(
            f"{source}: expected a JSON list of detections, got {kind(document)}{hint}; give a COCO results file: "
            '[{"image_id": .., "category_id": .., "bbox": [x, y, width, height], "score": ..}, ..]'
        )
    entries = Entries(document, "detections", source)
    scores = entries.numbers("score")
    found = read_objects(entries, truth.label_map, truth.image_ids, truth.sizes_px)
    return DetectionColumns(found.image, found.boxes_xywh_px, found.labels, scores)


def _load(path: str | PathLike[str]) -> Any:
    try:
        refuse_irregular(path)
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise DataError(f"{path}: cannot be read: {reason_of(error)}; give the path of a COCO JSON file") from error
    if not content.strip():
        raise DataError(f"{path}: the file is empty; export or copy the file again")
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        # It rejects NaN, Infinity, UTF-16 and a byte order mark too; the slow parser lets them through.
        return load_json(content, str(path))
    return load_json(content, str(path)) if may_repeat_keys(content, document) else document


def _read_categories(entries: list[Any], source: str) -> LabelMap:
    if not 1 <= len(entries) <= MAX_CATEGORIES:
        raise DataError(
            f"{source}: categories has {len(entries)} entries, allowed are 1..{MAX_CATEGORIES}; list every class once "
            "with its id and name"
        )
    categories = sorted(read_entries(entries, "categories", _read_category, ("id", "name"), Problems(f"{source}: ")))
    return LabelMap(tuple(category.name for category in categories), tuple(category.id for category in categories))


def _read_category(entry: Any, where: str) -> _Category:
    category_id = read_integer(entry, "id", where, -MAX_ID)
    return _Category(category_id, read_text(entry, "name", f"{where} (id {category_id})"))


def _read_image_ids(entries: Entries, source: str) -> tuple[np.ndarray, np.ndarray]:
    """The ids ascending and where they stand in the file, both [i] int64."""
    if not len(entries):
        raise DataError(f"{source}: images is empty; list every image that was evaluated")
    ids = entries.integers("id")
    order = np.argsort(ids, kind="stable")
    is_repeated = np.zeros(len(ids), np.bool_)
    is_repeated[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    entries.refuse(
        is_repeated,
        lambda index: (
            f"duplicate id {ids[index]}, already that of images[{(ids == ids[index]).argmax()}]; give each image an id "
            "of its own"
        ),
    )
    return ids[order], order


def _read_sizes(entries: Entries) -> np.ndarray:
    sides = {side: entries.numbers(side, unsaid=0.0, null_is_unsaid=True) for side in ("width", "height")}
    for side, values in sides.items():
        _refuse_negative(entries, side, values, "correct it or leave it out")
    sizes_px = np.stack(list(sides.values()), axis=1)
    return np.where(sizes_px > 0, sizes_px, np.nan)


def _refuse_negative(entries: Entries, field: str, values: np.ndarray, fix: str) -> None:
    entries.refuse(values < 0, lambda index: f"{field} {shown(entries[index][field])} must be at least 0; {fix}")


def _read_attributes(entries: Entries, order: np.ndarray) -> dict[str, tuple[str | None, ...]]:
    images = [image_attributes(entries[index]) for index in order]
    for index, image in zip(order, images):
        _check_unicode(image, f"{entries.source}: {entries.place(index)}")
    names = sorted({name for image in images for name in image})
    return {name: tuple(image.get(name) for image in images) for name in names}


def _check_unicode(attributes: dict[str, str], where: str) -> None:
    for name, value in attributes.items():
        try:
            (name + value).encode()
        except UnicodeEncodeError as error:  # a lone surrogate such as "\ud800" cannot even be printed
            raise DataError(f"{where}: {shown(name)} {shown(value)} is no valid Unicode; correct it") from error


def _read_annotations(
    entries: Entries, label_map: LabelMap, image_ids: np.ndarray, sizes_px: np.ndarray
) -> TruthColumns:
    is_crowd = entries.flags("iscrowd")
    own_area = entries.numbers("area", unsaid=0.0)
    _refuse_negative(entries, "area", own_area, "correct it or leave it out")
    objects = read_objects(entries, label_map, image_ids, sizes_px)
    boxes = objects.boxes_xywh_px
    area_px2 = np.where(entries.has("area"), own_area, boxes[:, 2] * boxes[:, 3])
    return TruthColumns(objects.image, boxes, objects.labels, area_px2, is_crowd)
