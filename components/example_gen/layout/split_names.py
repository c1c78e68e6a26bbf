"""Which split a file belongs to, by the names that tools give to files and directories."""

from __future__ import annotations

import re

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLIT_OF = {spelling: split for split, spellings in SPLITS.items() for spelling in spellings}
_WORD = re.compile(r"[a-z]+")


def split_of(path: str) -> str:
    """The split that a path names; empty if it names none, or more than one.

    Args:
        path: with '/' between its steps; of its last step the suffix says nothing.

    >>> split_of("annotations/instances_val2017.json"), split_of("obj_Validation_data"), split_of("a/trainer.json")
    ('val', 'val', '')
    """
    found = {_SPLIT_OF[word] for word in _WORD.findall(path.lower()) if word in _SPLIT_OF}
    return found.pop() if len(found) == 1 else ""


def split_of_directory(path: str) -> str:
    """The split of a file by the whole names of the directories that hold it, `train` or `val2017`; empty for none.

    >>> split_of_directory("images/train/a.jpg"), split_of_directory("train tracks/a.jpg")
    ('train', '')
    """
    for step in path.split("/")[:-1]:
        split = _SPLIT_OF.get(re.sub(r"[0-9]+$", "", step.lower()).rstrip("-_"))
        if split:
            return split
    return ""


def same_split(name: str) -> str:
    """How a split is called here, of a name that a user gives it; the name itself if it is none of the usual."""
    return _SPLIT_OF.get(name.lower(), name)
