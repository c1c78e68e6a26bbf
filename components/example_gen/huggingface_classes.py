"""The names that a Hugging Face data set gives numbers of classes: `ClassLabel` in README.md or dataset_infos.json."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ratchet.components.example_gen.class_lists import read_yaml
from ratchet.components.example_gen.file_names import read_file, read_text_file
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.read_images import Named
from ratchet.schemas.base.checked_json import load_json, shown
from ratchet.schemas.base.errors import DataError

_README, _INFOS = "readme.md", "dataset_infos.json"
_FENCE = "---"
_DEEPEST = 50  # features nest a few levels


def names_of_numbers(tree: Tree, key: str) -> Named | None:
    """What a data set calls the numbers under a key of its objects; None if it does not say.

    Raises:
        DataError: it says so twice, and otherwise; or its file is broken.
    """
    found: dict[tuple[str, ...], str] = {}
    for name in sorted(tree.names, key=lambda name: name.count("/")):
        last = os.path.basename(name).lower()
        if last not in (_README, _INFOS) or name.count("/") > 1:
            continue
        path = tree.path(name)
        document = _header(path, tree) if last == _README else load_json(read_file(path, tree.files), path)
        for names in _class_labels(document, "", key, path):
            found.setdefault(names, path)
    if len(found) > 1:
        (first, path), (second, other) = list(found.items())[:2]
        raise DataError(
            f"{path}: {key} is one of {shown(list(first))}, but {other} says {shown(list(second))}; give the classes "
            "with `ratchet convert --classes FILE`, a name a line"
        )
    return next((Named(names, path) for names, path in found.items()), None)


def _header(path: str, tree: Tree) -> Any:
    """The YAML before the text of a README; None if there is none."""
    lines = read_text_file(path, tree.files).splitlines()
    if not lines or lines[0].strip() != _FENCE or _FENCE not in (rest := [line.rstrip() for line in lines[1:]]):
        return None
    document = read_yaml("\n".join(rest[: rest.index(_FENCE)]) + "\n", path)
    return document.get("dataset_info") if isinstance(document, dict) else None


def _class_labels(value: Any, owner: str, key: str, path: str, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The names of all ClassLabels that belong to a key; `owner` is the key or name that the value stands under."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _class_labels(each, owner, key, path, depth + 1)
    if not isinstance(value, dict):
        return
    names = value.get("class_label", {}).get("names") if isinstance(value.get("class_label"), dict) else None
    if value.get("_type") == "ClassLabel":
        names = value.get("names")
    own = value.get("name")
    owner = own if isinstance(own, str) else owner
    if names is not None and owner == key:
        yield _ordered(names, path, key)
    for name, each in value.items():
        if name != "name":
            yield from _class_labels(
                each, name if isinstance(each, dict) and _is_field(name) else owner, key, path, depth + 1
            )


def _is_field(name: Any) -> bool:
    """Whether a key names a field; others say what kind it is."""
    return name not in ("dtype", "sequence", "list", "struct", "feature", "class_label", "large_list")


def _ordered(names: Any, path: str, key: str) -> tuple[str, ...]:
    if isinstance(names, dict):
        numbers = [str(number) for number in range(len(names))]
        if set(names) != set(numbers):
            raise DataError(f"{path}: the names of {key} have the numbers {shown(list(names))}; they must be 0, 1, ...")
        names = [names[number] for number in numbers]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: the names of {key} are {shown(names)}; they must be a list of names")
    return tuple(names)
