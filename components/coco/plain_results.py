"""Result files whose entries are all written alike, read without a Python object a number; pure.

A results file is mostly digits: of 40 MB that 5,000 images take, parsing into dicts and lists costs more than matching
them. Where every entry has the keys, their order and the white space of the first one, as any program writes them, its
numbers lie between texts that are known, and blocks of entries are read with a few operations on all their bytes.

Names of images are strings of any length. They are numbered first, in the order in which they are met, and the numbers
put in their places.

What is read is what a JSON parser and `float` read, to the last bit. Whatever is not as expected gives None, and the
general reader decides what it means and says what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import orjson

from ratchet.components.coco.decimals import DIGITS, decimals, integers

# Bytes of a block: its arrays stay in a processor's cache. Tests set it lower.
_BLANKS = b" \t\r\n"  # of JSON; bytes.strip() takes form feeds away as well
_BLOCK_BYTES = 1 << 20
_FIRST, _LAST = ord("-"), ord("9")  # - . / 0 to 9 follow each other in ASCII
_NUMBER = re.compile(rb"-?[0-9][-+.0-9eE]*")
_SLASH = ord("/")
_IDS = ("image_id", "category_id")
_NUMBERS = ("bbox", "score")
_NAMES = ("image_id", "file_name")  # what may be a string


@dataclass(frozen=True, eq=False)
class PlainResults:
    """The entries of a results file, in its order.

    Attributes:
        image_ids: [n] int64; where ids are strings, their positions in `image_names`.
        category_ids: [n] int64.
        boxes: [n, 4] float64, as in the file.
        scores: [n] float64.
        files: [n] int64, positions in `file_names`; None where the file does not say.
        image_names: the ids that are strings, each once.
        file_names: of the images, each once.
    """

    image_ids: np.ndarray
    category_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    files: np.ndarray | None = None
    image_names: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()


def read_plain_results(file: BinaryIO) -> PlainResults | None:
    """Reads a results file.

    Args:
        file: at its beginning.

    Returns:
        Its entries, all numbers finite; None if one of them is not written as the first one is.

    >>> text = b'[{"image_id": 7, "category_id": 1, "bbox": [1, 2.5, 3, 4], "score": 0.5}]'
    >>> import io
    >>> read_plain_results(io.BytesIO(text)).boxes.tolist()
    [[1.0, 2.5, 3.0, 4.0]]
    """
    blocks, form, names, text = [], None, None, b""
    while more := file.read(_BLOCK_BYTES):
        text += more
        if b"\n" in more:  # as in our own files, and those of others who write an entry a line
            text = text.replace(b"},\n{", b"},{")
        end = text.rfind(b"}") + 1
        if not end:
            continue
        names = names or _Names(text[: text.find(b"}")])
        block = names.numbered(text[:end])
        text = text[end:]
        if b"/" in block:
            return None
        if form is None:
            form = _Form.of(block + text)
            if form is None:
                return None
            block = form.separator + block[block.find(b"{") :]
        read = _read_block(block, form)
        if read is None or not names.are_of(len(read[0])):
            return None
        blocks.append(read)
    return _joined(blocks, names) if names and text.strip(_BLANKS) == b"]" else None


def _joined(blocks: list[tuple[np.ndarray, ...]], names: _Names) -> PlainResults | None:
    try:
        image_names, file_names = (names.texts(key) for key in _NAMES)
    except UnicodeDecodeError:
        return None
    columns = [np.concatenate(each) for each in zip(*blocks)]
    return PlainResults(*columns, image_names=image_names, file_names=file_names)


class _Codes(dict[bytes, bytes]):
    # Names in the order in which they were met, and what is to stand in the place of each: its key and its number.
    def __init__(self, key: bytes) -> None:
        self._key = key

    def __missing__(self, name: bytes) -> bytes:
        self[name] = numbered = b"%b%d" % (self._key, len(self))
        return numbered


class _Names:
    """Strings under the keys that name images, by numbers."""

    def __init__(self, entry: bytes) -> None:
        """Finds which keys of a file's first entry hold strings."""
        self._found: dict[str, tuple[re.Pattern[bytes], _Codes]] = {}
        self._counts: set[int] = set()
        for key in _NAMES:
            if before := re.search(rb'"%b"\s*:\s*(?=")' % key.encode(), entry):
                # What JSON writes with a backslash is left to the general reader.
                value = re.compile(rb'%b"([^"\\\x00-\x1f]*)"' % re.escape(before[0]))
                self._found[key] = value, _Codes(before[0])

    def numbered(self, block: bytes) -> bytes:
        """A text of whole entries with a number in the place of each name."""
        self._counts = set()
        for value, codes in self._found.values():
            pieces = value.split(block)
            pieces[1::2] = map(codes.__getitem__, pieces[1::2])
            self._counts.add(len(pieces) // 2)
            block = b"".join(pieces)
        return block

    def are_of(self, count: int) -> bool:
        """Whether in the newest block so many entries were all named: a number among names is no name."""
        return self._counts <= {count}

    def texts(self, key: str) -> tuple[str, ...]:
        """The names under a key by number; UnicodeDecodeError if one is none."""
        return tuple(name.decode() for name in self._found[key][1]) if key in self._found else ()


@dataclass(frozen=True)
class _Form:
    # How every entry is written.
    separator: bytes  # before it; before the first one it is put in
    gaps: np.ndarray  # [numbers + 1] int64, lengths of the texts before, between and after its numbers
    texts: bytes  # separator and entry without the characters that numbers are made of
    columns: dict[str, tuple[int, int]]  # which numbers of an entry are those of a key: the first, behind the last

    @classmethod
    def of(cls, text: bytes) -> _Form | None:
        """The form of the first entry; None if it is not read here."""
        start, end = text.find(b"{"), text.find(b"}") + 1
        following = text.find(b"{", end)
        entry, separator = text[start:end], text[end:following] if following > 0 else b","
        is_list = start > 0 and text[:start].strip(_BLANKS) == b"[" and separator.strip(_BLANKS) == b","
        columns = _columns(entry) if is_list else None
        if columns is None:
            return None
        texts = _NUMBER.split(separator + entry)
        return cls(separator, np.array([len(text) for text in texts]), b"".join(texts).translate(None, DIGITS), columns)


def _columns(entry: bytes) -> dict[str, tuple[int, int]] | None:
    """Which numbers of an entry are those of each key; None if it holds anything else than numbers."""
    try:
        values = orjson.loads(entry)
    except orjson.JSONDecodeError:
        return None
    columns, count = {}, 0
    for key, value in values.items():
        is_box = key == "bbox" and type(value) is list and len(value) == 4
        if not {type(each) for each in (value if is_box else [value])} <= {int, float}:
            return None
        columns[key] = (count, count + 4 if is_box else count + 1)
        count = columns[key][1]
    quotes = 2 * len(columns)  # fewer than there are if a key is there twice, or has a quote in it
    if (
        not columns.keys() >= {*_IDS, *_NUMBERS}
        or entry.count(b"{") > 1
        or entry.count(b'"') != quotes
        or len(_NUMBER.findall(entry)) != count
    ):
        return None
    return columns


def _read_block(block: bytes, form: _Form) -> tuple[np.ndarray, ...] | None:
    block, bounds = _bounds(block)
    texts = block.translate(None, DIGITS)
    count, rest = divmod(len(texts), len(form.texts))
    if rest or texts != form.texts * count or not _are_in_place(bounds, count, len(block), form.gaps):
        return None
    # One row a number of an entry and one column an entry.
    starts, ends = (np.ascontiguousarray(each.reshape(count, -1).T) for each in (bounds[::2], bounds[1::2]))
    columns = {
        key: (starts[first:last].ravel(), ends[first:last].ravel()) for key, (first, last) in form.columns.items()
    }
    image_ids, category_ids = (integers(block, *columns.pop(key)) for key in _IDS)
    boxes, scores = (decimals(block, *columns.pop(key)) for key in _NUMBERS)
    has_files = "file_name" in columns
    files = integers(block, *columns.pop("file_name")) if has_files else None
    are_sound = all(decimals(block, *places) is not None for places in columns.values())  # what nobody reads, too
    if image_ids is None or category_ids is None or boxes is None or scores is None or not are_sound:
        return None
    read = image_ids, category_ids, boxes.reshape(4, -1).T, scores
    if has_files:
        return None if files is None else (*read, files)
    return read


def _bounds(block: bytes) -> tuple[bytes, np.ndarray]:
    """Where numbers begin and end, in turns, and the block with a slash for all of an exponent that is no digit."""
    characters = np.frombuffer(block, np.uint8)
    is_numeric = (characters - np.uint8(_FIRST)) <= np.uint8(_LAST - _FIRST)
    bounds = np.flatnonzero(is_numeric[1:] != is_numeric[:-1]) + 1
    follows = characters[bounds[1:-1:2]]
    split = np.flatnonzero((follows == ord("e")) | (follows == ord("E")))  # there an exponent parts a number in two
    if not split.size:
        return block, bounds
    characters, at = characters.copy(), bounds[1::2][split]
    characters[at] = _SLASH
    characters[at[characters[at + 1] == ord("+")] + 1] = _SLASH
    return characters.tobytes(), np.delete(bounds, np.concatenate([2 * split + 1, 2 * split + 2]))


def _are_in_place(bounds: np.ndarray, count: int, length: int, gaps: np.ndarray) -> bool:
    """Whether texts that are right one after the other are in their places, too: then their lengths are right."""
    wanted = np.tile(np.append(gaps[1:-1], gaps[-1] + gaps[0]), count)
    found = np.append(bounds[2::2], length + gaps[0]) - bounds[1::2]
    return np.array_equal(found, wanted) and bounds[0] == gaps[0]
