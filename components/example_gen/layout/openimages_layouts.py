"""Where the CSV files of Open Images and their pictures are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ratchet.components.example_gen.csv_rows import header_of
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import split_of, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.text_lines import head_text

SIDES = ("XMin", "YMin", "XMax", "YMax")
NEEDED = ("ImageID", "LabelName", *SIDES)
_CLASS_LIST = re.compile(r".*class-descriptions.*\.csv|classes\.csv", re.IGNORECASE)
_MOST = 200  # CSV files that are looked into; more are one an image, which is not Open Images


def find_openimages(tree: Tree) -> list[Layout]:
    """The ways to read a delivery as Open Images: one for each file of boxes, or one for all if they are splits."""
    names = [name for name in tree.ending(".csv", ".tsv") if not is_class_list(name)]
    found = [name for name in names if len(names) <= _MOST and is_openimages(tree, name)]
    parts = [_part(tree, name) for name in found]
    splits = [part.split for part in parts]
    if len(parts) > 1 and ("" in splits or len(set(splits)) < len(splits)):
        return [Layout("openimages", "Open Images CSV", part.annotations, (part,)) for part in parts]
    return [Layout("openimages", "Open Images CSV", found[0], tuple(parts))] if parts else []


def given_openimages(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the file, the directory of the pictures, or both."""
    name = reading.annotations
    if name is None:
        found = find_openimages(tree)
        name = found[0].mark if found else ""
    part = _part(tree, name)
    images = part.images if reading.images is None else (reading.images,)
    return Layout("openimages", "Open Images CSV", name, (Part(part.split, name, images),))


def is_openimages(tree: Tree, name: str) -> bool:
    """Whether the columns of a CSV file are those of boxes of Open Images."""
    return columns_of(header_of(head_text(tree.path(name), tree.files))) is not None


def is_class_list(name: str) -> bool:
    """Whether a file is called like the names of Open Images' classes."""
    return _CLASS_LIST.fullmatch(os.path.basename(name)) is not None


def _part(tree: Tree, name: str) -> Part:
    split = split_of(os.path.basename(name)) or split_of_directory(name)
    pictures = [picture for picture in tree.pictures if split and split_of_directory(picture) == split]
    places = {os.path.dirname(picture) for picture in pictures or tree.pictures}
    return Part(split, name, tuple(sorted(places, key=lambda place: (place.count("/"), place))) or ("",))


def columns_of(header: Sequence[str]) -> dict[str, int] | None:
    """Where each column is; None if one of those needed is missing, or there is a score."""
    known = {name.strip().lower(): place for place, name in enumerate(header)}
    wanted = (*NEEDED, "Confidence", "IsGroupOf")
    found = {name: known[name.lower()] for name in wanted if name.lower() in known}
    return found if set(NEEDED) <= set(found) and "score" not in known else None
