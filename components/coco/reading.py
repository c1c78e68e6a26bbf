"""COCO annotation files -> columns; pure. Detections are read in `results.py`.

Format: https://cocodataset.org/#format-data ("Object Detection"). What pycocotools accepts is
accepted where it cannot change the meaning: images need neither file name nor size, annotations no id. A delivery of
labelled images has to say more (`Demands`). As in pycocotools' cocoeval.py (`_prepare`), only `iscrowd` keeps an object
from counting; an annotation's own `ignore` has no effect.

Departures from pycocotools, apart from clear errors where it raises KeyError:
- ids of images are all integers or all strings, those of categories integers, and all are unique; pycocotools lets a
  later duplicate replace the earlier one. What refers to them may write 12 as "12", "000012" or 12.0.
- an annotation of an unknown image or category is an error; pycocotools leaves it out in silence.
- a missing `area` is the box's area, a missing `iscrowd` is 0; so is an area that contradicts its box (`areas.py`).
- ids of annotations are not read, so duplicates (which `ratchet evaluate` warns of) and 0 do no harm; pycocotools takes
  a match with id 0 for none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ratchet.components.coco.areas import mend_areas
from ratchet.components.coco.box_formats import FRACTIONS, YXHW, YXYX
from ratchet.components.coco.entries import Entries
from ratchet.components.coco.groupings import without_groupings
from ratchet.components.coco.image_keys import ImageKeys
from ratchet.components.coco.wrong_format import find_wrong_format
from ratchet.schemas.base.checked_json import MAX_ID, is_unicode, kind, load_json, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.json_keys import may_repeat_keys
from ratchet.schemas.base.memory import no_collection
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.records import LabelMap, image_attributes

MAX_CATEGORIES = 65_535  # labels travel as 16 bits

# What corners were, by what they look like as [x, y, width, height].
_AS_CORNERS = {FRACTIONS: FRACTIONS, YXHW.order: YXYX.order}
_TOP_KEYS = ("categories", "images", "annotations")


@dataclass(frozen=True, eq=False)
class CocoAnnotations:
    """An annotation file.

    Attributes:
        label_map: the classes, labels 1..K by ascending category id.
        image_ids: [i] int64, ascending; the images' positions in the columns. Where ids are strings, their positions.
        file_names: of each image; empty where the file does not say.
        sizes_px: [i, 2] float64, width and height; NaN where the file does not say or says 0.
        attributes: of each image, what images[] holds beyond COCO's own fields.
        objects: in the order of the file.
        entries: the annotations as they stand in the file.
        mended_areas: which areas contradict their boxes and are those of the boxes; empty if none does.
        text_ids: the ids of the images where these are strings, ascending.
        told: what was read otherwise than it stands there, sentences.
    """

    label_map: LabelMap
    image_ids: np.ndarray
    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    attributes: tuple[Mapping[str, str], ...]
    objects: TruthColumns
    entries: Entries
    mended_areas: str = ""
    text_ids: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def evenly_chosen(self, most: int) -> np.ndarray:
        """At most so many images, evenly over all of them, [i] bool."""
        images = len(self.image_ids)
        chosen = np.zeros(images, np.bool_)
        chosen[np.linspace(0, images - 1, min(images, most)).astype(np.int64)] = True
        return chosen

    @property
    def ids(self) -> Sequence[int] | Sequence[str]:
        """The ids of the images, as the file has them."""
        return self.text_ids or self.image_ids.tolist()


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
        text_ids: whether ids of images may be strings.
        sizes: checks the entries of images[], and gives their sizes, [i, 2] float64, in the file's order.
        annotations: checks the entries of annotations[].
    """

    lowest_id: int = -MAX_ID
    text_ids: bool = True
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
    return annotations_of(load_document(content, source), source, demands)


def load_document(content: bytes, source: str) -> dict[str, Any]:
    """Parses an annotation file, whatever its object holds; DataError for what is no JSON object."""
    document = load_coco(content, source)
    if not isinstance(document, dict):
        hint = " (a list of detections is a COCO results file)" if isinstance(document, list) else ""
        raise DataError(f"{source}: expected a JSON object, got {kind(document)}{hint}; give a COCO annotation file")
    return document


def annotations_of(document: dict[str, Any], source: str, demands: Demands) -> CocoAnnotations:
    """`read_annotations` of what a file holds."""
    missing = [key for key in _TOP_KEYS if key not in document]
    if missing:
        raise DataError(f"{source}: missing {', '.join(missing)}; a COCO annotation file has {', '.join(_TOP_KEYS)}")
    categories, images, annotations = (document[key] for key in _TOP_KEYS)
    for key in _TOP_KEYS:
        if not isinstance(document[key], list):
            raise DataError(f"{source}: {key} must be a list, got {kind(document[key])}; export the file again")
    categories, told = without_groupings(categories, annotations)
    label_map = _read_categories(Entries(categories, "categories", source), demands)
    entries = Entries(images, "images", source)
    ids, order = _read_image_ids(entries, demands)
    text_ids = tuple(ids) if type(ids[0]) is str else ()
    image_ids = np.arange(len(ids)) if text_ids else np.array(ids, np.int64)
    sizes_px = demands.sizes(entries)[order]
    file_names = tuple(_file_name(images[index]) for index in order)
    attributes = tuple(image_attributes(images[index]) for index in order)
    for index, image in zip(order, attributes):
        _check_unicode(image, f"{source}: {entries.place(index)}")
    entries = Entries(annotations, "annotations", source, dict(zip(ids, file_names)))
    demands.annotations(entries)
    objects, mended = _read_objects(entries, label_map, ids, demands.text_ids)
    return CocoAnnotations(
        *(label_map, image_ids, file_names, sizes_px, attributes, objects, entries, mended, text_ids, told)
    )


def read_truth(path: str | PathLike[str]) -> CocoAnnotations:
    """Reads a ground truth file of any tool.

    Raises:
        DataError: it cannot be read, breaks a rule, or its boxes seem to be in another format than COCO's.
    """
    read = read_annotations(read_bytes(path), str(path), Demands())
    boxes = read.objects.boxes_xywh_px
    read.entries.refuse_negative_sizes("bbox", boxes)
    refuse_unlikely(str(path), read.entries.place, boxes, read.sizes_px[read.objects.image])
    return read


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


def read_bytes(path: str | PathLike[str]) -> bytes:
    """What a file holds; DataError if it cannot be read."""
    try:
        refuse_irregular(path)
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise DataError(f"{path}: cannot be read: {reason_of(error)}; give the path of a COCO JSON file") from error


def _read_categories(entries: Entries, demands: Demands) -> LabelMap:
    if not 1 <= len(entries) <= MAX_CATEGORIES:
        raise DataError(
            f"{entries.source}: categories has {len(entries)} entries, allowed are 1..{MAX_CATEGORIES}; list every "
            "class once with its id and name"
        )
    ids = entries.lenient_integers("id") if demands.text_ids else entries.integers("id", demands.lowest_id)
    ids, names = ids.tolist(), entries.texts("name")
    entries.refuse_repeated("id", ids)
    entries.refuse_repeated("name", names)
    category_ids, names = zip(*sorted(zip(ids, names)))
    return LabelMap(names, category_ids)


def _read_image_ids(entries: Entries, demands: Demands) -> tuple[list[Any], np.ndarray]:
    """The ids ascending, all integers or all strings, and where they stand in the file, [i] int64."""
    if not len(entries):
        raise DataError(f"{entries.source}: images is empty; list every image, and deliver at least one")
    ids = entries.keys("id") if demands.text_ids else entries.integers("id", demands.lowest_id).tolist()
    if type(ids[0]) is int:
        entries.check_each(ids, _check_integer)
        ids = ids if _are_int64(ids) else list(map(str, ids))  # as those of unsigned hashes
    elif int in map(type, ids):
        entries.check_each(ids, _check_text)
    entries.refuse_repeated("id", ids)
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return [ids[place] for place in order], np.array(order, np.int64)


def _check_integer(value: Any, where: str) -> None:
    if type(value) is not int:
        raise DataError(
            f"{where}: id {shown(value)} must be an integer like that of images[0]; give all images ids alike"
        )


def _check_text(value: Any, where: str) -> None:
    if type(value) is not str:
        raise DataError(
            f"{where}: id {shown(value)} must be a string like that of images[0]; give all images ids alike"
        )


def _file_name(image: Mapping[str, Any]) -> str:
    name = image.get("file_name")
    return name if isinstance(name, str) and is_unicode(name) else ""


def _check_unicode(attributes: dict[str, str], where: str) -> None:
    for name, value in attributes.items():
        if not is_unicode(name + value):  # it cannot even be printed
            raise DataError(f"{where}: {shown(name)} {shown(value)} is no valid Unicode; correct it")


def _read_objects(entries: Entries, label_map: LabelMap, ids: list[Any], text_ids: bool) -> tuple[TruthColumns, str]:
    is_crowd = entries.flags("iscrowd")
    own_area = entries.numbers("area", unsaid=0.0)
    _refuse_negative(entries, "area", own_area, " px^2")
    fix = "add the image or drop the annotation"
    image = (_key_positions if text_ids else positions)(entries, "image_id", ids, "images", fix)
    fix = "add the category or correct the id"
    category_ids = entries.lenient_integers("category_id") if text_ids else entries.integers("category_id")
    labels = _places(entries, "category_id", category_ids, label_map.category_ids, "categories", fix) + 1
    boxes = entries.boxes("bbox")
    area_px2 = np.where(entries.has("area"), own_area, boxes[:, 2] * boxes[:, 3])
    mended = mend_areas(boxes, area_px2, is_crowd, entries.place, lambda: entries.filled("segmentation"))
    return TruthColumns(image, boxes, labels, mended.area_px2, is_crowd), mended.told


def _refuse_negative(entries: Entries, field: str, values: np.ndarray, unit: str = "") -> None:
    entries.refuse(
        values < 0,
        lambda index: f"{field} {shown(entries[index][field])} must be at least 0{unit}; correct it or leave it out",
    )


def positions(entries: Entries, field: str, known: Sequence[int] | np.ndarray, owner: str, fix: str) -> np.ndarray:
    """Where the ids under a field stand among the known ones (not empty, ascending), [n] int64."""
    return _places(entries, field, entries.integers(field), known, owner, fix)


def _places(
    entries: Entries, field: str, ids: np.ndarray, known: Sequence[int] | np.ndarray, owner: str, fix: str
) -> np.ndarray:
    known = np.asarray(known, np.int64)
    places = nearest(ids, known)
    entries.refuse(known[places] != ids, lambda index: _unknown(field, int(ids[index]), known.tolist(), owner, fix))
    return places


def _are_int64(keys: Sequence[Any]) -> bool:
    return np.array(keys).dtype == np.int64  # with a string among them they are strings, with a larger one objects


def _key_positions(entries: Entries, field: str, known: Sequence[Any], owner: str, fix: str) -> np.ndarray:
    """The same where known ids may be strings, and those under the field strings of numbers or the other way round."""
    ids = entries.keys(field)
    if _are_int64(known) and (not ids or _are_int64(ids)):
        return _places(entries, field, np.array(ids, np.int64), known, owner, fix)
    images = ImageKeys(known, ())
    found = {key: images.by_id(key) for key in set(ids)}
    places = np.array([found[key][0] if len(found[key]) == 1 else -1 for key in ids], np.int64)
    entries.refuse(places < 0, lambda index: _unknown(field, ids[index], known, owner, fix))
    return places


def _unknown(field: str, value: int | str, known: Sequence[Any], owner: str, fix: str) -> str:
    return (
        f"{field} {shown(value)} is not among the {len(known)} {owner}, whose ids are {shown(list(known[:7]))}; {fix}"
    )


def nearest(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Where each id would stand among the known ones (not empty, ascending), [n] int64; the last place at most."""
    span = int(known[-1]) - int(known[0])
    if span < 4 * len(known) + 1024:  # numbered nearly without gaps, as ids are: a table is faster than a search
        table = np.searchsorted(known, np.arange(known[0], known[-1] + 1))
        return table[np.clip(ids, known[0], known[-1]) - known[0]]
    return np.minimum(np.searchsorted(known, ids), len(known) - 1)


def refuse_unlikely(
    source: str, place: Callable[[int], str], boxes: np.ndarray, sizes_px: np.ndarray, are_corners: bool = False
) -> None:
    """Refuses a file whose boxes as a whole make sense only in another format.

    Args:
        source: path of the file, for messages.
        place: says where the box of an index stands.
        boxes: [n, 4], `[x, y, width, height]`.
        sizes_px: [n, 2], of each box's image; NaN where unknown.
        are_corners: whether the file gave them as corners, the second after the first.

    Raises:
        DataError: they do.
    """
    wrong = find_wrong_format(boxes, sizes_px)
    looks_like = wrong and (_AS_CORNERS.get(wrong.looks_like) if are_corners else wrong.looks_like)
    if wrong is None or looks_like is None:
        return
    width, height = sizes_px[wrong.example]
    expected, given = "COCO has [x, y, width, height]", boxes[wrong.example]
    if are_corners:
        expected, given = "boxes are [x1, y1, x2, y2]", np.append(given[:2], given[:2] + given[2:])
    raise DataError(
        f"{source}: the boxes look like {looks_like}, where {expected} in pixels: {wrong.because}; the first is "
        f"{place(wrong.example)}: bbox {given.tolist()} in an image of {width:g}x{height:g} px; convert the boxes, or "
        "correct the sizes of the images if those are wrong"
    )
