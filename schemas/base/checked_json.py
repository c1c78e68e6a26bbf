"""Reading JSON field by field: what is wrong is said with its place, its value and the fix."""

from __future__ import annotations

import json
import reprlib
import sys
from typing import Any

from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import and_more
from ratchet.schemas.base.json_keys import RepeatedKeyError, unique_keys

MAX_ID = 2**63 - 1  # ids travel as int64
_LARGEST_NUMBER = 1e9

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


class Problems:
    """Gathers what is wrong with one data set, to tell it at once and briefly."""

    SHOWN = 3

    def __init__(self, prefix: str = "") -> None:
        """The prefix opens the message."""
        self._prefix = prefix
        self._shown: list[str] = []
        self._count = 0

    def add(self, problem: str) -> None:
        """Counts a problem; the text of all but the first few is dropped."""
        self._count += 1
        if len(self._shown) < self.SHOWN:
            self._shown.append(problem)

    def add_first(self, problem: str) -> None:
        """Counts a problem that is told before those that are known."""
        self._count += 1
        self._shown = [problem, *self._shown][: self.SHOWN]

    def raise_if_any(self) -> None:
        """Ends the reading.

        Raises:
            DataError: with the first problems and how many more there are; not if there are none.
        """
        if self._count:
            more = and_more(self._count - len(self._shown)).strip()
            raise DataError(self._prefix + "\n  ".join(self._shown + ([more] if more else [])))


def shown(value: object) -> str:
    """The value for a message: its repr, long ones shortened."""
    return _short.repr(value)


def load_json(text: bytes, source: str) -> Any:
    """Parses JSON.

    Args:
        text: UTF-8, UTF-16 or UTF-32.
        source: where it comes from, for messages.

    Returns:
        The value; NaN and Infinity are let through, so that the reader of the field can say where they stand.

    Raises:
        DataError: it is not JSON, with line and column, or an object has a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except RepeatedKeyError as error:
        raise DataError(f"{source}: {error}; keep one of them") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{source}: broken JSON at {place}: {error.msg}; export or copy the file again") from error
    except (ValueError, RecursionError) as error:  # not text, a number of thousands of digits, nested without end
        raise DataError(f"{source}: broken JSON: {error}; export or copy the file again") from error


def read_field(entry: Any, key: str, where: str) -> Any:
    """The value of a key; DataError when the entry is no object or lacks the key."""
    if not isinstance(entry, dict):
        raise DataError(f"{where}: expected a JSON object, got {kind(entry)}; export the file again")
    if key not in entry:
        raise DataError(f"{where}: {key} is missing; add it")
    return entry[key]


def read_integer(entry: Any, key: str, where: str, lowest: int = 0, highest: int = MAX_ID) -> int:
    """The integer under a key; DataError for other types (also 1.0, true, "1") and outside lowest..highest."""
    value = read_field(entry, key, where)
    if type(value) is not int or not lowest <= value <= highest:
        raise DataError(f"{where}: {key} {shown(value)} must be an integer, {lowest}..{highest}; correct it")
    return value


def read_text(entry: Any, key: str, where: str) -> str:
    """The string under a key; DataError for other types and for blank ones."""
    value = read_field(entry, key, where)
    # A lone surrogate such as "\ud800" is valid JSON but can be neither a file name nor a tf.Example string.
    if not isinstance(value, str) or not value.strip() or not is_unicode(value):
        raise DataError(f"{where}: {key} {shown(value)} must be a non-empty string of valid Unicode; correct it")
    return value


def is_unicode(text: str) -> bool:
    """Whether a string can be written as UTF-8; one with half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_number(value: Any, name: str, where: str, largest: float = _LARGEST_NUMBER) -> float:
    """The value as a float; DataError when it is not a number, not finite or beyond +-largest."""
    if type(value) not in (int, float) or not -largest <= value <= largest:  # NaN compares false
        limit = f" within +-{largest:.0e}" if largest < sys.float_info.max else ""
        raise DataError(f"{where}: {name} {shown(value)} must be a finite number{limit}; correct it")
    return float(value)


def kind(value: object) -> str:
    """What the value is in JSON, for a message."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
