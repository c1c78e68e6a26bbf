"""Columns of a JSON list of objects: checked in bulk, and value by value only to say what is wrong and where.

The bulk check alone decides. The slow reading runs after a bulk check has failed and ends in an error in any case, so
the two cannot accept different files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NoReturn

import numpy as np

from ratchet.schemas.base.checked_json import (
    MAX_ID,
    Problems,
    check_number,
    is_unicode,
    read_field,
    read_integer,
    read_text,
    shown,
)
from ratchet.schemas.base.errors import DataError

LARGEST_PX = 1e9  # areas of such boxes stay finite

_LARGEST_KEY = 10**39  # as of a UUID
_EXACT = 2**53 - 1  # of integers as floats
_DIGITS = re.compile(r"[0-9]{1,18}")
_NUMBERS = {int, float}  # compared with type(): to isinstance True is an int


class Entries:
    """The objects of a JSON list of one file, read field by field."""

    def __init__(self, entries: list[Any], key: str, source: str, image_names: Mapping[Any, str] | None = None) -> None:
        """Checks that all entries are objects.

        Args:
            entries: the list.
            key: its name, for messages.
            source: path of the file, for messages.
            image_names: file names of the images by id, for messages.

        Raises:
            DataError: some are not. Like all errors of this class it shows the first ones and counts the others.
        """
        self._entries, self._key, self.source = entries, key, source
        self._image_names = image_names or {}
        if not set(map(type, entries)) <= {dict}:
            self._explain(entries, lambda entry, where: None if type(entry) is dict else read_field(entry, "", where))

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._entries[index]

    def place(self, index: int) -> str:
        """Where an entry stands and what it belongs to, as in `annotations[4] (id 7, image 2 'b.jpg')`."""
        entry = self._entries[index]
        if type(entry) is not dict:
            return f"{self._key}[{index}]"
        ids = [f"id {shown(entry['id'])}"] if "id" in entry else []
        if "image_id" in entry:
            ids.append(f"image {shown(entry['image_id'])}{self._image_name(entry['image_id'])}")
        elif ids and isinstance(entry.get("file_name"), str):
            ids[0] += f" {shown(entry['file_name'])}"
        return f"{self._key}[{index}]" + (f" ({', '.join(ids)})" if ids else "")

    def _image_name(self, image_id: Any) -> str:
        name = self._image_names.get(image_id) if type(image_id) in (int, str) else None
        return f" {shown(name)}" if name else ""

    def integers(self, field: str, lowest: int = -MAX_ID, highest: int = MAX_ID) -> np.ndarray:
        """The integers under a field, [n] int64; DataError where one is missing, no integer or out of bounds."""
        values = self._values(field)
        if not set(map(type, values)) <= {int} or (values and not lowest <= min(values) <= max(values) <= highest):
            self._explain(self._entries, lambda entry, where: read_integer(entry, field, where, lowest, highest))
        return np.array(values, np.int64)

    def lenient_integers(self, field: str) -> np.ndarray:
        """`integers` that may be written as `1.0` or `"000001"` too, [n] int64; DataError for others."""
        values = self._values(field)
        if set(map(type, values)) <= {int}:
            return self.integers(field)
        whole = [_whole(int(value) if type(value) is str and _DIGITS.fullmatch(value) else value) for value in values]
        if any(type(value) is not int for value in whole):
            return self.integers(field)  # which says what is wrong
        return np.array(whole, np.int64)

    def keys(self, field: str) -> list[int | str]:
        """The integers, also as `1.0`, and strings under a field; DataError where one is missing, neither or blank."""
        values = self._values(field)
        if float in set(map(type, values)):
            values = list(map(_whole, values))
        if not set(map(type, values)) <= {int, str} or any(_complaint(_check_key, value, "") for value in set(values)):
            self._explain(values, lambda value, where: _check_key(value, where, field))
        return values

    def texts_of_all(self, field: str) -> list[str] | None:
        """The strings under a field; None unless every entry has one that is not empty."""
        values = [entry.get(field) for entry in self._entries]
        return values if values and set(map(type, values)) == {str} and all(values) else None

    def refuse_negative_sizes(self, field: str, boxes_xywh_px: np.ndarray) -> None:
        """DataError where a box under a field has a negative width or height."""
        self.refuse(
            np.any(boxes_xywh_px[:, 2:] < 0, axis=1),
            lambda index: (
                f"{field} {shown(self[index][field])} has a negative width or height; a bbox is [x, y, width, height] "
                "in pixels; convert the boxes or correct this one"
            ),
        )

    def texts(self, field: str) -> list[str]:
        """The strings under a field; DataError where one is missing, no string, blank or no valid Unicode."""
        values = self._values(field)
        if not set(map(type, values)) <= {str} or not all(map(str.strip, values)) or not is_unicode("".join(values)):
            self._explain(self._entries, lambda entry, where: read_text(entry, field, where))
        return values

    def numbers(
        self,
        field: str,
        unsaid: float | None = None,
        null_is_unsaid: bool = False,
        largest: float = sys.float_info.max,
    ) -> np.ndarray:
        """The numbers under a field.

        Args:
            field: its name.
            unsaid: stands where the field is missing; None when it may not.
            null_is_unsaid: whether a JSON null counts as missing.
            largest: numbers are within +- this.

        Returns:
            [n] float64, finite.

        Raises:
            DataError: a value is missing or no finite number.
        """
        values = self._values(field) if unsaid is None else [entry.get(field, unsaid) for entry in self._entries]
        if null_is_unsaid:
            values = [unsaid if value is None else value for value in values]
        numbers = _bulk_numbers(values, largest)
        if numbers is None:
            self._explain(values, lambda value, where: check_number(value, field, where, largest))
        return numbers

    def boxes(self, field: str) -> np.ndarray:
        """The lists of 4 numbers under a field, [n, 4] float64; DataError for others, and beyond +-LARGEST_PX."""
        values = self._values(field)
        numbers = None
        if set(map(type, values)) <= {list} and set(map(len, values)) <= {4}:
            numbers = _bulk_numbers(list(chain.from_iterable(values)), LARGEST_PX)
        if numbers is None:
            self._explain(values, lambda value, where: _check_box(value, field, where))
        return numbers.reshape(-1, 4)

    def flags(self, field: str) -> np.ndarray:
        """The 0 and 1 under a field that may miss, [n] bool; DataError for other values."""
        values = [entry.get(field, 0) for entry in self._entries]
        if not set(map(type, values)) <= {int, bool} or not set(values) <= {0, 1}:
            self._explain(values, lambda value, where: _check_flag(value, field, where))
        return np.array(values, np.bool_)

    def has(self, field: str) -> np.ndarray:
        """Which entries have the field, [n] bool."""
        return np.array([field in entry for entry in self._entries], np.bool_)

    def filled(self, field: str) -> np.ndarray:
        """Which entries have something under the field, [n] bool; an empty list is nothing."""
        return np.array([bool(entry.get(field)) for entry in self._entries], np.bool_)

    def check_each(self, values: Sequence[Any], check: Callable[[Any, str], object]) -> None:
        """DataError about the first values, one of each entry, of which `check`, given value and place, raises one."""
        if any(_complaint(check, value, "") for value in values):
            self._explain(list(values), check)

    def refuse_repeated(self, field: str, values: Sequence[Any]) -> None:
        """DataError where two entries have the same value; `values` are those of a field, in the file's order."""
        if len(set(values)) == len(values):
            return
        first: dict[Any, int] = {}
        is_repeated = np.array([first.setdefault(value, index) != index for index, value in enumerate(values)])
        self.refuse(
            is_repeated,
            lambda index: (
                f"duplicate {field} {shown(values[index])}, already that of {self._key}[{first[values[index]]}]; give "
                f"each entry of {self._key} its own {field}"
            ),
        )

    def refuse(self, is_bad: np.ndarray, say: Callable[[int], str]) -> None:
        """Ends the reading if there are bad entries.

        Args:
            is_bad: [n] bool.
            say: what is wrong with the entry of an index, and the fix.

        Raises:
            DataError: about the first bad one, with the number of the others.
        """
        refuse(self.source, self.place, is_bad, say)

    def _values(self, field: str) -> list[Any]:
        try:
            return [entry[field] for entry in self._entries]
        except KeyError:
            self._explain(self._entries, lambda entry, where: read_field(entry, field, where))

    def _explain(self, values: list[Any], check: Callable[[Any, str], object]) -> NoReturn:
        problems = Problems(f"{self.source}: ")
        culprits = [index for index, value in enumerate(values) if _complaint(check, value, "")]
        for rank, index in enumerate(culprits):  # all are counted, only the first are shown
            problems.add(_complaint(check, values[index], self.place(index)) if rank < Problems.SHOWN else "")
        problems.raise_if_any()
        raise DataError(f"{self.source}: {self._key} cannot be read, and no entry of it is to blame; report this")


def refuse(source: str, place: Callable[[int], str], is_bad: np.ndarray, say: Callable[[int], str]) -> None:
    """Ends the reading of a file if there are bad entries in it; see `Entries.refuse`."""
    if not is_bad.any():
        return
    first, others = int(is_bad.argmax()), int(is_bad.sum()) - 1
    more = f"\n  and {others} more of the {len(is_bad)} entries" if others else ""
    raise DataError(f"{source}: {place(first)}: {say(first)}{more}")


def _complaint(check: Callable[[Any, str], object], value: Any, where: str) -> str:
    try:
        check(value, where)
    except DataError as error:
        return str(error)
    return ""


def _bulk_numbers(values: list[Any], largest: float) -> np.ndarray | None:
    if not set(map(type, values)) <= _NUMBERS:
        return None
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:  # an integer of more than 308 digits
        return None
    return numbers if np.all(np.abs(numbers) <= largest) else None  # NaN compares false


def _check_box(value: Any, field: str, where: str) -> None:
    if type(value) is not list or len(value) != 4:
        raise DataError(f"{where}: {field} {shown(value)} must be a list of 4 numbers: x, y, width, height in pixels")
    for index, number in enumerate(value):
        check_number(number, f"{field}[{index}]", where, LARGEST_PX)


def _check_key(value: Any, where: str, field: str = "") -> None:
    if type(value) is str:
        read_text({field: value}, field, where)
    elif type(value) is float and value.is_integer():
        raise DataError(
            f"{where}: {field} {shown(value)} is a rounded number: {field} of more than 15 digits has to be written as "
            "an integer or, beyond 19 digits, as a string; write it again"
        )
    elif type(value) is not int or abs(value) > _LARGEST_KEY:
        raise DataError(f"{where}: {field} {shown(value)} must be an integer or a string; correct it")


def _whole(value: Any) -> Any:
    """A number without a fraction as an integer, if no rounding can have changed it."""
    is_whole = type(value) is float and value.is_integer() and abs(value) <= _EXACT
    return int(value) if is_whole else value


def _check_flag(value: Any, field: str, where: str) -> None:
    if type(value) not in (int, bool) or value not in (0, 1):
        raise DataError(f"{where}: {field} {shown(value)} must be 0 or 1; correct it or leave it out")
