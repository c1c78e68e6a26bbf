"""Where the XML file of CVAT and its pictures are."""

from __future__ import annotations

import os
import re
from collections import Counter

from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.text_lines import head_text

ANNOTATIONS = "annotations.xml"
_ROOT = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<annotations[\s>]", re.DOTALL)
_VOC = "Annotations"  # holds one file an image
_MOST = 50  # XML files of a directory that are looked into; more are one an image, which is not CVAT


def find_cvat(tree: Tree) -> list[Layout]:
    """The ways to read a delivery as CVAT: one for each file, or one for all if each has its directory."""
    counts = Counter(map(os.path.dirname, tree.ending(".xml")))
    others = {place for place, count in counts.items() if count > _MOST or _VOC in place.split("/")}
    found = [name for name in tree.ending(".xml") if os.path.dirname(name) not in others and is_cvat(tree, name)]
    parts = [_part(tree, name) for name in found]
    if len({os.path.dirname(name) for name in found}) < len(found):
        return [_layout(part.annotations, (part,)) for part in parts]
    return [_layout(found[0], tuple(parts))] if found else []


def given_cvat(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the file, the directory of the pictures, or both."""
    found = [layout.mark for layout in find_cvat(tree)]
    name = reading.annotations or (found[0] if found else ANNOTATIONS)
    part = _part(tree, name)
    return _layout(name, (part if reading.images is None else Part(part.split, name, (reading.images,)),))


def is_cvat(tree: Tree, name: str) -> bool:
    """Whether a file begins as those of CVAT do, for images or for video."""
    return _ROOT.match(head_text(tree.path(name), tree.files)) is not None


def _layout(mark: str, parts: tuple[Part, ...]) -> Layout:
    return Layout("cvat", "CVAT for images", mark, parts)


def _part(tree: Tree, name: str) -> Part:
    """Where the pictures may be: where CVAT and FiftyOne put them, then wherever there are pictures."""
    here = os.path.dirname(name)
    likely = [os.path.join(here, "images"), os.path.join(here, "data"), here]
    beside = sorted(
        {os.path.dirname(picture) for picture in tree.pictures if picture.startswith(f"{here}/".lstrip("/"))}
    )
    known = [place for place in dict.fromkeys([*likely, *beside]) if place in tree.directories]
    return Part(split_of_directory(name), name, tuple(known))
