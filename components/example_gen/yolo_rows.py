"""The rows of YOLO's text files: boxes, polygons, oriented boxes, or boxes with keypoints; pure.

Formats: https://docs.ultralytics.com/datasets/detect, /segment, /obb and /pose. A row does not say which it is: a
polygon of seven columns is a box with one keypoint as well. So data.yaml has to (`kpt_shape`, or `task`), or all rows
together have to make sense in one way alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ratchet.components.example_gen.file_names import read_number
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError

_BOX = 4  # center x, center y, width, height
_SLACK = 0.02  # of the image: rounding, and keypoints that were drawn at the edge of a box
_VISIBLE = (0.0, 1.0, 2.0)
_COLUMNS = "; a box has 5 (class, center x, center y, width, height), a polygon its class and at least 3 pairs x y"
_COMMA_DECIMAL = re.compile(r"(?:\d,\d+\s+){2}")  # 0,31 0,25
_PARALLEL = 0.01  # of the image: how far the corners of an oriented box may be off, as they are rounded
_TRACKED = 7  # columns of a box with a score and the number of a track, or of a triangle
_MOSTLY = 0.5  # of the rows; keypoints may lie outside of their box
_DECLARE = "add `kpt_shape: [number of keypoints, 2 or 3]` to data.yaml if these are keypoints, `task: segment` if not"


class Row(NamedTuple):
    """One of them.

    Attributes:
        number: of the class, from 0.
        values: fractions of the image.
        where: file and line, for messages.
    """

    number: int
    values: list[float]
    where: str


def read_row(line: str, where: str, classes: int, names: Sequence[str] = ()) -> Row:
    """Reads a line, whatever it is; DataError for what cannot be any row.

    Args:
        line: of a label file.
        where: file and line, for messages.
        classes: how many there are.
        names: of them, for messages.
    """
    columns = line.split()
    mark = next((mark for mark in ",;" if mark in line), None)
    if mark is not None and len(re.split(rf"\s*{mark}\s*|\s+", line.strip())) >= 5 and not _COMMA_DECIMAL.search(line):
        raise DataError(f"{where}: {shown(line)}: columns are separated by spaces, not by {mark!r}; replace them")
    if mark == "," and len(columns) >= 5:
        raise DataError(f"{where}: {shown(line)}: decimals have a point, not a comma; replace them")
    if len(columns) < 5:
        raise DataError(f"{where}: {len(columns)} columns{_COLUMNS}")
    number = _class_number(columns[0], where)
    if number is None or not 0 <= number < classes:
        counted = f"must be an integer, 0..{classes - 1}, counted from 0"
        raise DataError(f"{where}: class {shown(columns[0])} {counted}; {_advice(columns[0], number, classes, names)}")
    values = [read_number(text, f"column {column}", where) for column, text in enumerate(columns[1:], 2)]
    return Row(number, values, where)


def _class_number(text: str, where: str) -> int | None:
    """The number of a class, also as numpy writes it, `1.000e+00`; None for what is none."""
    try:
        number = read_number(text, "class", where)
    except DataError:
        return None
    return int(number) if number.is_integer() else None


def _advice(text: str, number: int | None, classes: int, names: Sequence[str]) -> str:
    if text in names:
        return f"write its number, {names.index(text)}, for the name"
    if text.startswith("#") or text.lower() in ("class", "class_id", "label"):
        return "this is a comment or a header, which YOLO does not have; remove the line"
    if number == classes:
        return "if classes are counted from 1 here, count them from 0; else add the class to the list"
    return "correct it or the list"


def boxes_of_rows(rows: Sequence[Row], keypoints: int, task: str) -> list[list[float]]:
    """The box of each row: center x, center y, width, height.

    Args:
        rows: of the whole data set.
        keypoints: how many numbers follow the box in each row, as data.yaml says; 0: it says nothing.
        task: what data.yaml says the rows are; empty: nothing.

    Raises:
        DataError: a row is none of what is said, or rows make sense in two ways.
    """
    if keypoints:
        boxes = [_box_before_keypoints(row, keypoints) for row in rows]
        _refuse_polygons(rows)
        return boxes
    longer = [row for row in rows if len(row.values) != _BOX]
    for row in longer:
        _check_polygon(row)
    if longer and task not in ("segment", "obb") and _are_tracks(longer):
        raise DataError(
            f"{longer[0].where}: {_TRACKED} columns that end in whole numbers: these are a tracker's boxes with score "
            "and track, no labels; leave out the last two columns, or add `task: segment` to data.yaml if they are "
            "triangles"
        )
    if longer and task not in ("segment", "obb") and _may_be_keypoints(longer, task):
        first, rest = longer[0], len(longer[0].values) - _BOX
        points = " or ".join(str(rest // each) for each in (2, 3) if rest % each == 0)
        raise DataError(
            f"{first.where}: the {len(first.values) + 1} columns of {len(longer)} rows are a polygon, or a box with "
            f"{points} keypoints, and data.yaml does not say which; {_DECLARE}"
        )
    return [_box_around(row.values) if len(row.values) != _BOX else row.values for row in rows]


def _may_be_keypoints(rows: Sequence[Row], task: str) -> bool:
    if any(len(row.values) != len(rows[0].values) for row in rows):
        return False
    if task == "pose":
        return True
    if all(_is_oriented_box(row.values) for row in rows):
        return False
    return any(sum(_is_pose(row.values, each) for row in rows) >= _MOSTLY * len(rows) for each in (2, 3))


def _is_oriented_box(values: Sequence[float]) -> bool:
    """Whether four corners are those of a parallelogram, which a box and two keypoints are by chance only."""
    if len(values) != 2 * _BOX:
        return False
    return all(abs(values[at] + values[at + 4] - values[at + 2] - values[at + 6]) < _PARALLEL for at in (0, 1))


def _are_tracks(rows: Sequence[Row]) -> bool:
    values = [row.values for row in rows]
    return all(len(each) == _TRACKED - 1 and each[5].is_integer() and 0 <= each[4] <= 1 for each in values)


def _refuse_polygons(rows: Sequence[Row]) -> None:
    """DataError if rows that are said to have keypoints are oriented boxes or polygons, most of them."""
    longer = [row for row in rows if len(row.values) != _BOX]
    if longer and sum(_is_box(row.values) for row in longer) < _MOSTLY * len(longer):
        raise DataError(
            f"{longer[0].where}: data.yaml has kpt_shape, but columns 2 to 5 of most of {len(longer)} rows are no box "
            "of the picture; remove kpt_shape if they are polygons"
        )


def _box_before_keypoints(row: Row, keypoints: int) -> list[float]:
    if len(row.values) not in (_BOX, _BOX + keypoints):
        raise DataError(
            f"{row.where}: {len(row.values) + 1} columns; by kpt_shape in data.yaml a row has {_BOX + keypoints + 1} "
            "(class, box, keypoints); correct one of them"
        )
    return row.values[:_BOX]


def _check_polygon(row: Row) -> None:
    columns = len(row.values) + 1
    if columns == 6:
        raise DataError(
            f"{row.where}: 6 columns: a box with an angle, or a detection with its score or track; labels are class, "
            "center x, center y, width, height; export upright boxes (an oriented one has four corners), or give the "
            "labels instead of the detections"
        )
    if columns % 2 == 0:
        is_pose = _is_pose(row.values, 3)
        pose = (
            f": these are {(columns - 5) // 3} keypoints with visibility behind the box; {_DECLARE}" if is_pose else ""
        )
        raise DataError(f"{row.where}: {columns} columns{pose or _COLUMNS}")


def _is_pose(values: Sequence[float], each: int) -> bool:
    """Whether numbers make sense as a box and keypoints of 2 or 3 numbers."""
    if (len(values) - _BOX) % each:
        return False
    x, y, width, height = values[:_BOX]
    points = [values[start : start + each] for start in range(_BOX, len(values), each)]
    if each == 3 and not all(point[2] in _VISIBLE for point in points):
        return False
    return _is_box(values) and all(
        point[0] == point[1] == 0
        or (abs(point[0] - x) <= width / 2 + _SLACK and abs(point[1] - y) <= height / 2 + _SLACK)
        for point in points
    )


def _is_box(values: Sequence[float]) -> bool:
    """Whether the first four numbers are a box inside of the picture."""
    x, y, width, height = values[:_BOX]
    return (
        width > 0 < height
        and min(x - width / 2, y - height / 2) >= -_SLACK
        and max(x + width / 2, y + height / 2) <= 1 + _SLACK
    )


def _box_around(values: Sequence[float]) -> list[float]:
    xs, ys = values[0::2], values[1::2]
    return [(max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)]
