"""Where tools put YOLO's text files and their pictures."""

from __future__ import annotations

import os
from collections import defaultdict

from ratchet.components.example_gen.file_names import read_file
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import split_of, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.errors import DataError

LABELS = "labels"
_IMAGES = ("images", "jpegimages", "imgs", "img", "image", "data")  # beside labels/, the likeliest first
_LOOKED_INTO = 5  # text files beside pictures


def find_yolo(tree: Tree) -> list[Layout]:
    """The way to read a delivery as YOLO: `labels/` beside `images/`, darknet's directories, texts beside pictures."""
    parts = [_parted(tree, labels) for labels in _label_directories(tree)]
    if parts:
        name = (
            "YOLO"
            if len(parts) == 1 and parts[0].annotations == LABELS
            else "YOLO as Ultralytics and Roboflow lay it out"
        )
        return [Layout("yolo", name, f"{parts[0].annotations}/", tuple(parts))]
    darknet = sorted(name for name in tree.directories if _is_darknet(os.path.basename(name)))
    if darknet:
        parts = [Part(split_of(os.path.basename(name)), name, (name,)) for name in darknet]
        return [Layout("yolo", "YOLO as darknet and CVAT lay it out", f"{darknet[0]}/", tuple(parts))]
    top = _top_of_pairs(tree)
    if top is None:
        return _apart(tree)
    mark = f"{top}/" if top else "*.txt"
    return [Layout("yolo", "YOLO with texts beside the pictures", mark, (Part("", top, (top,)),))]


def given_yolo(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the directory of the texts, that of the pictures, or both."""
    if reading.annotations is not None:
        part = _parted(tree, reading.annotations.rstrip("/"))
    else:
        found = find_yolo(tree)
        part = found[0].parts[0] if found else Part("", "", ("",))
    if reading.images is not None:
        part = Part(part.split, part.annotations if reading.annotations or part.annotations else "", (reading.images,))
    return Layout("yolo", "YOLO", f"{part.annotations}/", (part,))


def _is_darknet(name: str) -> bool:
    return name.startswith("obj_") and name.endswith("_data")


def _label_directories(tree: Tree) -> list[str]:
    """Directories called labels that hold text files, the outermost ones."""
    found = set()
    for name in tree.ending(".txt"):
        steps = name.split("/")[:-1]
        place = next((place for place, step in enumerate(steps) if step.lower() == LABELS), None)
        if place is not None:
            found.add("/".join(steps[: place + 1]))
    return sorted(found)


def _parted(tree: Tree, labels: str) -> Part:
    above = os.path.dirname(labels)
    held = {
        name[len(above) :].strip("/").split("/")[0]
        for name in (*tree.pictures, *tree.other_pictures)
        if _is_below(name, above)
    }
    if not held:  # pictures without a suffix, or none, are told where they should be
        held = {name[len(above) :].strip("/").split("/")[0] for name in tree.directories if _is_below(name, above)}
    named = [f"{above}/{name}".strip("/") for likely in _IMAGES for name in sorted(held) if name.lower() == likely]
    directories = [f"{above}/{name}".strip("/") for name in sorted(held)]
    others = [name for name in directories if name in tree.directories and name != labels]
    if labels in directories and not named and not others:
        others = [labels]  # texts beside pictures in a directory of that name
    images = named or (others if len(others) == 1 else [above])
    return Part(split_of_directory(f"{labels}/"), labels, (images[0],))


def _is_below(name: str, directory: str) -> bool:
    return not directory or name.startswith(f"{directory}/")


def _top_of_pairs(tree: Tree) -> str | None:
    """The directory below which texts with boxes lie beside the pictures; None if there is none."""
    pictures = {os.path.splitext(name)[0] for name in tree.pictures}
    pairs = [name for name in tree.ending(".txt") if os.path.splitext(name)[0] in pictures]
    if not any(_has_row(tree, name) for name in pairs[:_LOOKED_INTO]):
        return None
    return os.path.commonpath([os.path.dirname(name) for name in pairs]) if pairs else None


def _apart(tree: Tree) -> list[Layout]:
    """Texts in a directory of any name whose pictures are in one other, by the names of the files."""
    stems: dict[str, set[str]] = defaultdict(set)
    for name in tree.pictures:
        stems[os.path.dirname(name)].add(os.path.splitext(os.path.basename(name))[0])
    texts: dict[str, list[str]] = defaultdict(list)
    for name in tree.ending(".txt"):
        texts[os.path.dirname(name)].append(name)
    pairs = [
        (place, images)
        for place, names in texts.items()
        for images in stems
        if any(os.path.splitext(os.path.basename(name))[0] in stems[images] for name in names)
        and any(_has_row(tree, name) for name in names[:_LOOKED_INTO])
    ]
    name = "YOLO with texts in a directory of their own"
    return [Layout("yolo", name, f"{place}/", (Part("", place, (images,)),)) for place, images in sorted(pairs)]


def _has_row(tree: Tree, name: str) -> bool:
    try:
        return looks_like_rows(read_file(tree.path(name), tree.files))
    except DataError:
        return False


def looks_like_rows(content: bytes) -> bool:
    """Whether the first line that is not blank has at least five numbers."""
    line = next((line for line in content[:4096].splitlines() if line.strip()), b"")
    columns = line.replace(b",", b" ").replace(b";", b" ").split()
    return len(columns) >= 5 and all(_is_number(column) for column in columns)


def _is_number(column: bytes) -> bool:
    try:
        float(column)
    except ValueError:
        return False
    return True
