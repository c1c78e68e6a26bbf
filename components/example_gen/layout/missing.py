"""What to say of a picture that is not there: what is there instead, and what to do."""

from __future__ import annotations

import os
import re

from ratchet.components.example_gen.layout.pictures import plain_name
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.schemas.base.checked_json import shown

CONVERT = "convert it to JPEG or PNG, for instance `magick mogrify -format png`"


def missing_picture(asked: str, tree: Tree, path: str | None) -> str:
    """What is wrong with a name, without the place where it stands.

    Args:
        asked: the name, with or without suffix.
        tree: the delivery.
        path: where it was looked for, below the delivery; None if nowhere.
    """
    stem, last = os.path.splitext(plain_name(path or asked))[0], os.path.basename(plain_name(asked))
    other = next((name for name in tree.other_pictures if os.path.splitext(plain_name(name))[0] == stem), None)
    if other is not None:
        return f"{shown(asked)}: {tree.path(other)} is there, but only JPEG and PNG are read; {CONVERT}"
    bare = next((name for name in tree.names if name in (stem, path, asked)), None)
    if bare is not None and bare not in tree.pictures and not os.path.islink(tree.path(bare)):
        return f"{shown(asked)}: {tree.path(bare)} is there; add its suffix, .jpg, .jpeg or .png, to its name"
    alike = [name for name in tree.pictures if _has_last(name, last)] or _nearly(last, tree)
    if len(alike) == 1:
        return f"{shown(asked)}: no such picture, but {tree.path(alike[0])} is there; correct the name or move the file"
    if alike:
        return (
            f"{shown(asked)}: no such picture, but {len(alike)} called so elsewhere, such as {tree.path(alike[0])}; "
            "correct the name, or say where the pictures are with --images (settings: data.reading.images)"
        )
    below = os.path.dirname(path or "")
    below = below if below in tree.directories else ""
    there = sum(name.startswith(f"{below}/".lstrip("/")) for name in tree.pictures)
    if os.path.islink(tree.path(path or asked)):
        return (
            f"{shown(asked)}: a symbolic link to {os.readlink(tree.path(path or asked))}, which is not there; mend it"
        )
    return f"{shown(asked)}: no such file among the {there} pictures in {tree.path(below)}; deliver it"


_SUFFIX = re.compile(r"\.(?:jpe?g|jpe|png|bmp|gif|webp|tiff?|txt|xml|json)$|[?#].*$")
_COPY = re.compile(r"(?: ?\(\d+\)| - copy| - kopie| copy)+$")


def _nearly(last: str, tree: Tree) -> list[str]:
    """Pictures whose names differ in suffixes, spaces, leading zeros or marks of copies."""
    key = _loosely(last)
    return [name for name in tree.pictures if _loosely(os.path.basename(name)) == key] if key else []


def _loosely(name: str) -> str:
    plain = plain_name(name).strip()
    while (shorter := _COPY.sub("", _SUFFIX.sub("", plain)).strip()) != plain:
        plain = shorter
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_+-]+", " ", plain))


def _has_last(name: str, last: str) -> bool:
    found = os.path.basename(plain_name(name))
    return last in (found, os.path.splitext(found)[0])
