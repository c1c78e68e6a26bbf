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
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ratchet.components.example_gen.class_lists import check_class_name, first_list, label_map_of, read_class_list
from ratchet.components.example_gen.file_names import (
    IMAGE_SUFFIXES,
    check_file_name,
    files_below,
    read_files,
    read_number,
)
from ratchet.components.example_gen.labelled import VOC_BNDBOX, Labelled, LabelledBox, LabelledImage
from ratchet.components.imaging.quality import check_size
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.records import LabelMap

ANNOTATIONS = "Annotations"
IMAGES = "JPEGImages"
CLASS_LISTS = ("classes.txt", "labels.txt", "labelmap.txt")

_CORNERS = ("xmin", "ymin", "xmax", "ymax")

_Object = tuple[str, list[float], str]  # class name, corners, place


def read_voc(directory: str, files: Files, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads `Annotations/*.xml`; image ids follow the file names.

    Classes are those of `classes.txt`, `labels.txt` or `labelmap.txt`; without one `class_names`; without that the
    sorted names found. Images without an XML file are no part of the data set.

    Args:
        directory: holds `Annotations/` and `JPEGImages/`.
        files: the file system.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations.

    Raises:
        DataError: a file is no VOC annotation, its image is missing, or a class is unknown.
    """
    top = os.path.join(directory, IMAGES)
    if not files.isdir(top):
        raise DataError(f"{directory}: no directory {IMAGES}/ in it, beside {ANNOTATIONS}/; put the image files there")
    pictures = set(files_below(top, IMAGE_SUFFIXES, files))
    problems = Problems()
    images: dict[str, tuple[int, int, list[_Object]]] = {}
    names = sorted(files_below(os.path.join(directory, ANNOTATIONS), (".xml",), files))
    paths = [os.path.join(directory, ANNOTATIONS, name) for name in names]
    for name, path, content in zip(names, paths, read_files(paths, files)):
        try:
            if isinstance(content, DataError):
                raise content
            root = parse_xml(content, path)
            file_name = _picture(root, name, pictures, path)
            if file_name in images:
                raise DataError(f"{path}: its image {shown(file_name)} already has another XML file; remove one")
            images[file_name] = (*_size(root, path), _objects(root, path, f"{ANNOTATIONS}/{name}"))
        except DataError as error:
            problems.add(str(error))
    problems.raise_if_any()
    if not any(objects for _, _, objects in images.values()):
        raise DataError(f"{directory}: {len(images)} XML files without one object; a data set needs at least one")
    return _to_labelled(images, _classes(directory, files, class_names, images.values()), top)


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
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(f"{path}: it has a <!DOCTYPE>, which can make a small file endless; remove it") from error
    except (ParseError, LookupError, ValueError, AssertionError) as error:  # LookupError: unknown encoding
        raise DataError(f"{path}: broken XML: {error}; export or copy the file again") from error


def _picture(root: Element, name: str, pictures: set[str], path: str) -> str:
    """The image of an XML file: by its `filename`, else by the name of the XML file itself."""
    if root.tag != "annotation":
        raise DataError(f"{path}: its root is <{root.tag[:80]}>, that of a VOC file is <annotation>; export it again")
    stem = name[: -len(".xml")]
    given = (root.findtext("filename") or "").strip()
    candidates = [f"{stem}{suffix}" for suffix in (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES))]
    if given:
        check_file_name(given, path, "filename")
        candidates = [os.path.join(os.path.dirname(name), given), given, *candidates]
    for candidate in candidates:
        if candidate in pictures:
            return check_file_name(candidate, path, "filename")
    named = f"neither {shown(given)} nor " if given else "no "
    raise DataError(f"{path}: {named}{shown(stem)} with .jpg, .jpeg or .png is in {IMAGES}/; deliver the image")


def _size(root: Element, path: str) -> tuple[int, int]:
    sides = []
    for key in ("width", "height"):
        text = (root.findtext(f"size/{key}") or "").strip()
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise DataError(f"{path}: size/{key} {shown(text)} must be an integer; add the image's size in pixels")
        sides.append(int(text))
    check_size(sides[0], sides[1], path)
    return sides[0], sides[1]


def _objects(root: Element, path: str, place: str) -> list[_Object]:
    objects = []
    for index, element in enumerate(root.findall("object")):
        where = f"{path}: object[{index}]"
        name = check_class_name((element.findtext("name") or "").strip(), where)
        where = f"{where} {shown(name)}"
        box = element.find("bndbox")
        if box is None:
            raise DataError(f"{where}: bndbox is missing; add xmin, ymin, xmax, ymax in pixels or remove the object")
        corners = [read_number((box.findtext(key) or "").strip(), key, where) for key in _CORNERS]
        objects.append((name, corners, f"{place}: object[{index}] ({shown(name)}"))
    return objects


def _classes(
    directory: str, files: Files, class_names: tuple[str, ...] | None, images: Iterable[tuple[int, int, list[_Object]]]
) -> LabelMap:
    objects = [found for _, _, image_objects in images for found in image_objects]
    path = first_list(directory, CLASS_LISTS, files)
    if path is None and class_names is None:
        return label_map_of(sorted({name for name, _, _ in objects}), directory)
    source = path or "the schema's classes"
    label_map = read_class_list(path, files) if path else label_map_of(class_names or (), source)
    problems, known = Problems(f"{directory}: "), set(label_map.names)
    for name, _, place in objects:
        if name not in known:
            problems.add(
                f"{place}): class {shown(name)} is not in {source}, which has {shown(list(label_map.names))}; correct "
                "it or add the class there"
            )
    problems.raise_if_any()
    return label_map


def _to_labelled(images: dict[str, tuple[int, int, list[_Object]]], label_map: LabelMap, top: str) -> Labelled:
    labels = {name: label for label, name in enumerate(label_map.names, 1)}
    found: list[LabelledImage] = []
    boxes: list[LabelledBox] = []
    for position, (file_name, (width, height, objects)) in enumerate(sorted(images.items())):
        found.append(LabelledImage(position + 1, file_name, width, height, {}))
        boxes += [LabelledBox(position, labels[name], corners, place) for name, corners, place in objects]
    return Labelled.of(label_map, found, boxes, VOC_BNDBOX, top)
