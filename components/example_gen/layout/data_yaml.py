"""Ultralytics' data.yaml: which pictures are in which split, and what the rows of the label files are.

Format: https://docs.ultralytics.com/datasets/detect/#ultralytics-yolo-format. A split is a directory, a text file with
a picture a line, or a list of these. Paths are those of the machine that wrote them, so each is looked for by its last
steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.components.example_gen.class_lists import names_in_yaml, read_yaml
from ratchet.components.example_gen.file_names import read_text_file
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names, best_base
from ratchet.components.example_gen.layout.split_names import SPLITS
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError

_DEEPEST = 1  # directories above it
_KEYS = frozenset(("names", "train", "val", "kpt_shape"))
_CALLED = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_TASKS = ("detect", "segment", "obb", "pose")


@dataclass(frozen=True)
class DataYaml:
    """One of them.

    Attributes:
        name: of the file, below the delivery.
        class_names: in label order; None if it has none.
        splits: pictures of each split, below the delivery; empty if it has none that are there.
        keypoints: how many numbers of keypoints follow a box in each row; 0: none.
        task: `detect`, `segment`, `obb` or `pose`, if it says so; empty otherwise.
        told: what of it could not be followed, sentences.
    """

    name: str
    class_names: tuple[str, ...] | None
    splits: dict[str, frozenset[str]]
    keypoints: int = 0
    task: str = ""
    told: tuple[str, ...] = ()


def read_data_yamls(tree: Tree, labels: Sequence[str] = ()) -> list[DataYaml]:
    """Those of a delivery: YAML files at its top, one directory below, or above label files; with classes or splits.

    Args:
        tree: the delivery.
        labels: directories of label files.

    Raises:
        DataError: one contradicts itself.
    """
    found = []
    for name in tree.ending(".yaml", ".yml"):
        if name.count("/") <= _DEEPEST or any(place.startswith(f"{os.path.dirname(name)}/") for place in labels):
            document = _document(tree, name)
            if isinstance(document, dict) and not _KEYS.isdisjoint(document):
                found.append(_read(tree, name, document))
            elif isinstance(document, dict) and "nc" in document:
                found.append(DataYaml(name, None, {}))
            elif os.path.basename(name) in _CALLED:
                names_in_yaml(document, tree.path(name))
    return found


def _document(tree: Tree, name: str) -> Any:
    """What a YAML file holds; None for what cannot be read and is called otherwise: it is of another program."""
    try:
        return read_yaml(read_text_file(tree.path(name), tree.files), tree.path(name))
    except DataError:
        if os.path.basename(name) in _CALLED:
            raise
        return None


def set_elsewhere(tree: Tree) -> tuple[str, str] | None:
    """A data.yaml whose `path` is another directory of this machine, and that directory; None if there is none."""
    for name in tree.ending(".yaml", ".yml"):
        if name.count("/") <= _DEEPEST:
            document = _document(tree, name)
            path = document.get("path") if isinstance(document, dict) else None
            if isinstance(path, str) and "\0" not in path and os.path.isabs(path) and os.path.isdir(path):
                return tree.path(name), path
    return None


def _read(tree: Tree, name: str, document: dict[str, Any]) -> DataYaml:
    path = tree.path(name)
    names = tuple(names_in_yaml(document, path)) if "names" in document else None
    told: list[str] = []
    splits = {}
    for split, spellings in SPLITS.items():
        given = next((document[spelling] for spelling in spellings if document.get(spelling)), None)
        if given is not None:
            pictures = frozenset(_pictures(tree, name, document.get("path"), given, told))
            if pictures:
                splits[split] = pictures
    task = document.get("task", "")
    return DataYaml(name, names, splits, _keypoints(document, path), task if task in _TASKS else "", tuple(told))


def _keypoints(document: dict[str, Any], path: str) -> int:
    shape = document.get("kpt_shape")
    if shape is None:
        return 0
    is_pair = (
        isinstance(shape, list) and len(shape) == 2 and all(isinstance(each, str) and each.isdigit() for each in shape)
    )
    if not is_pair or not 1 <= int(shape[0]) <= 10_000 or shape[1] not in ("2", "3"):
        raise DataError(f"{path}: kpt_shape {shown(shape)} must be [number of keypoints, 2 or 3]; correct it")
    return int(shape[0]) * int(shape[1])


def _pictures(tree: Tree, yaml: str, base: Any, given: Any, told: list[str]) -> Iterator[str]:
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, str):
            raise DataError(f"{tree.path(yaml)}: {shown(entry)} must be the path of a directory or of a text file")
        place = _inside(tree, os.path.dirname(yaml), base if isinstance(base, str) else "", entry)
        if place is None:
            told.append(f"{tree.path(yaml)} names {shown(entry)}, which is not in this delivery")
        elif place in tree.directories:
            yield from (name for name in tree.pictures if not place or name.startswith(f"{place}/"))
        else:
            yield from _listed(tree, place)


def _inside(tree: Tree, here: str, base: str, entry: str) -> str | None:
    """The directory or text file of the delivery that a path means: by as many of its last steps as possible."""
    joined = entry if entry.startswith("/") else f"{base}/{entry}"
    steps = [step for step in joined.replace("\\", "/").split("/") if step not in ("", ".", "..")]
    for start in range(len(steps) + 1):
        rest = "/".join(steps[start:])
        for place in dict.fromkeys((f"{here}/{rest}".strip("/"), rest)):
            is_text = place.endswith(".txt") and place in tree
            if is_text or (place in tree.directories and (place or not steps)):
                return place
    return None


def _listed(tree: Tree, name: str) -> list[str]:
    """The pictures that a text file lists, one a line."""
    lines = [line.strip() for line in read_text_file(tree.path(name), tree.files).splitlines()]
    asked = [os.path.normpath(line).lstrip("/") for line in lines if line]
    if not asked:
        return []
    base, names = best_base(asked, tree.pictures, ("", os.path.dirname(name))), Names(tree.pictures)
    problems, found = Problems(f"{tree.path(name)}: "), []
    for each in asked:
        path = base.of(each)
        picture = names.find(path) if path is not None else None
        if picture is None:
            problems.add(missing_picture(each, tree, path))
        else:
            found.append(picture)
    problems.raise_if_any()
    return found
