"""Pascal VOC XML -> annotations; nothing that an XML file refers to is ever opened.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html. Departures:
- corners are taken as they are: x = xmin, width = xmax - xmin, although VOC counts pixels from 1. Tools differ in this,
  and it is at most a pixel.
- `difficult`, `truncated` and `occluded` objects are objects like others; the VOC metric leaves difficult ones out.
- a document type, and with it every entity, is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ratchet.components.coco.groupings import BACKGROUNDS
from ratchet.components.example_gen.class_lists import check_class_name, label_map_of
from ratchet.components.example_gen.file_names import check_file_name, read_files, read_number
from ratchet.components.example_gen.image_headers import headers_where_unsaid, orientations_of, sizes_said_or_read
from ratchet.components.example_gen.labelled import VOC_BNDBOX, Labelled, LabelledBox, LabelledImage
from ratchet.components.example_gen.layout.choosing import (
    is_wanted,
    pictures_told,
    refuse_unknown_split,
    splits_told,
)
from ratchet.components.example_gen.layout.class_files import agreed, class_files, list_above
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.layout.voc_layouts import image_sets
from ratchet.components.imaging.quality import check_size
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap

_CORNERS = ("xmin", "ymin", "xmax", "ymax")

_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]*\?>""")
_MULTI_BYTE = frozenset(("gbk", "gb2312", "gb18030", "big5", "euc-jp", "euc-kr", "shift_jis", "cp932", "cp949"))

_Object = tuple[str, list[float], str]  # class name, corners, place


class _Read(NamedTuple):
    """An XML file: its picture below the delivery, its size in pixels if it says one, and its objects."""

    picture: str
    size: tuple[int, int] | None
    objects: list[_Object]
    split: str
    path: str


def read_voc(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads XML files; image ids follow the file names.

    Classes are those of `classes.txt`, `labels.txt` or `labelmap.txt`; without one `class_names`; without that the
    sorted names found. Images without an XML file are no part of the data set.

    Args:
        tree: the delivery.
        layout: where its XML files and pictures are.
        reading: what the user says of it.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations.

    Raises:
        DataError: a file is no VOC annotation, its image is missing or another one, or a class is unknown.
    """
    finder = _Finder(tree)
    read = [each for part in layout.parts for each in _read_part(tree, part, finder)]
    refuse_unknown_split(reading.split, [each.split for each in read], tree.directory)
    told = [*finder.told(), *splits_told([each.split for each in read], reading.split)]
    chosen = sorted((each for each in read if is_wanted(each.split, reading.split)), key=lambda each: each.picture)
    if not any(each.objects for each in chosen):
        raise DataError(f"{tree.directory}: {len(chosen)} XML files without one object; a data set needs at least one")
    said = [each.size for each in chosen]
    headers = headers_where_unsaid([tree.path(each.picture) for each in chosen], said, tree.files)
    label_map = _classes(tree, reading, class_names, chosen)
    labelled = _to_labelled(tree, chosen, sizes_said_or_read(said, headers), label_map, layout)
    return replace(labelled, orientations=orientations_of(headers)).telling(
        told, _left_out(tree, {each.picture for each in read})
    )


def _read_part(tree: Tree, part: Part, finder: _Finder) -> list[_Read]:
    names = [name for name in tree.ending(".xml") if not part.annotations or name.startswith(f"{part.annotations}/")]
    sets, problems = image_sets(tree, part), Problems()
    found: dict[str, _Read] = {}
    paths = [tree.path(name) for name in names]
    for name, path, content in zip(names, paths, read_files(paths, tree.files)):
        try:
            if isinstance(content, DataError):
                raise content
            root = _with_plain_tags(parse_xml(content, path))
            picture = finder.picture(root, name, part, path)
            if picture in found:
                raise DataError(f"{path}: its image {shown(picture)} already has {found[picture].path}; remove one")
            split = sets.get(os.path.splitext(os.path.basename(name))[0]) if sets else None
            split = split or ("" if sets else part.split or split_of_directory(name))
            found[picture] = _Read(picture, _size(root, path), _objects(root, path, name), split, path)
        except DataError as error:
            problems.add(str(error))
    problems.raise_if_any()
    return list(found.values())


def _with_plain_tags(root: Element) -> Element:
    """The same tree with tags in lower case and without namespace."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2].lower()
    return root


def _left_out(tree: Tree, used: set[str]) -> list[str]:
    bare = [name for name in tree.pictures if name not in used]
    return pictures_told((bare, "without an XML file"), (tree.other_pictures, "neither JPEG nor PNG"))


def parse_xml(text: bytes, path: str) -> Element:
    """Parses XML of a kind that cannot do harm.

    Args:
        text: the file's content.
        path: its path, for messages.

    Returns:
        The root element.

    Raises:
        DataError: no XML, with line and column; or it has a document type.
    """
    try:
        return fromstring(_in_known_encoding(text), forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(f"{path}: it has a <!DOCTYPE>, which can make a small file endless; remove it") from error
    except (ParseError, LookupError, ValueError, AssertionError) as error:  # LookupError: unknown encoding
        raise DataError(f"{path}: broken XML: {error}; {_xml_advice(text)}") from error


def _xml_advice(text: bytes) -> str:
    said = _encoding_said(text)
    try:
        text.decode(said)
    except UnicodeDecodeError:
        return f"it is no {said.upper()}; save it as UTF-8, with that in its first line"
    except (LookupError, ValueError):
        return "save it as UTF-8, with that in its first line"
    return "export or copy the file again"


def _encoding_said(text: bytes) -> str:
    found = _DECLARED.match(text)
    return found[1].decode("ascii").lower() if found else "utf-8"


def _in_known_encoding(text: bytes) -> bytes:
    """The same in UTF-8 where it is in an encoding of Python's that XML parsers do not have, as GBK."""
    said = _encoding_said(text)
    if said not in _MULTI_BYTE:
        return text
    try:
        return _DECLARED.sub(b"", text, count=1).decode(said).encode()
    except ValueError:
        return text  # and the parser says what is wrong


class _Finder:
    """Finds the picture of an XML file: by its `filename`, and by the name of the XML file itself."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._names, self._stems = Names(tree.pictures), Names(os.path.splitext(name)[0] for name in tree.pictures)
        self._of_stem = {os.path.splitext(name)[0]: name for name in tree.pictures}

    def told(self) -> tuple[str, ...]:
        """Which names were found in another spelling."""
        return (*self._names.told(), *self._stems.told())

    def picture(self, root: Element, name: str, part: Part, path: str) -> str:
        """The picture of the XML file `name`, below the delivery."""
        if root.tag != "annotation":
            raise DataError(f"{path}: its root is <{root.tag[:80]}>, that of a VOC file is <annotation>; export again")
        stem = name[len(part.annotations) :].lstrip("/")[: -len(".xml")]
        given = (root.findtext("filename") or "").strip()
        # A path is that of the annotator's computer, of which the last step says what there is to say.
        asked = given if given and "\\" not in given and not given.startswith("/") else re.split(r"[\\/]", given)[-1]
        own = self._first(part, [stem], self._by_stem)
        named = self._first(part, self._spellings(stem, asked), self._named) if asked.strip(". ") else None
        if own is not None and named is not None and own != named:
            raise DataError(
                f"{path}: filename is {shown(given)}, but {self._tree.path(own)} is there as well, called like the XML "
                "file: which one was labelled? If files were renamed, correct filename, else rename the XML file"
            )
        found = named or own
        if found is None:
            places = [os.path.join(part.images[0], each) for each in (asked or stem, stem)]
            raise DataError(f"{path}: its image {missing_picture(asked or stem, self._tree, places[0])}")
        return check_file_name(found, path, "filename")

    @staticmethod
    def _spellings(stem: str, asked: str) -> list[str]:
        beside = os.path.dirname(stem)
        return [f"{beside}/{asked}", asked] if beside else [asked]

    def _first(self, part: Part, asked: list[str], find: Callable[[str], str | None]) -> str | None:
        places = (f"{images}/{each}".lstrip("/") for images in part.images for each in asked)
        return next((found for place in places if (found := find(place)) is not None), None)

    def _by_stem(self, stem: str) -> str | None:
        found = self._stems.find(stem)
        return None if found is None else self._of_stem[found]

    def _named(self, name: str) -> str | None:
        return self._names.find(name) or self._by_stem(name)


def _size(root: Element, path: str) -> tuple[int, int] | None:
    """Width and height; None where they are missing or 0, which labelImg writes of what it could not read."""
    texts = [(root.findtext(f"size/{key}") or "").strip() for key in ("width", "height")]
    if all(text in ("", "0") for text in texts):
        return None
    sides = []
    for key, text in zip(("width", "height"), texts):
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise DataError(f"{path}: size/{key} {shown(text)} must be an integer; correct it or leave size out")
        sides.append(int(text))
    check_size(sides[0], sides[1], path)
    return sides[0], sides[1]


def _objects(root: Element, path: str, name: str) -> list[_Object]:
    objects = []
    within = len(list(root.iter("object"))) - len(root.findall("object"))
    if within:
        raise DataError(f"{path}: {within} <object> inside of other elements; in VOC they stand in <annotation> itself")
    for index, element in enumerate(root.findall("object")):
        where = f"{path}: object[{index}]"
        class_name = check_class_name((element.findtext("name") or "").strip(), where)
        where = f"{where} {shown(class_name)}"
        boxes = element.findall("bndbox")
        if len(boxes) > 1:
            raise DataError(f"{where}: it has {len(boxes)} bndbox; give each its own <object>")
        box, polygon = boxes[0] if boxes else None, element.find("polygon")
        if box is None and polygon is not None:
            objects.append((class_name, _around(polygon, where), f"{name}: object[{index}] ({shown(class_name)}"))
            continue
        if box is None and element.find("robndbox") is not None:
            raise DataError(f"{where}: it has a rotated robndbox and no bndbox; export upright boxes")
        if box is None:
            raise DataError(f"{where}: bndbox is missing; add xmin, ymin, xmax, ymax in pixels")
        corners = [read_number((box.findtext(key) or "").strip(), key, where) for key in _CORNERS]
        objects.append((class_name, corners, f"{name}: object[{index}] ({shown(class_name)}"))
    return objects


def _around(polygon: Element, where: str) -> list[float]:
    """The corners of the box around a polygon with the points x1, y1, x2, y2, ..."""
    sides: dict[str, list[float]] = {"x": [], "y": []}
    for point in polygon:
        if re.fullmatch(r"[xy][0-9]{1,6}", point.tag):
            sides[point.tag[0]].append(read_number((point.text or "").strip(), f"polygon/{point.tag}", where))
    xs, ys = sides["x"], sides["y"]
    if len(xs) < 2 or len(xs) != len(ys):
        raise DataError(f"{where}: no bndbox, and its polygon has no points x1, y1, x2, y2, ...; add a bndbox")
    return [min(xs), min(ys), max(xs), max(ys)]


def _classes(tree: Tree, reading: Reading, class_names: tuple[str, ...] | None, read: Sequence[_Read]) -> LabelMap:
    objects = [found for each in read for found in each.objects]
    found = agreed(class_files(tree)) or list_above(tree.directory, tree.files)
    listed = found and tuple(name for name in found.names if name.lower() not in BACKGROUNDS)
    names = reading.class_names or listed or class_names
    if names is None:
        return label_map_of(sorted({name for name, _, _ in objects}), tree.directory)
    source = "--classes" if reading.class_names else found.path if found and listed else "the schema's classes"
    label_map = label_map_of(names, source)
    problems, known = Problems(f"{tree.directory}: "), set(label_map.names)
    for name, _, place in objects:
        if name not in known:
            problems.add(
                f"{place}): class {shown(name)} is not in {source}, which has {shown(list(label_map.names))}; correct "
                "it or add the class there"
            )
    problems.raise_if_any()
    return label_map


def _to_labelled(
    tree: Tree, read: Sequence[_Read], sizes: Sequence[tuple[int, int]], label_map: LabelMap, layout: Layout
) -> Labelled:
    labels = {name: label for label, name in enumerate(label_map.names, 1)}
    tops = {next(place for place in part.images) for part in layout.parts}
    top = next(iter(tops)) if len(tops) == 1 else ""
    top = top if all(each.picture.startswith(f"{top}/") for each in read) else ""
    cut = len(top) + 1 if top else 0
    images = [
        LabelledImage(number, each.picture[cut:], *size, {}) for number, (each, size) in enumerate(zip(read, sizes), 1)
    ]
    boxes = [
        LabelledBox(position, labels[name], corners, place)
        for position, each in enumerate(read)
        for name, corners, place in each.objects
    ]
    return Labelled.of(label_map, images, boxes, VOC_BNDBOX, tree.path(top))
