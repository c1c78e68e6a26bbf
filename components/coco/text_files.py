"""The text files of a directory of results, and the numbers in their lines; pure but for reading them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ratchet.components.coco.entries import LARGEST_PX
from ratchet.schemas.base.checked_json import check_number, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular

LABELS = "labels"  # below what `yolo predict` is told to write to
CLASS_LISTS = ("classes.txt",)  # labelling tools write it among the texts

_NUMBER = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?")
_MOST_FILES = 5_000_000


class Line(NamedTuple):
    """A line that is not empty.

    Attributes:
        file: position of its file in the list of files.
        number: from 1.
        columns: its words.
    """

    file: int
    number: int
    columns: list[str]


def text_files(directory: str) -> tuple[str, list[str]]:
    """The text files of a directory and of those below it.

    Returns:
        The directory that they are in, which is `labels/` of the one given where that has none itself; and their paths
        below it, ascending, without lists of classes.

    Raises:
        DataError: there is none, or the directory cannot be listed.
    """
    inner = os.path.join(directory, LABELS)
    for top in (directory, inner):
        if top == inner and not os.path.isdir(inner):
            break
        names = _names(top, is_flat=top == directory and os.path.isdir(inner))
        if names:
            return top, names
    raise DataError(
        f"{directory}: a directory without result texts (*.txt); give the labels/ directory that `yolo predict "
        "save_txt=True save_conf=True` writes, VOC's comp4_det_test_CLASS.txt files, or a COCO results file"
    )


def _names(top: str, is_flat: bool) -> list[str]:
    found: list[str] = []
    try:
        for root, directories, names in os.walk(top, onerror=_refuse):
            below = os.path.relpath(root, top)
            if is_flat:
                directories.clear()
            texts = [name for name in names if name.endswith(".txt") and name not in CLASS_LISTS]
            found += texts if below == "." else [f"{below}/{name}" for name in texts]
            if len(found) > _MOST_FILES:
                raise DataError(f"{top}: over {_MOST_FILES} text files; give a directory with those of one model")
    except OSError as error:
        raise DataError(f"{top}: cannot be listed: {reason_of(error)}; check its permissions") from error
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise error


def lines_of(top: str, names: list[str]) -> Iterator[Line]:
    """The lines of text files, one file after the other.

    Raises:
        DataError: a file cannot be read or is no text.
    """
    for file, name in enumerate(names):
        for number, line in enumerate(_text(os.path.join(top, name)).split("\n"), 1):
            columns = line.split()
            if columns:
                yield Line(file, number, columns)


def _text(path: str) -> str:
    try:
        refuse_irregular(path)
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: no UTF-8 text ({error.reason} at byte {error.start}); give result texts alone"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {reason_of(error)}; check what it is and its permissions") from error


def number_in(text: str, name: str, where: str) -> float:
    """A decimal number; DataError for anything else, and for one beyond +-LARGEST_PX."""
    if not _NUMBER.fullmatch(text):
        raise DataError(f"{where}: {name} {shown(text)} must be a number; correct it")
    return check_number(float(text), name, where, LARGEST_PX)


def score_in(text: str, where: str, column: int, order: str) -> float:
    """A confidence, 0..1; DataError for anything else, which says the order of the columns."""
    score = number_in(text, f"column {column}, the confidence,", where)
    if not 0 <= score <= 1:
        raise DataError(
            f"{where}: column {column}, the confidence, is {shown(text)} and must be within 0..1; the columns are "
            f"{order}; write them in that order"
        )
    return score
