"""The files of a directory of results, and the numbers in the lines of texts; pure but for reading them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ratchet.components.coco.entries import LARGEST_PX
from ratchet.schemas.base.checked_json import check_number, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.visible import visible_line

TEXT, JSON = ".txt", ".json"
LABELS = "labels"  # below what `yolo predict` is told to write to
CLASS_LISTS = ("classes.txt",)  # labelling tools write it among the texts
_HIDDEN = (".", "@", "__MACOSX")  # beginnings of names that systems and editors leave behind

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


def result_files(directory: str) -> tuple[str, list[str]]:
    """The result files of a directory and of those below it: texts, or JSON files.

    Returns:
        The directory that they are in, which for texts is `labels/` of the one given where that has none itself; and
        their paths below it, ascending, without lists of classes and hidden files.

    Raises:
        DataError: there is none, both kinds are there, or the directory cannot be listed.
    """
    texts, documents = _text_files(directory), (directory, _names(directory, JSON))
    if texts[1] and documents[1]:
        raise DataError(
            f"{directory}: holds result texts ({visible_line(texts[1][0])}) and JSON files "
            f"({visible_line(documents[1][0])}), each of which may be the detections; "
            + _give_one(directory, texts[0], documents[1])
        )
    if not texts[1] and not documents[1]:
        raise DataError(
            f"{directory}: a directory without result texts (*.txt) or JSON files; give the labels/ directory that "
            "`yolo predict save_txt=True save_conf=True` writes, VOC's comp4_det_test_CLASS.txt files, COCO results, "
            "or one of these files"
        )
    return texts if texts[1] else documents


def _give_one(directory: str, top: str, documents: list[str]) -> str:
    if top == directory:
        return "move those that are not meant to another directory"
    document = visible_line(os.path.join(directory, documents[0]))
    return f"give {visible_line(top)} for the texts, or {document} for a JSON file"


def _text_files(directory: str) -> tuple[str, list[str]]:
    inner = os.path.join(directory, LABELS)
    has_inner = os.path.isdir(inner)
    names = _names(directory, TEXT, is_flat=has_inner)
    return (inner, _names(inner, TEXT)) if has_inner and not names else (directory, names)


def _names(top: str, suffix: str, is_flat: bool = False) -> list[str]:
    found: list[str] = []
    try:
        for root, directories, names in os.walk(top, onerror=_refuse):
            below = os.path.relpath(root, top)
            directories[:] = [] if is_flat else [name for name in directories if not name.startswith(_HIDDEN)]
            files = [name for name in names if name.endswith(suffix) and not name.startswith(_HIDDEN)]
            files = [name for name in files if name not in CLASS_LISTS]
            found += files if below == "." else [f"{below}/{name}" for name in files]
            if len(found) > _MOST_FILES:
                raise DataError(f"{top}: over {_MOST_FILES} {suffix} files; give a directory with those of one model")
    except OSError as error:
        raise DataError(f"{top}: cannot be listed: {reason_of(error)}; check its permissions") from error
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise error


def lines_of(top: str, names: Sequence[str]) -> Iterator[Line]:
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
