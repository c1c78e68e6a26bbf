"""Where tools put a COCO file and its pictures."""

from __future__ import annotations

import codecs
import mmap
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection

from ratchet.components.example_gen.file_names import read_file
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import same_split, split_of, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.files import refuse_irregular

ANNOTATIONS = "annotations.json"
IMAGES = "images"

_KEYS = tuple(re.compile(rb'"%s"\s*:\s*\[' % key) for key in (b"categories", b"images", b"annotations"))
_INSTANCES = re.compile(r"instances_(.+)\.json")
_DEEPEST = 3  # directories above a COCO file
_MOST = 50  # JSON files that are looked into; more are one an image, which is not COCO
_NAMES = (
    (re.compile(r"(.*/)?_annotations\.coco\.json"), "COCO as Roboflow exports it"),
    (re.compile(r"(.*/)?annotations/instances_[^/]*\.json"), "COCO as COCO itself and CVAT lay it out"),
    (re.compile(r"(.*/)?result\.json"), "COCO as Label Studio exports it"),
    (re.compile(r"(.*/)?labels\.json"), "COCO as FiftyOne exports it"),
)


def find_coco(tree: Tree) -> list[Layout]:
    """The ways to read a delivery as COCO: one for each file, or one for all if they are splits."""
    if ANNOTATIONS in tree:
        return [Layout("coco", "COCO", ANNOTATIONS, (_part(tree, ANNOTATIONS, ""),))]
    found = coco_files(tree)
    splits = {name: _split(name, found) for name in found}
    if found and (len(found) == 1 or _are_splits(list(splits.values()))):
        return [_layout(found[0], tuple(_part(tree, name, splits[name]) for name in found))]
    return [_layout(name, (_part(tree, name, splits[name]),)) for name in found]


def coco_files(tree: Tree, known: Collection[str] = ()) -> list[str]:
    """The COCO files of a delivery, without those of the same pictures for other tasks.

    Args:
        tree: the delivery.
        known: files that are COCO and need not be opened for that.
    """
    return _without_other_tasks([name for name in _candidates(tree) if name in known or is_coco(tree, name)])


def given_coco(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the file, the directory of the pictures, or both."""
    name = reading.annotations or next((layout.mark for layout in find_coco(tree)), ANNOTATIONS)
    part = _part(tree, name, split_of(name))
    if reading.images is not None:
        part = Part(part.split, part.annotations, (reading.images,))
    return Layout("coco", "COCO", name, (part,))


def is_coco(tree: Tree, name: str) -> bool:
    """Whether a file has the three lists of a COCO annotation file; a large one is not held for that.

    One that cannot be read is taken for one by its name, so that whoever reads it says why it cannot be.
    """
    path = tree.path(name)
    if is_gs(path):
        return _has_keys(read_file(path, tree.files))
    try:
        refuse_irregular(path)  # to open a FIFO waits for a writer
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _has_keys(content)
    except (OSError, ValueError):  # ValueError: an empty file
        return any(pattern.fullmatch(name) for pattern, _ in _NAMES)


def _has_keys(content: bytes | mmap.mmap) -> bool:
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # as PowerShell writes
        content = content[:].decode("utf-16", "replace").encode()
    return content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and all(key.search(content) for key in _KEYS)


def _candidates(tree: Tree) -> list[str]:
    """JSON files that may be COCO; where a directory holds one for every image none is."""
    by_directory: dict[str, list[str]] = defaultdict(list)
    for name in tree.ending(".json"):
        if name.count("/") <= _DEEPEST:
            by_directory[os.path.dirname(name)].append(name)
    return sorted(name for names in by_directory.values() if len(names) <= _MOST for name in names)


def _without_other_tasks(found: list[str]) -> list[str]:
    """Beside instances_*.json other files are the same images for captions or keypoints."""
    directories = {os.path.dirname(name) for name in found if _INSTANCES.fullmatch(os.path.basename(name))}
    return [
        name
        for name in found
        if os.path.dirname(name) not in directories or _INSTANCES.fullmatch(os.path.basename(name))
    ]


def _split(name: str, found: list[str]) -> str:
    subset = _INSTANCES.fullmatch(os.path.basename(name))
    is_alone = len(found) == 1
    own = split_of(os.path.basename(name)) or split_of_directory(name)
    return own or ("" if is_alone or subset is None else same_split(subset[1]))


def _are_splits(splits: list[str]) -> bool:
    return "" not in splits and max(Counter(splits).values()) == 1


def _layout(mark: str, parts: tuple[Part, ...]) -> Layout:
    name = next((told for pattern, told in _NAMES if pattern.fullmatch(mark)), "COCO")
    return Layout("coco", name, mark, parts)


def _part(tree: Tree, name: str, split: str) -> Part:
    """Where the pictures may be: first where tools put those of this file, then wherever there are pictures."""
    here = os.path.dirname(name)
    above = os.path.dirname(here)
    subset = _INSTANCES.fullmatch(os.path.basename(name))
    subsets = [subset[1]] if subset else []
    likely = [
        *(_below(here, IMAGES),),
        *(_below(place, each) for each in subsets for place in (_below(above, IMAGES), above, here)),
        *(here, _below(here, "data"), _below(above, IMAGES), _below(above, "data"), above),
    ]
    with_pictures = sorted({os.path.dirname(picture) for picture in tree.pictures})
    known = [place for place in dict.fromkeys([*likely, *with_pictures, ""]) if place in tree.directories]
    return Part(split, name, tuple(known) if tree.pictures else (likely[0],))


def _below(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
