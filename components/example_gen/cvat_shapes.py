"""The shapes that CVAT draws, and the upright boxes around them; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from xml.etree.ElementTree import Element

from ratchet.components.example_gen.class_lists import check_class_name
from ratchet.components.example_gen.file_names import read_number
from ratchet.components.example_gen.read_images import ReadObject
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import joined, many

NO_BOXES = ("polyline", "points", "skeleton", "cuboid", "tag")  # left out, and no classes of boxes
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_Numbers = list[float]


def _number(shape: Element, key: str, where: str) -> float:
    return read_number(shape.get(key, "").strip(), key, where)


def _rotation(shape: Element, where: str) -> float:
    """In radians; CVAT leaves it out where it is 0, and upside down a box is the same."""
    degrees = _number(shape, "rotation", where) if shape.get("rotation") else 0.0
    return math.radians(degrees % 180)


def _box(shape: Element, where: str) -> _Numbers:
    left, top, right, bottom = (_number(shape, key, where) for key in _CORNERS)
    angle = _rotation(shape, where)
    if not angle:
        return [left, top, right, bottom]
    half_width, half_height = (right - left) / 2, (bottom - top) / 2
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    reach = (half_width * cos + half_height * sin, half_width * sin + half_height * cos)
    return _around((left + right) / 2, (top + bottom) / 2, *reach)


def _ellipse(shape: Element, where: str) -> _Numbers:
    x, y, half_width, half_height = (_number(shape, key, where) for key in ("cx", "cy", "rx", "ry"))
    cos, sin = math.cos(_rotation(shape, where)), math.sin(_rotation(shape, where))
    reach = (math.hypot(half_width * cos, half_height * sin), math.hypot(half_width * sin, half_height * cos))
    return _around(x, y, *reach)


def _around(x: float, y: float, half_width: float, half_height: float) -> _Numbers:
    return [x - half_width, y - half_height, x + half_width, y + half_height]


def _polygon(shape: Element, where: str) -> _Numbers:
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        raise DataError(
            f"{where}: points {shown(shape.get('points'))} must be at least three x,y;x,y;x,y; correct them"
        )
    xs, ys = ([read_number(pair[axis].strip(), "points", where) for pair in pairs] for axis in (0, 1))
    return [min(xs), min(ys), max(xs), max(ys)]


def _mask(shape: Element, where: str) -> _Numbers:
    left, top, width, height = (_number(shape, key, where) for key in ("left", "top", "width", "height"))
    return [left, top, left + width, top + height]


_SHAPES: dict[str, Callable[[Element, str], _Numbers]] = {
    "box": _box,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "mask": _mask,
}


class Shapes:
    """Reads shapes, and counts what is no upright box."""

    def __init__(self) -> None:
        """None was read yet."""
        self._around: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def objects(self, image: Element, where: str, place: str) -> list[ReadObject]:
        """The objects of an image.

        Args:
            image: its element.
            where: its place, for messages.
            place: the same without the delivery.

        Raises:
            DataError: a shape has no class, or what it is made of is no number.
        """
        found: list[ReadObject] = []
        for shape in image:
            if shape.tag in NO_BOXES:
                self._left_out[shape.tag] += 1
            if shape.tag not in _SHAPES:
                continue
            at = f"{shape.tag}[{len(found)}]"
            name = check_class_name(shape.get("label", "").strip(), f"{where}: {at}")
            numbers = _SHAPES[shape.tag](shape, f"{where}: {at} {shown(name)}")
            rotated = shape.tag == "box" and _rotation(shape, where) != 0
            if rotated or shape.tag != "box":
                self._around["rotated box" if rotated else shape.tag] += 1
            found.append(ReadObject(name, numbers, f"{place}: {at} ({shown(name)}"))
        return found

    def told(self) -> tuple[str, ...]:
        """What became the upright box around it."""
        kinds = joined([many(count, kind) for kind, count in self._around.items()])
        return (f"{kinds} became the upright boxes around them",) if kinds else ()

    def left_out(self) -> tuple[str, ...]:
        """What is no box."""
        kinds = joined([many(count, _SINGULAR.get(kind, kind)) for kind, count in self._left_out.items()])
        return (f"{kinds}, which are no boxes",) if kinds else ()


_SINGULAR = {"points": "set of points"}
