"""The objects of an image in the metadata of a Hugging Face `imagefolder`; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ratchet.components.example_gen.class_lists import check_class_name
from ratchet.schemas.base.checked_json import check_number, kind, shown
from ratchet.schemas.base.errors import DataError

_OBJECTS = ("objects", "annotations")
_BOXES = ("bbox", "bboxes", "boxes")
_CLASSES = (
    *("categories", "category", "category_id", "category_ids", "labels", "label", "class", "classes", "class_name"),
    *("class_names", "name", "names"),
)
_AREAS, _CROWDS = ("area", "areas"), ("iscrowd", "is_crowd")
NOT_ATTRIBUTES = ("image_id", "id", "width", "height", *_OBJECTS, *_BOXES, *_CLASSES, *_AREAS, *_CROWDS)


class BoxedObject(NamedTuple):
    """An object whose class may be a number yet."""

    value: int | str
    key: str
    given: list[float]
    place: str
    area_px2: float | None
    is_crowd: bool


def objects_of(entry: dict[str, Any], where: str, place: str) -> list[BoxedObject]:
    """Reads the objects of an image.

    Args:
        entry: what the metadata say of it.
        where: its place, for messages.
        place: the same without the delivery.

    Returns:
        None where it has no objects.

    Raises:
        DataError: an object has no box of four numbers, or no class.
    """
    key, value = _where_objects_are(entry)
    if value is None:
        return []
    prefix = f"{key}." if key else ""
    if isinstance(value, list):
        found = []
        for index, each in enumerate(value):
            at = f"{key}[{index}]"
            if not isinstance(each, dict):
                raise DataError(f"{where}: {at} must be an object with a bbox, got {kind(each)}; export it again")
            columns = {name: [item] for name, item in each.items()}
            found += _of_columns(columns, f"{where}: {at}", f"{place}: {at}", [""])
        return found
    if not isinstance(value, dict):
        raise DataError(f"{where}: {key} must hold lists of bbox and of categories, got {kind(value)}; export it again")
    boxes = next((name for name in _BOXES if name in value), "")
    count = len(value[boxes]) if isinstance(value.get(boxes), list) else 0
    return _of_columns(value, where, place, [f": {prefix}{boxes}[{index}]" for index in range(count)])


def _where_objects_are(entry: dict[str, Any]) -> tuple[str, Any]:
    """The key of the objects and its value; an empty key where the columns are those of the image itself."""
    for key in _OBJECTS:
        if key in entry:
            return key, entry[key]
    for key, value in entry.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict) and any(name in first for name in _BOXES):
            return key, value
    return ("", entry) if any(name in entry for name in _BOXES) else ("", None)


def _of_columns(columns: Mapping[str, Any], where: str, place: str, ats: Sequence[str]) -> list[BoxedObject]:
    """The objects of columns; `ats` says where each stands."""
    key = next((name for name in _BOXES if name in columns), None)
    if key is None:
        if not columns or all(value in (None, []) for value in columns.values()):
            return []
        raise DataError(f"{where}: no bbox among {shown(sorted(columns))}; add it, x, y, width, height in pixels")
    boxes = columns[key]
    if boxes in (None, []):
        return []
    class_key, values = _class_column(columns, where)
    areas, crowds = (_column(columns, names, None) for names in (_AREAS, _CROWDS))
    for name, column in ((key, boxes), (class_key, values), ("area", areas), ("iscrowd", crowds)):
        if column is not None and (not isinstance(column, list) or len(column) != len(ats)):
            got = f"{len(column)} entries" if isinstance(column, list) else kind(column)
            raise DataError(f"{where}: {name} must be a list of {len(ats)} entries like {key}, got {got}; correct it")
    return [
        BoxedObject(
            *(_class_value(values[index], class_key, f"{where}{at}"), class_key),
            *(_numbers(boxes[index], key, f"{where}{at}"), f"{place}{at} ({shown(values[index])}"),
            *(_area(areas and areas[index], f"{where}{at}"), _crowd(crowds and crowds[index], f"{where}{at}")),
        )
        for index, at in enumerate(ats)
    ]


def _column(columns: Mapping[str, Any], names: Sequence[str], default: Any) -> Any:
    return next((columns[name] for name in names if name in columns), default)


def _class_column(columns: Mapping[str, Any], where: str) -> tuple[str, Any]:
    """The column of the classes; of several that with names."""
    found = [(name, columns[name]) for name in _CLASSES if columns.get(name) is not None]
    if not found:
        raise DataError(
            f"{where}: boxes without classes: none of {', '.join(_CLASSES[:5])} is among {shown(sorted(columns))}; add "
            "categories, one for each bbox"
        )
    named = [each for each in found if isinstance(each[1], list) and each[1] and isinstance(each[1][0], str)]
    return (named or found)[0]


def _class_value(value: Any, key: str, where: str) -> int | str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and value >= 0:
        return value
    if not isinstance(value, str):
        raise DataError(f"{where}: {key} {shown(value)} must be the name or the number of a class; correct it")
    return check_class_name(value, where)


def _numbers(box: Any, key: str, where: str) -> list[float]:
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"{where}: {key} {shown(box)} must be a list of four numbers, x, y, width, height; correct it")
    return [check_number(number, key, where) for number in box]


def _area(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if check_number(value, "area", where) < 0:
        raise DataError(f"{where}: area {shown(value)} must be at least 0 px^2; correct it or leave it out")
    return float(value)


def _crowd(value: Any, where: str) -> bool:
    if value not in (None, 0, 1):
        raise DataError(f"{where}: iscrowd {shown(value)} must be 0 or 1; correct it")
    return bool(value)
