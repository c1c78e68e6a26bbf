"""What readers find out of an image, image by image, and the annotations that are made of it; pure but for headers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from ratchet.components.example_gen.class_lists import label_map_of
from ratchet.components.example_gen.image_headers import headers_where_unsaid, orientations_of, sizes_said_or_read
from ratchet.components.example_gen.labelled import BoxField, Labelled, LabelledBox, LabelledImage
from ratchet.components.example_gen.layout.choosing import (
    is_wanted,
    pictures_told,
    refuse_unknown_split,
    splits_told,
)
from ratchet.components.example_gen.layout.layouts import Layout, Reading
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap


class ReadObject(NamedTuple):
    """One object.

    Attributes:
        name: its class.
        given: the four numbers of the file.
        place: where it stands, for messages: ends in an open bracket, behind which its image is named.
        area_px2: the annotation's own area; None for that of the box.
        is_crowd: whether it stands for a crowd.
    """

    name: str
    given: Sequence[float]
    place: str
    area_px2: float | None = None
    is_crowd: bool = False


class ReadImage(NamedTuple):
    """One image.

    Attributes:
        picture: its file, below the delivery.
        size: width and height in pixels; None where they are not given.
        objects: those in it.
        split: it belongs to; empty if nothing says so.
        attributes: what else is said of it.
    """

    picture: str
    size: tuple[int, int] | None
    objects: list[ReadObject]
    split: str = ""
    attributes: Mapping[str, str] = {}


class Named(NamedTuple):
    """Class names that a delivery lists.

    Attributes:
        names: in label order.
        source: where, for messages.
    """

    names: tuple[str, ...]
    source: str


def named_classes(
    found: Mapping[str, str], listed: Named | None, reading: Reading, curated: tuple[str, ...] | None, top: str
) -> LabelMap:
    """The classes of objects that have names.

    Args:
        found: the names of all objects, each with the place of its first one.
        listed: what the delivery lists; None for nothing.
        reading: its `class_names` win.
        curated: the names to take if the delivery lists none; None for the sorted names found.
        top: the delivery, for messages.

    Raises:
        DataError: an object has another class than those that are listed.
    """
    given = [
        Named(names, source)
        for names, source in ((reading.class_names, "--classes"), (curated, "the schema's classes"))
        if names is not None
    ]
    order = [*given[:1], listed, *given[1:]] if reading.class_names is not None else [listed, *given]
    known = next((each for each in order if each is not None), None)
    if known is None:
        return label_map_of(sorted(found), top)
    label_map, problems = label_map_of(known.names, known.source), Problems(f"{top}: ")
    names = set(label_map.names)
    for name, place in found.items():
        if name not in names:
            problems.add(
                f"{place}): class {shown(name)} is not in {known.source}, which has {shown(list(known.names))}; "
                "correct it or add the class there"
            )
    problems.raise_if_any()
    return label_map


def first_places(images: Iterable[ReadImage]) -> dict[str, str]:
    """The names of all objects, each with the place of its first one."""
    places: dict[str, str] = {}
    for image in images:
        for each in image.objects:
            places.setdefault(each.name, each.place)
    return places


def of_split(tree: Tree, read: Sequence[ReadImage], reading: Reading) -> tuple[list[ReadImage], tuple[str, ...]]:
    """The images of the split that a user wants, by their picture, and what to tell of the others.

    Raises:
        DataError: there is no such split, a picture is there twice, or no object is in what is left.
    """
    refuse_unknown_split(reading.split, [image.split for image in read], tree.directory)
    told = splits_told([image.split for image in read], reading.split)
    chosen = sorted((image for image in read if is_wanted(image.split, reading.split)), key=lambda each: each.picture)
    for image, following in pairwise(chosen):
        if image.picture == following.picture:
            raise DataError(f"{tree.path(image.picture)}: annotated twice; remove one of its annotations")
    if not any(image.objects for image in chosen):
        raise DataError(f"{tree.directory}: {len(chosen)} images without one object; a data set needs at least one")
    return chosen, told


def labelled_of(
    tree: Tree, layout: Layout, chosen: Sequence[ReadImage], label_map: LabelMap, box_field: BoxField
) -> Labelled:
    """The annotations of images, in this order; what they do not say of their sizes is read from their headers.

    Raises:
        DataError: a picture cannot be read.
    """
    labels = {name: label for label, name in enumerate(label_map.names, 1)}
    said = [image.size for image in chosen]
    headers = headers_where_unsaid([tree.path(image.picture) for image in chosen], said, tree.files)
    sizes = sizes_said_or_read(said, headers)
    top = common_top(layout, [image.picture for image in chosen])
    cut = len(top) + 1 if top else 0
    images = [
        LabelledImage(number, image.picture[cut:], *size, image.attributes)
        for number, (image, size) in enumerate(zip(chosen, sizes), 1)
    ]
    boxes = [
        LabelledBox(position, labels[each.name], each.given, each.place, each.area_px2, each.is_crowd)
        for position, image in enumerate(chosen)
        for each in image.objects
    ]
    labelled = Labelled.of(label_map, images, boxes, box_field, tree.path(top))
    return replace(labelled, orientations=orientations_of(headers))


def common_top(layout: Layout, pictures: Sequence[str]) -> str:
    """The directory below which pictures are named: one that the layout says and that holds all; else the delivery."""
    places = {place for part in layout.parts for place in part.images if place}
    holding = [place for place in places if all(picture.startswith(f"{place}/") for picture in pictures)]
    return max(holding, key=len, default="")


def not_annotated(tree: Tree, used: Iterable[str], source: str) -> tuple[str, ...]:
    """What to say of the pictures that annotations do not name."""
    known = set(used)
    bare = [name for name in tree.pictures if name not in known]
    return tuple(pictures_told((bare, f"not in {source}"), (tree.other_pictures, "neither JPEG nor PNG")))


def name_below(directory: str, name: str) -> str:
    """A path in a directory of the delivery, of which '' is itself."""
    return os.path.join(directory, name) if directory else name
