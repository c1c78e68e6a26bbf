"""Where the metadata of a Hugging Face `imagefolder` and its pictures are."""

from __future__ import annotations

import os
import re

from ratchet.components.example_gen.csv_rows import header_of
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.text_lines import head_text

METADATA = ("metadata.jsonl", "metadata.csv")
_PICTURE = re.compile(r'"{1,2}(?:[a-z_]*file_name|image)"')
_BOXES = re.compile(r'"(?:bbox|bboxes|boxes)"')


def is_metadata(name: str) -> bool:
    """Whether a file is called like the metadata of an `imagefolder`."""
    return os.path.basename(name).lower() in METADATA


def find_huggingface(tree: Tree) -> list[Layout]:
    """The way to read a delivery as an `imagefolder` with boxes: all its metadata files together."""
    found = [name for name in tree.ending(*METADATA) if is_metadata(name) and has_boxes(tree, name)]
    return [_layout(tree, found)] if found else []


def given_huggingface(tree: Tree, reading: Reading) -> Layout:
    """As the user says: the metadata file, the directory of the pictures, or both."""
    names = [name for name in tree.ending(*METADATA) if is_metadata(name)]
    layout = _layout(tree, names if reading.annotations is None else [reading.annotations])
    if reading.images is None:
        return layout
    parts = tuple(Part(part.split, part.annotations, (reading.images,)) for part in layout.parts)
    return Layout(layout.form, layout.name, layout.mark, parts)


def has_boxes(tree: Tree, name: str) -> bool:
    """Whether metadata name pictures and boxes, by their beginning."""
    text = head_text(tree.path(name), tree.files)
    if name.lower().endswith(".csv"):
        header = header_of(text)
        return any(map(is_picture_key, header)) and ("bbox" in header or _BOXES.search(text) is not None)
    return text.lstrip().startswith("{") and None not in (_PICTURE.search(text), _BOXES.search(text))


def is_picture_key(key: str) -> bool:
    """Whether a picture stands under a key.

    >>> [is_picture_key(key) for key in ("file_name", "image", "image_file_name", "name")]
    [True, True, True, False]
    """
    return key == "image" or key.endswith("file_name")


def _layout(tree: Tree, names: list[str]) -> Layout:
    parts = tuple(Part(split_of_directory(name), name, (os.path.dirname(name),)) for name in names)
    return Layout("huggingface", "Hugging Face imagefolder", names[0] if names else METADATA[0], parts)
