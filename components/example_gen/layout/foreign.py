"""What a delivery holds that cannot be read, by its content, and the export of its tool that can be.

Of a file its beginning and its end are looked at, and of many files of a kind in a directory the first ones.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ratchet.components.example_gen.csv_rows import header_of
from ratchet.components.example_gen.layout.foreign_kinds import (
    CSV_KINDS,
    ENDINGS,
    JSON_KINDS,
    PANOPTIC,
    PARQUET,
    TEXT_KINDS,
    XML_KINDS,
    Kind,
)
from ratchet.components.example_gen.layout.huggingface_layouts import is_metadata
from ratchet.components.example_gen.layout.layouts import Layout
from ratchet.components.example_gen.layout.openimages_layouts import columns_of
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.text_lines import HEAD_BYTES, head_of, head_text, opened
from ratchet.schemas.base.errors import DataError

_KEY = re.compile(r'"([^"\\]{1,60})"\s*:')
_LOOKED_AT = 3  # files of a kind in a directory
_MOST = 200  # files altogether


class Foreign(NamedTuple):
    """Something that is not read.

    Attributes:
        tool: whose format it is, for people.
        file: below the delivery.
        fix: what to do to get something that is.
    """

    tool: str
    file: str
    fix: str

    def told(self, tree: Tree) -> str:
        """A sentence without its end."""
        return f"{tree.path(self.file)} is {self.tool}, which Ratchet does not read; {self.fix}"


def foreign_files(tree: Tree) -> list[Foreign]:
    """The formats of other tools that a delivery holds, the first file of each."""
    found: dict[str, Foreign] = {}
    looked: Counter[tuple[str, str]] = Counter()
    for name in tree.names:
        ending = os.path.splitext(name.lower())[1]
        kind = next((kind for endings, kind in ENDINGS.items() if name.lower().endswith(endings)), None)
        if kind is None and ending in _LOOK:
            place = (os.path.dirname(name), ending)
            if looked[place] >= _LOOKED_AT or looked.total() >= _MOST:
                continue
            looked[place] += 1
            kind = _LOOK[ending](tree, name)
        if kind is not None:
            found.setdefault(kind.tool, Foreign(kind.tool, name, kind.fix))
    masks = _only_masks(tree)
    return [*found.values(), *([masks] if masks else [])]


def foreign_cause(tree: Tree, layout: Layout) -> str:
    """Why what a layout names cannot be read: it is another tool's; empty if it is not.

    Of what was found to be COCO, in the middle of the file too, only the panoptic one is in question.
    """
    for each in foreign_files(tree):
        if layout.form == "coco" and each.tool != PANOPTIC.tool:
            continue
        for part in layout.parts:
            inside = not part.annotations or each.file.startswith(f"{part.annotations}/")
            if each.file == part.annotations or (inside and each.file.lower().endswith((".xml", ".txt"))):
                return each.told(tree)
    return ""


def _json(tree: Tree, name: str) -> Kind | None:
    """By the keys and the first bracket; lines of JSON begin as objects do."""
    text = _ends(tree.path(name), tree)
    opening, keys = text.lstrip()[:1], set(_KEY.findall(text))
    for kind in JSON_KINDS:
        if opening in kind.opening and any(keys.issuperset(some) for some in kind.keys) and not keys & kind.without:
            return kind.kind
    return None


def _ends(path: str, tree: Tree) -> str:
    """The beginning and, where the file can be wound on, the end of a text."""
    head = head_text(path, tree.files)
    try:
        with opened(path, tree.files) as file:
            if not file.seekable():
                return head
            size = file.seek(0, os.SEEK_END)
            if size <= HEAD_BYTES:
                return head
            file.seek(max(HEAD_BYTES, size - HEAD_BYTES))
            return head + file.read(HEAD_BYTES).decode("utf-8", "replace")
    except DataError:
        return head


def _csv(tree: Tree, name: str) -> Kind | None:
    header = [column.lower() for column in header_of(head_text(tree.path(name), tree.files))]
    if columns_of(header) is not None or is_metadata(name):  # which is read
        return None
    return next((kind for is_one, kind in CSV_KINDS if is_one(header)), None)


def _xml(tree: Tree, name: str) -> Kind | None:
    text = head_text(tree.path(name), tree.files)
    return next((kind for pattern, kind in XML_KINDS if pattern.search(text)), None)


def _text(tree: Tree, name: str) -> Kind | None:
    lines = [line.strip() for line in head_text(tree.path(name), tree.files).split("\n")[:3] if line.strip()]
    return next((kind for pattern, kind in TEXT_KINDS if any(map(pattern.fullmatch, lines))), None)


def _binary(tree: Tree, name: str) -> Kind | None:
    return PARQUET if head_of(tree.path(name), tree.files, 4) == b"PAR1" else None


_LOOK: dict[str, Callable[[Tree, str], Kind | None]] = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".manifest", ".vott"), _json),
    **dict.fromkeys((".csv", ".tsv"), _csv),
    ".xml": _xml,
    ".txt": _text,
    "": _binary,
}


def _only_masks(tree: Tree) -> Foreign | None:
    """VOC's segmentation without boxes: masks, and no XML file."""
    steps = {step.lower() for name in tree.pictures for step in os.path.dirname(name).split("/")}
    if "segmentationclass" not in steps or tree.ending(".xml"):
        return None
    first = next(name for name in tree.pictures if "segmentationclass" in name.lower())
    fix = (
        "make boxes of the masks in SegmentationObject/ with `datum convert -if voc_segmentation -i DIR "
        "-f coco_instances -o OUT -- --save-media`"
    )
    return Foreign("masks of Pascal VOC without boxes", first, fix)
