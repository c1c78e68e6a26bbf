"""Where tools put Pascal VOC's XML files and their pictures."""

from __future__ import annotations

import os
import re

from ratchet.components.example_gen.file_names import read_file, read_text_file
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import same_split, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.errors import DataError

ANNOTATIONS = "Annotations"
_IMAGES = ("jpegimages", "images", "imgs", "img", "image", "data")  # beside the XML files' directory
_ROOT = re.compile(rb"<annotation[\s>]")
_LOOKED_INTO = 5
_SETS = "ImageSets/Main"


def find_voc(tree: Tree) -> list[Layout]:
    """The way to read a delivery as VOC: all XML files of it that are annotations."""
    by_directory: dict[str, list[str]] = {}
    for name in tree.ending(".xml"):
        by_directory.setdefault(os.path.dirname(name), []).append(name)
    directories = [place for place, names in by_directory.items() if _has_annotation(tree, place, names)]
    if not directories:
        return []
    tops = sorted({_top(place) for place in directories})
    parts = tuple(_part(tree, top) for top in tops)
    name = "Pascal VOC" if tops == [ANNOTATIONS] else "Pascal VOC as labelling tools lay it out"
    return [Layout("voc", name, f"{tops[0]}/" if tops[0] else "*.xml", parts)]


def given_voc(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the directory of the XML files, that of the pictures, or both."""
    top = (reading.annotations if reading.annotations is not None else ANNOTATIONS).rstrip("/")
    part = _part(tree, top)
    if reading.images is not None:
        part = Part(part.split, part.annotations, (reading.images,))
    return Layout("voc", "Pascal VOC", f"{top}/", (part,))


def image_sets(tree: Tree, part: Part) -> dict[str, str]:
    """The split of each picture's stem by `ImageSets/Main/train.txt` and its like; empty without them."""
    above = os.path.dirname(part.annotations)
    splits: dict[str, str] = {}
    for split in ("train", "val", "test"):
        name = f"{above}/{_SETS}/{split}.txt".lstrip("/")
        if name in tree:
            for line in read_text_file(tree.path(name), tree.files).splitlines():
                if line.strip():
                    splits.setdefault(line.split()[0], same_split(split))
    return splits


def _top(place: str) -> str:
    """The directory called Annotations in a path; else the path itself."""
    steps = place.split("/")
    depth = next((depth for depth, step in enumerate(steps) if step.lower() == ANNOTATIONS.lower()), None)
    return place if depth is None else "/".join(steps[: depth + 1])


def _has_annotation(tree: Tree, place: str, names: list[str]) -> bool:
    if _top(place).rpartition("/")[2].lower() == ANNOTATIONS.lower():
        return True  # what is wrong with them is told when they are read
    for name in names[:_LOOKED_INTO]:
        try:
            if _ROOT.search(read_file(tree.path(name), tree.files)[:4096]):
                return True
        except DataError:  # it is told when the file is read
            continue
    return False


def _part(tree: Tree, top: str) -> Part:
    above = os.path.dirname(top)
    held = sorted({name[len(above) :].strip("/").split("/")[0] for name in tree.pictures if _is_below(name, above)})
    named = [f"{above}/{name}".strip("/") for likely in _IMAGES for name in held if name.lower() == likely]
    alone = {os.path.dirname(name) for name in tree.pictures}
    others = alone if len(alone) == 1 else ()
    places = [place for place in (*named, top, above, *others) if place in tree.directories]
    return Part(split_of_directory(f"{top}/"), top, tuple(dict.fromkeys(places or [above])))


def _is_below(name: str, directory: str) -> bool:
    return not directory or name.startswith(f"{directory}/")
