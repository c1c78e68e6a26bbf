"""The class lists of a delivery, wherever tools put them; they have to agree."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from ratchet.components.example_gen.class_lists import read_class_list
from ratchet.components.example_gen.file_names import read_file
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files

TEXT_LISTS = (
    *("classes.txt", "obj.names", "class_names.txt", "predefined_classes.txt", "classes.names", "labels.txt"),
    *("_darknet.labels", "labelmap.txt"),
)
_NOTES = "notes.json"  # of Label Studio
_ABOVE = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names")  # of a delivery that is one split of another


class ClassList(NamedTuple):
    """One of them."""

    path: str
    names: tuple[str, ...]


def is_class_list(name: str) -> bool:
    """Whether a file is called like a list of classes, and so is no label file."""
    return os.path.basename(name).lower() in TEXT_LISTS


def class_files(tree: Tree) -> list[ClassList]:
    """The lists in text files, and in Label Studio's notes.

    Raises:
        DataError: one is broken.
    """
    texts = [name for name in tree.names if is_class_list(name)]
    found = [ClassList(tree.path(name), read_class_list(tree.path(name), tree.files).names) for name in texts]
    return [*found, *(_notes(tree) if _NOTES in tree else [])]


def list_above(directory: str, files: Files) -> ClassList | None:
    """The list beside a delivery that is one split of an export, whose parent lists the classes."""
    above = os.path.dirname(directory.rstrip("/"))
    for name in _ABOVE:
        path = os.path.join(above, name)
        if above and files.exists(path) and not files.isdir(path):
            return ClassList(path, read_class_list(path, files).names)
    return None


def agreed(lists: Sequence[ClassList]) -> ClassList | None:
    """The longest of lists of which each begins like it; None of none.

    labelImg adds to a list while it is used, so that an older one may be shorter.

    Raises:
        DataError: two contradict each other.
    """
    longest = max(lists, key=lambda each: len(each.names), default=None)
    for each in lists:
        if longest is not None and each.names != longest.names[: len(each.names)]:
            raise DataError(
                f"{each.path} lists the classes {shown(list(each.names))}, but {longest.path} "
                f"{shown(list(longest.names))}: labels count by one of them; correct the other, or give the right one "
                "with `ratchet convert --classes FILE`"
            )
    return longest


def _notes(tree: Tree) -> list[ClassList]:
    path = tree.path(_NOTES)
    try:
        document = json.loads(read_file(path, tree.files))
        rows = sorted((entry["id"], entry["name"]) for entry in document["categories"])
    except (ValueError, KeyError, TypeError, RecursionError):  # notes of somebody else
        return []
    names = tuple(name for _, name in rows)
    is_sound = [number for number, _ in rows] == list(range(len(rows))) and all(type(name) is str for name in names)
    return [ClassList(path, names)] if is_sound and names else []
