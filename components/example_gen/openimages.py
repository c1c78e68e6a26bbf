"""Open Images CSV -> annotations: a row a box, in fractions of the image, read row by row.

Format: https://storage.googleapis.com/openimages/web/download_v7.html ("Boxes"), and FiftyOne's export of it. An image
is named with or without its suffix, a class by its machine identifier (`/m/01g317`) or its name. Departures:
- `IsGroupOf` is a crowd; `IsDepiction`, `IsOccluded`, `IsTruncated` and `IsInside` change nothing.
- the files of the site hold far more images than anybody downloads: rows of pictures that are not there are left out
  and counted. Pictures without a row were not annotated, and are no part of the data set.
- numbers may have decimal commas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ratchet.components.example_gen.class_lists import check_class_name
from ratchet.components.example_gen.csv_rows import csv_rows
from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.layout.choosing import is_wanted, refuse_unknown_split, splits_told
from ratchet.components.example_gen.layout.layouts import Layout, Reading
from ratchet.components.example_gen.layout.openimages_layouts import is_class_list
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.openimages_rows import Boxes, labelled_rows
from ratchet.components.example_gen.read_images import Named, named_classes, not_annotated
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError

_IDENTIFIER = re.compile(r"/[mgt]/\w+")


def read_openimages(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None) -> Labelled:
    """Reads the rows of all parts; image ids follow the file names.

    Classes are called as `class-descriptions*.csv` or `classes.csv` says. These describe far more classes than a data
    set has, so they are no list of its classes: those are `class_names`, or without them the names found.

    Args:
        tree: the delivery.
        layout: where its files and pictures are.
        reading: what the user says of it.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations, in columns.

    Raises:
        DataError: a row is broken, is a detection with a score, or its class has no name; or no row has a picture.
    """
    refuse_unknown_split(reading.split, [part.split for part in layout.parts], tree.directory)
    read = Boxes(tree)
    for part in layout.parts:
        if is_wanted(part.split, reading.split):
            read.read(part)
    read.check()
    described = _descriptions(tree)
    names = [_class_name(name, described, place) for name, place in read.classes.items()]
    places = dict(zip(reversed(names), reversed(read.classes.values())))
    order = [name for name in dict.fromkeys(described.values()) if name in places]
    listed = Named(tuple(order), "the class descriptions") if set(order) == set(places) else None
    given = reading.class_names is not None or class_names is not None
    label_map = named_classes(places, None if given else listed, reading, class_names, tree.directory)
    labels = {name: label for label, name in enumerate(label_map.names, 1)}
    label_of = np.array([labels[name] for name in names], np.int64)
    told = [*read.told(), *splits_told([read.splits[place] for place in read.used], reading.split)]
    if not described and any(map(_IDENTIFIER.fullmatch, names)):
        told.append("classes are called by their identifiers, such as /m/01g317: there is no class-descriptions*.csv")
    left_out = [*read.left_out(), *not_annotated(tree, read.used, layout.mark)]
    return labelled_rows(read, layout, label_map, label_of).telling(told, left_out)


def _descriptions(tree: Tree) -> dict[str, str]:
    """The names of classes by their identifiers; DataError where an identifier has two."""
    found: dict[str, str] = {}
    for file in filter(is_class_list, tree.ending(".csv")):
        for line, row in csv_rows(tree.path(file), tree.files):
            if len(row) < 2 or row[0].strip().lower() == "labelname":
                continue
            identifier, name = row[0].strip(), row[1].strip()
            where = f"{tree.path(file)}: line {line}"
            if found.setdefault(identifier, name) != name:
                raise DataError(
                    f"{where}: {shown(identifier)} is {shown(name)} here, elsewhere {shown(found[identifier])}"
                )
    return found


def _class_name(label: str, described: Mapping[str, str], place: str) -> str:
    if label in described:
        return check_class_name(described[label], place + ")")
    if described and _IDENTIFIER.fullmatch(label):
        raise DataError(f"{place}): LabelName {shown(label)} is not in the class descriptions; add it with its name")
    return label
