"""What deliveries are called: `span-3`, `span-3-version-2`, and by days `span-2026-11-28`, whose number is 20261128."""

from __future__ import annotations

import datetime
import re

from ratchet.schemas.base.errors import DataError

_DATE = "[0-9]+-[0-9]+-[0-9]+"
_SPAN = re.compile(rf"span-([0-9]+|{_DATE})(?:-version-([0-9]+))?")
_NUMBER = re.compile(rf"(?:span-)?([+-]?[0-9]{{1,18}}|{_DATE})")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DAY_NUMBERS = range(1900_01_01, 3000_01_01)  # what is shown as a date; a number beyond counts something else


def parse_span(name: str) -> tuple[int, int] | None:
    """Number and version of a directory's name; None for what is no span.

    >>> parse_span("span-12"), parse_span("span-12-version-2"), parse_span("golden")
    ((12, 1), (12, 2), None)
    >>> parse_span("span-2026-11-28-version-2")
    (20261128, 2)

    Raises:
        DataError: it has the form of a date and is none.
    """
    match = _SPAN.fullmatch(name)
    if match is None:
        return None
    try:
        return _number(match[1]), int(match[2] or 1)
    except ValueError as error:
        raise DataError(
            f"{name}: {error}; call a delivery span-YYYY-MM-DD, with a day that there is, or span-N"
        ) from error


def span_number(text: str) -> int:
    """The number that a person means: `7`, `2026-11-28`, `20261128`, or the name of the directory.

    >>> span_number("7"), span_number("2026-11-28"), span_number("span-20261128")
    (7, 20261128, 20261128)

    Raises:
        ValueError: it is none of them; says what is wrong.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError("give a number, as 7, or a day, as 2026-11-28")
    return _number(match[1])


def span_text(number: int) -> str:
    """A number as it is shown; that of a day as the day.

    >>> span_text(7), span_text(20261128), span_text(20261328)
    ('7', '2026-11-28', '20261328')
    """
    if number not in _DAY_NUMBERS:
        return str(number)
    text = f"{number // 10_000:04}-{number // 100 % 100:02}-{number % 100:02}"
    try:
        _number(text)
    except ValueError:
        return str(number)
    return text


def _number(text: str) -> int:
    if "-" not in text[1:]:
        return int(text)
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no day in the form YYYY-MM-DD")
    try:
        datetime.date(*map(int, match.groups()))
    except ValueError as error:
        raise ValueError(f"there is no day {text}") from error
    return int("".join(match.groups()))
