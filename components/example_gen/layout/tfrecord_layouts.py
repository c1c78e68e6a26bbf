"""TFRecord files of a delivery."""

from __future__ import annotations

import os

from ratchet.components.example_gen.layout.layouts import Layout, Part
from ratchet.components.example_gen.layout.split_names import split_of, split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.tfrecords import TFRECORD_NAME

_DEEPEST = 1  # directories above them, those of splits


def record_files(tree: Tree) -> list[str]:
    """The TFRecord files, sorted."""
    return [
        name for name in tree.names if name.count("/") <= _DEEPEST and TFRECORD_NAME.fullmatch(os.path.basename(name))
    ]


def split_of_records(name: str) -> str:
    """The split of a file, by its directory or its own name."""
    return split_of_directory(name) or split_of(os.path.basename(name).split(".")[0])


def find_tfrecord(tree: Tree) -> list[Layout]:
    """The way to read a delivery as TFRecords."""
    names = record_files(tree)
    return [Layout("tfrecord", "TFRecords", names[0], (Part("", ""),))] if names else []
