"""Reading JSON field by field: what is wrong is said with its place, its value and the fix."""

from __future__ import annotations

import json
import reprlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from schemas.base.errors import DataError
from schemas.base.json_keys import RepeatedKeyError, unique_keys

MAX_ID = 2**63 - 1  # ids travel as int64
_LARGEST_NUMBER = 1e9

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80

_Entry = TypeVar("_Entry")


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

    def raise_if_any(self) -> None:
        """Ends the reading.

        Raises:
            DataError: with the first problems and how many more there are; not if there are none.
        """
        if self._count:
            more = self._count - len(self._shown)
            raise DataError(self._prefix + "\n  ".join(self._shown + ([f"and {more} more"] if more else [])))


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


def load_object(text: bytes, source: str) -> dict[str, Any]:
    """Parses a JSON object, as `load_json` and `check_object` do."""
    return check_object(load_json(text, source), source)


def check_object(document: Any, source: str) -> dict[str, Any]:
    """The document of an annotation file; DataError for anything but an object."""
    if not isinstance(document, dict):
        hint = " (a list of detections is a COCO results file)" if isinstance(document, list) else ""
        raise DataError(f"{source}: expected a JSON object, got {kind(document)}{hint}; give a COCO annotation file")
    return document


def read_entries(
    entries: list[Any], key: str, read: Callable[[Any, str], _Entry], unique: Iterable[str], problems: Problems
) -> list[_Entry]:
    """Reads each entry of a list and checks that they differ.

    Args:
        entries: the JSON list.
        key: the list's name, for messages.
        read: makes a result of an entry and its place in the file, or raises DataError.
        unique: attributes of the results that no two may share.
        problems: where to count what is wrong.

    Returns:
        The results, in order.

    Raises:
        DataError: some entry is bad or repeats another.
    """
    results = []
    for index, entry in enumerate(entries):
        try:
            results.append(read(entry, f"{key}[{index}]"))
        except DataError as error:
            problems.add(str(error))
    problems.raise_if_any()  # from here on the results are complete: index i is entry i
    for name in unique:
        _check_unique([getattr(result, name) for result in results], key, name, problems)
    problems.raise_if_any()
    return results


def _check_unique(values: list[object], key: str, name: str, problems: Problems) -> None:
    first: dict[object, int] = {}
    for index, value in enumerate(values):
        if first.setdefault(value, index) != index:
            problems.add(
                f"{key}[{index}]: duplicate {name} {shown(value)}, already that of {key}[{first[value]}]; "
                f"give each entry of {key} its own {name}"
            )


def read_field(entry: Any, key: str, where: str) -> Any:
    """The value of a key; DataError when the entry is no object or lacks the key."""
    if not isinstance(entry, dict):
        raise DataError(f"{where}: expected a JSON object, got {kind(entry)}; export the file again")
    if key not in entry:
        raise DataError(f"{where}: {key} is missing; add it")
    return entry[key]


def read_list(entry: Any, key: str, where: str) -> list[Any]:
    """The list under a key; DataError for anything else."""
    value = read_field(entry, key, where)
    if not isinstance(value, list):
        raise DataError(f"{where}: {key} must be a list, got {kind(value)}; export the file again")
    return value


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
