"""Result files whose entries hold more than numbers, such as masks, read with few Python objects at a time; pure.

`plain_results.py` reads entries that are all written alike. Others are parsed here, some of them at once, and only the
columns of these are kept. What is not a plain list of sound entries gives None: the general reader decides what it
means and says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import orjson

from ratchet.components.coco.entries import Entries
from ratchet.components.coco.plain_results import PlainResults
from ratchet.schemas.base.checked_json import MAX_ID
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.json_keys import may_repeat_keys
from ratchet.schemas.base.memory import no_collection

# Bytes that are parsed at once; their objects take about ten times as much. Tests set it lower.
_BLOCK_BYTES = 1 << 22
_MOST_BYTES = 1 << 26  # of a single entry
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_GUESSES = 8  # ends of objects, of which that of an entry is one; others are inside it
_SOURCE = ""  # nothing that is said here is shown


def read_listed_results(file: BinaryIO) -> PlainResults | None:
    """Reads a results file.

    Args:
        file: at its beginning.

    Returns:
        Its entries; None unless they are a list, and the ids of all are integers or those of all strings.

    >>> import io
    >>> text = b'[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, "segmentation": [[0, 1]]}]'
    >>> read_listed_results(io.BytesIO(text)).image_ids
    array([7])
    """
    names = _Names()
    blocks = []
    for entries in _blocks(file):
        columns = None if entries is None else _columns(entries, names)
        if columns is None:
            return None
        blocks.append(columns)
    if len(set(map(len, blocks))) != 1:  # some name the file of their image, others do not
        return None
    joined = [np.concatenate(each) for each in zip(*blocks)]
    return PlainResults(*joined, image_names=tuple(names.images), file_names=tuple(names.files))


class _Names:
    """What strings the images of a file are named by, each with its number; ids are all strings or none is."""

    def __init__(self) -> None:
        self.images: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self._kinds: set[type] = set()

    def ids(self, keys: list[int | str]) -> np.ndarray | None:
        """Ids as integers, [n] int64; None if some are strings and others are not, or are longer."""
        self._kinds |= set(map(type, keys))
        if self._kinds == {str}:
            return np.array([self.images.setdefault(key, len(self.images)) for key in map(str, keys)], np.int64)
        is_int64 = self._kinds == {int} and all(-MAX_ID <= int(key) <= MAX_ID for key in keys)
        return np.array(keys, np.int64) if is_int64 else None

    def of_files(self, names: list[str]) -> np.ndarray:
        """Numbers of names of files, [n] int64."""
        return np.array([self.files.setdefault(name, len(self.files)) for name in names], np.int64)


def _blocks(file: BinaryIO) -> Iterator[list[Any] | None]:
    """The entries of a list, some at a time; None, and nothing more, where it is none."""
    text = file.read(_BLOCK_BYTES).lstrip(b" \t\r\n")
    if not text.startswith(b"["):
        yield None
        return
    text = text[1:]
    while True:
        more = file.read(_BLOCK_BYTES)
        if not more:
            yield _parsed(b"[" + text)
            return
        text += more
        entries, text = _whole_entries(text)
        if entries:
            yield entries
        elif len(text) > _MOST_BYTES:
            yield None
            return


def _whole_entries(text: bytes) -> tuple[list[Any] | None, bytes]:
    """The entries at the beginning of a text, and the rest of it: brackets and quotes say whether an object that ends
    there is one of the list's."""
    ends = list(_BETWEEN.finditer(text, max(0, len(text) - _BLOCK_BYTES)))[-_GUESSES:]
    for match in reversed(ends):
        entries = _parsed(b"[" + text[: match.start() + 1] + b"]")
        if entries is not None:
            return entries, text[match.end() :]
    return None, text


def _parsed(text: bytes) -> list[Any] | None:
    try:
        with no_collection():
            entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return None if not isinstance(entries, list) or may_repeat_keys(text, entries) else entries


def _columns(entries: list[Any], names: _Names) -> tuple[np.ndarray, ...] | None:
    """The columns of some entries in the order of `PlainResults`."""
    try:
        read = Entries(entries, "detections", _SOURCE)
        image_ids, category_ids = names.ids(read.keys("image_id")), read.integers("category_id")
        boxes, scores, files = read.boxes("bbox"), read.numbers("score"), read.texts_of_all("file_name")
    except DataError:
        return None
    if image_ids is None or (files is None and any("file_name" in entry for entry in entries)):
        return None
    columns = image_ids, category_ids, boxes, scores
    return columns if files is None else (*columns, names.of_files(files))
