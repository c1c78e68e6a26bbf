"""COCO files -> columns: annotations (ground truth) and results (detections); pure.

Format: https://cocodataset.org/#format-data ("Object Detection") and #format-results. What pycocotools accepts is
accepted where it cannot change the meaning: images need neither file name nor size, annotations no id. A delivery of
labelled images has to say more (`Demands`). As in pycocotools' cocoeval.py (`_prepare`), only `iscrowd` keeps an object
from counting; an annotation's own `ignore` has no effect.

Departures from pycocotools, apart from clear errors where it raises KeyError:
- ids of images and categories are integers and unique; pycocotools lets a later duplicate replace the earlier one.
- an annotation of an unknown image or category is an error; pycocotools leaves it out in silence.
- a missing `area` is the box's area, a missing `iscrowd` is 0; so is an area that contradicts its box (`areas.py`).
- ids of annotations are not read, so duplicates and 0 do no harm; pycocotools takes a match with id 0 for none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ratchet.components.coco.areas import mend_areas
from ratchet.components.coco.entries import LARGEST_PX, Entries
from ratchet.components.coco.plain_results import read_plain_results
from ratchet.components.coco.wrong_format import find_wrong_format
from ratchet.schemas.base.checked_json import MAX_ID, is_unicode, kind, load_json, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.json_keys import may_repeat_keys
from ratchet.schemas.base.memory import no_collection
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import LabelMap, image_attributes

MAX_CATEGORIES = 65_535  # labels travel as 16 bits

_TOP_KEYS = ("categories", "images", "annotations")


@dataclass(frozen=True, eq=False)
class CocoAnnotations:
    """An annotation file.

    Attributes:
        label_map: the classes, labels 1..K by ascending category id.
        image_ids: [i] int64, ascending; the images' positions in the columns.
        file_names: of each image; empty where the file does not say.
        sizes_px: [i, 2] float64, width and height; NaN where the file does not say or says 0.
        attributes: of each image, what images[] holds beyond COCO's own fields.
        objects: in the order of the file.
        entries: the annotations as they stand in the file.
        mended_areas: which areas contradict their boxes and are those of the boxes; empty if none does.
    """

    label_map: LabelMap
    image_ids: np.ndarray
    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    attributes: tuple[Mapping[str, str], ...]
    objects: TruthColumns
    entries: Entries
    mended_areas: str = ""


def _sizes_if_said(images: Entries) -> np.ndarray:
    sides = {side: images.numbers(side, unsaid=0.0, null_is_unsaid=True) for side in ("width", "height")}
    for side, values in sides.items():
        _refuse_negative(images, side, values)
    sizes_px = np.stack(list(sides.values()), axis=1)
    return np.where(sizes_px > 0, sizes_px, np.nan)


@dataclass(frozen=True)
class Demands:
    """What a file has to hold; by default no more than pycocotools needs.

    Attributes:
        lowest_id: of categories and images.
        sizes: checks the entries of images[], and gives their sizes, [i, 2] float64, in the file's order.
        annotations: checks the entries of annotations[].
    """

    lowest_id: int = -MAX_ID
    sizes: Callable[[Entries], np.ndarray] = _sizes_if_said
    annotations: Callable[[Entries], object] = len


def read_annotations(content: bytes, source: str, demands: Demands) -> CocoAnnotations:
    """Reads an annotation file, as large as memory holds.

    Args:
        content: of the file.
        source: its path, for messages.
        demands: what it has to hold.

    Returns:
        Its content; boxes are exactly the file's, and so are areas that do not contradict them.

    Raises:
        DataError: the file breaks a rule; names the entry, its ids, value and the fix.
    """
    document = load_coco(content, source)
    if not isinstance(document, dict):
        hint = " (a list of detections is a COCO results file)" if isinstance(document, list) else ""
        raise DataError(f"{source}: expected a JSON object, got {kind(document)}{hint}; give a COCO annotation file")
    return annotations_of(document, source, demands)


def annotations_of(document: dict[str, Any], source: str, demands: Demands) -> CocoAnnotations:
    """`read_annotations` of what a file holds."""
    missing = [key for key in _TOP_KEYS if key not in document]
    if missing:
        raise DataError(f"{source}: missing {', '.join(missing)}; a COCO annotation file has {', '.join(_TOP_KEYS)}")
    categories, images, annotations = (document[key] for key in _TOP_KEYS)
    for key in _TOP_KEYS:
        if not isinstance(document[key], list):
            raise DataError(f"{source}: {key} must be a list, got {kind(document[key])}; export the file again")
    label_map = _read_categories(Entries(categories, "categories", source), demands.lowest_id)
    entries = Entries(images, "images", source)
    image_ids, order = _read_image_ids(entries, demands.lowest_id)
    sizes_px = demands.sizes(entries)[order]
    file_names = tuple(_file_name(images[index]) for index in order)
    attributes = tuple(image_attributes(images[index]) for index in order)
    for index, image in zip(order, attributes):
        _check_unicode(image, f"{source}: {entries.place(index)}")
    entries = Entries(annotations, "annotations", source, dict(zip(image_ids.tolist(), file_names)))
    demands.annotations(entries)
    objects, told = _read_objects(entries, label_map, image_ids)
    return CocoAnnotations(label_map, image_ids, file_names, sizes_px, attributes, objects, entries, told)


def read_truth(path: str | PathLike[str]) -> CocoAnnotations:
    """Reads a ground truth file of any tool.

    Raises:
        DataError: it cannot be read, breaks a rule, or its boxes seem to be in another format than COCO's.
    """
    read = read_annotations(_content(path), str(path), Demands())
    _refuse_unlikely_boxes(read.entries, read.objects.boxes_xywh_px, read.sizes_px[read.objects.image])
    return read


def read_results(path: str | PathLike[str], truth: CocoAnnotations) -> DetectionColumns:
    """Reads a results file of any tool; an empty list is one.

    Args:
        path: of the file.
        truth: what the detections are of.

    Returns:
        The detections in the order of the file.

    Raises:
        DataError: the file cannot be read, breaks a rule, speaks of unknown images or categories, or its boxes seem to
            be in another format than COCO's.
    """
    found = _read_plainly(path, truth)
    if found is not None:
        return found
    source = str(path)
    document = load_coco(_content(path), source)
    if not isinstance(document, list):
        is_truth = isinstance(document, dict) and "annotations" in document
        hint = " with annotations, which looks like a ground truth file" if is_truth else ""
        raise DataError(
            f"{source}: expected a JSON list of detections, got {kind(document)}{hint}; give a COCO results file: "
            '[{"image_id": .., "category_id": .., "bbox": [x, y, width, height], "score": ..}, ..]'
        )
    entries = Entries(document, "detections", source, dict(zip(truth.image_ids.tolist(), truth.file_names)))
    found = results_of(entries, truth.label_map, truth.image_ids)
    _refuse_unlikely_boxes(entries, found.boxes_xywh_px, truth.sizes_px[found.image])
    return found


def _read_plainly(path: str | PathLike[str], truth: CocoAnnotations) -> DetectionColumns | None:
    """The fast way; None where the general one has to look, which alone says what is wrong."""
    try:
        refuse_irregular(path)
        with open(path, "rb") as file:
            read = read_plain_results(file)
    except (OSError, ValueError):
        return None
    if read is None or not np.all(np.abs(read.boxes) <= LARGEST_PX):
        return None
    category_ids = np.array(truth.label_map.category_ids, np.int64)
    image, categories = _nearest(read.image_ids, truth.image_ids), _nearest(read.category_ids, category_ids)
    is_known = np.array_equal(truth.image_ids[image], read.image_ids)
    if not is_known or not np.array_equal(category_ids[categories], read.category_ids):
        return None
    if np.any(read.boxes[:, 2:] < 0) or find_wrong_format(read.boxes, truth.sizes_px[image]) is not None:
        return None
    return DetectionColumns(image, read.boxes, categories + 1, read.scores)


def results_of(entries: Entries, label_map: LabelMap, image_ids: np.ndarray) -> DetectionColumns:
    """The detections of a results file.

    Args:
        entries: of the file.
        label_map: the known categories.
        image_ids: [i] int64, the known images, ascending.

    Raises:
        DataError: an entry breaks a rule, or speaks of an unknown image or category.
    """
    scores = entries.numbers("score")
    fix = "correct it or give the matching file"
    image = _positions(entries, "image_id", image_ids, "images", fix)
    labels = _positions(entries, "category_id", np.array(label_map.category_ids, np.int64), "categories", fix) + 1
    return DetectionColumns(image, entries.boxes("bbox"), labels, scores)


def load_coco(content: bytes, source: str) -> Any:
    """Parses a JSON file of annotations or detections, whatever it holds; DataError for what is no JSON."""
    if not content.strip():
        raise DataError(f"{source}: broken JSON: the file is empty; export or copy the file again")
    try:
        with no_collection():  # of a million new objects, of which none is garbage
            document = orjson.loads(content)
    except orjson.JSONDecodeError:
        # It rejects NaN, Infinity, UTF-16 and a byte order mark too; the slow parser lets them through.
        return load_json(content, source)
    return load_json(content, source) if may_repeat_keys(content, document) else document


def _content(path: str | PathLike[str]) -> bytes:
    try:
        refuse_irregular(path)
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise DataError(f"{path}: cannot be read: {reason_of(error)}; give the path of a COCO JSON file") from error


def _read_categories(entries: Entries, lowest_id: int) -> LabelMap:
    if not 1 <= len(entries) <= MAX_CATEGORIES:
        raise DataError(
            f"{entries.source}: categories has {len(entries)} entries, allowed are 1..{MAX_CATEGORIES}; list every "
            "class once with its id and name"
        )
    ids, names = entries.integers("id", lowest_id).tolist(), entries.texts("name")
    entries.refuse_repeated("id", ids)
    entries.refuse_repeated("name", names)
    category_ids, names = zip(*sorted(zip(ids, names)))
    return LabelMap(names, category_ids)


def _read_image_ids(entries: Entries, lowest_id: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids ascending and where they stand in the file, both [i] int64."""
    if not len(entries):
        raise DataError(f"{entries.source}: images is empty; list every image, and deliver at least one")
    ids = entries.integers("id", lowest_id)
    entries.refuse_repeated("id", ids.tolist())
    order = np.argsort(ids, kind="stable")
    return ids[order], order


def _file_name(image: Mapping[str, Any]) -> str:
    name = image.get("file_name")
    return name if isinstance(name, str) and is_unicode(name) else ""


def _check_unicode(attributes: dict[str, str], where: str) -> None:
    for name, value in attributes.items():
        if not is_unicode(name + value):  # it cannot even be printed
            raise DataError(f"{where}: {shown(name)} {shown(value)} is no valid Unicode; correct it")


def _read_objects(entries: Entries, label_map: LabelMap, image_ids: np.ndarray) -> tuple[TruthColumns, str]:
    is_crowd = entries.flags("iscrowd")
    own_area = entries.numbers("area", unsaid=0.0)
    _refuse_negative(entries, "area", own_area, " px^2")
    image = _positions(entries, "image_id", image_ids, "images", "add the image or drop the annotation")
    categories, fix = np.array(label_map.category_ids, np.int64), "add the category or correct the id"
    labels = _positions(entries, "category_id", categories, "categories", fix) + 1
    boxes = entries.boxes("bbox")
    area_px2 = np.where(entries.has("area"), own_area, boxes[:, 2] * boxes[:, 3])
    mended = mend_areas(boxes, area_px2, is_crowd, entries.place, lambda: entries.filled("segmentation"))
    return TruthColumns(image, boxes, labels, mended.area_px2, is_crowd), mended.told


def _refuse_negative(entries: Entries, field: str, values: np.ndarray, unit: str = "") -> None:
    entries.refuse(
        values < 0,
        lambda index: f"{field} {shown(entries[index][field])} must be at least 0{unit}; correct it or leave it out",
    )


def _positions(entries: Entries, field: str, known: np.ndarray, owner: str, fix: str) -> np.ndarray:
    """Where the ids under a field stand among the known ones (not empty, ascending), [n] int64."""
    ids = entries.integers(field)
    positions = _nearest(ids, known)
    entries.refuse(
        known[positions] != ids,
        lambda index: (
            f"{field} {ids[index]} is not among the {len(known)} {owner}, whose ids are {shown(known[:7].tolist())}; "
            f"{fix}"
        ),
    )
    return positions


def _nearest(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Where each id would stand among the known ones (not empty, ascending), [n] int64; the last place at most."""
    span = int(known[-1]) - int(known[0])
    if span < 4 * len(known) + 1024:  # numbered nearly without gaps, as ids are: a table is faster than a search
        table = np.searchsorted(known, np.arange(known[0], known[-1] + 1))
        return table[np.clip(ids, known[0], known[-1]) - known[0]]
    return np.minimum(np.searchsorted(known, ids), len(known) - 1)


def _refuse_unlikely_boxes(entries: Entries, boxes: np.ndarray, sizes_px: np.ndarray) -> None:
    entries.refuse(
        np.any(boxes[:, 2:] < 0, axis=1),
        lambda index: (
            f"bbox {shown(entries[index]['bbox'])} has a negative width or height; a bbox is [x, y, width, height] in "
            "pixels; convert the boxes or correct this one"
        ),
    )
    wrong = find_wrong_format(boxes, sizes_px)
    if wrong is None:
        return
    width, height = sizes_px[wrong.example]
    raise DataError(
        f"{entries.source}: the boxes look like {wrong.looks_like}, where COCO has [x, y, width, height] in pixels: "
        f"{wrong.because}; the first is {entries.place(wrong.example)}: bbox {boxes[wrong.example].tolist()} in an "
        f"image of {width:g}x{height:g} px; convert the boxes, or correct the sizes of the images if those are wrong"
    )
