"""CVAT for images 1.1 -> annotations, image by image; nothing that the XML refers to is ever opened.

Format: https://docs.cvat.ai/docs/manual/advanced/xml_format/. Departures:
- rotated boxes, polygons, ellipses and masks become the upright boxes around them, and are counted.
- polylines, points, skeletons, cuboids and tags are left out, and counted; so are labels of these kinds.
- attributes, `occluded` and `z_order` change nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ratchet.components.example_gen.cvat_shapes import NO_BOXES, Shapes
from ratchet.components.example_gen.file_names import check_file_name
from ratchet.components.example_gen.labelled import VOC_BNDBOX, BoxField, Labelled
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names
from ratchet.components.example_gen.layout.split_names import same_split, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.read_images import (
    Named,
    ReadImage,
    ReadObject,
    first_places,
    labelled_of,
    name_below,
    named_classes,
    not_annotated,
    of_split,
)
from ratchet.components.example_gen.text_lines import opened
from ratchet.components.imaging.quality import check_size
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError

_BOX = BoxField("box", "xtl, ytl, xbr, ybr", VOC_BNDBOX.format, VOC_BNDBOX.mistaken)
_NO_SUBSET = "default"
_FEW = 2000  # names, which tell as much as all where the pictures are


class _Image(NamedTuple):
    """An image before its picture is found."""

    name: str
    subset: str
    size: tuple[int, int] | None
    objects: list[ReadObject]
    where: str


def read_cvat(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None) -> Labelled:
    """Reads the XML files of all parts; image ids follow the file names.

    Classes are the labels of the task, in its order.

    Args:
        tree: the delivery.
        layout: where its XML files and pictures are.
        reading: what the user says of it.
        class_names: the curated list of classes, for files that list no labels.

    Returns:
        The annotations.

    Raises:
        DataError: no XML of CVAT, one with tracks of a video, a picture is missing, or a class is unknown.
    """
    names, shapes, problems = _Pictures(tree), Shapes(), Problems()
    labels: dict[str, None] = {}
    read: list[ReadImage] = []
    for part in layout.parts:
        images = _read_file(tree, part, shapes, labels, problems)
        read += names.found(images, part, problems)
    problems.raise_if_any()
    listed = Named(tuple(labels), f"the labels of {layout.mark}") if labels else None
    chosen, told = of_split(tree, read, reading)
    label_map = named_classes(first_places(read), listed, reading, class_names, tree.directory)
    labelled = labelled_of(tree, layout, chosen, label_map, _BOX)
    left_out = [*shapes.left_out(), *not_annotated(tree, [image.picture for image in read], layout.mark)]
    return labelled.telling([*names.told(), *shapes.told(), *told], left_out)


def _read_file(tree: Tree, part: Part, shapes: Shapes, labels: dict[str, None], problems: Problems) -> list[_Image]:
    path, images = tree.path(part.annotations), []
    for element in _elements(path, tree):
        if element.tag == "meta":
            labels.update(dict.fromkeys(_labels(element)))
        elif element.tag == "track":
            raise DataError(
                f"{path}: CVAT for video, which has tracks and not the boxes of every frame; export the task as "
                '"CVAT for images 1.1" or "COCO 1.0"'
            )
        elif element.tag == "image":
            name = element.get("name", "")
            where = f"{path}: image {shown(element.get('id', len(images)))} {shown(name)}"
            place = f"{part.annotations}: image[{len(images)}]"
            try:
                subset = element.get("subset", "")
                images.append(_Image(name, subset, _size(element, where), shapes.objects(element, where, place), where))
            except DataError as error:
                problems.add(str(error))
    return images


def _elements(path: str, tree: Tree) -> Iterator[Element]:
    """What is directly below the root, one after the other; none is kept."""
    open_now: list[Element] = []
    with opened(path, tree.files) as file:
        try:
            events = iterparse(file, ("start", "end"), forbid_dtd=True)
            for event, element in cast("Iterator[tuple[str, Element]]", events):
                if event == "start":
                    open_now.append(element)
                    if open_now[0].tag != "annotations":
                        raise DataError(f"{path}: its root is <{element.tag[:80]}>, that of CVAT is <annotations>")
                    continue
                open_now.pop()
                if len(open_now) == 1:
                    yield element
                    open_now[0].clear()
        except DefusedXmlException as error:
            raise DataError(f"{path}: it has a <!DOCTYPE>, which can make a small file endless; remove it") from error
        except (ParseError, LookupError, ValueError, AssertionError) as error:  # LookupError: unknown encoding
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}: broken XML: {error}; export or copy the file again") from error


def _labels(meta: Element) -> list[str]:
    """The labels of a task or project that boxes may have: no points and the like, no parts of skeletons."""
    return [
        name
        for label in meta.iterfind(".//labels/label")
        if (name := (label.findtext("name") or "").strip())
        and (label.findtext("type") or "").strip() not in NO_BOXES
        and not (label.findtext("parent") or "").strip()
    ]


def _size(image: Element, where: str) -> tuple[int, int] | None:
    texts = [image.get(key, "").strip() for key in ("width", "height")]
    if all(text in ("", "0") for text in texts):
        return None
    for key, text in zip(("width", "height"), texts):
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise DataError(f"{where}: {key} {shown(text)} must be an integer; correct it")
    width, height = map(int, texts)
    check_size(width, height, where)
    return width, height


class _Pictures:
    """Finds the pictures of a file, all of them in one and the same way, so that none is taken for another."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        stems: dict[str, str | None] = {}
        for name in tree.pictures:  # frames of a video have no suffix in the XML
            stem = os.path.splitext(name)[0]
            stems[stem] = None if stem in stems else name
        self._of_stem = stems
        self._names, self._stems = Names(tree.pictures), Names(stem for stem, name in stems.items() if name)

    def found(self, images: list[_Image], part: Part, problems: Problems) -> list[ReadImage]:
        """The images with their pictures; those that have none are problems."""
        few = images[:: max(1, len(images) // _FEW)]
        ways = [(place, with_subset) for place in part.images or ("",) for with_subset in (True, False)]
        best = max(ways, key=lambda way: sum(self._there(image, *way) for image in few))  # the first of equals
        read = []
        for image in images:
            path = _path(image, *best)
            picture = self._find(path)
            if picture is None:
                problems.add(f"{image.where}: its picture {missing_picture(image.name, self._tree, path)}")
                continue
            try:
                check_file_name(picture, image.where, "name")
            except DataError as error:
                problems.add(str(error))
            subset = "" if image.subset.lower() == _NO_SUBSET else same_split(image.subset)
            split = subset or part.split or split_of_directory(picture)
            read.append(ReadImage(picture, image.size, image.objects, split))
        return read

    def told(self) -> tuple[str, ...]:
        """Which names were found in another spelling."""
        return (*self._names.told(), *self._stems.told())

    def _there(self, image: _Image, place: str, with_subset: bool) -> bool:
        path = _path(image, place, with_subset)
        return path in self._names or path in self._stems

    def _find(self, path: str) -> str | None:
        picture = self._names.find(path)
        return picture or self._of_stem.get(self._stems.find(path) or "")


def _path(image: _Image, place: str, with_subset: bool) -> str:
    name = f"{image.subset}/{image.name}" if with_subset and image.subset else image.name
    return name_below(place, name.replace("\\", "/").lstrip("/"))
