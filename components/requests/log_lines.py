"""Logged requests as lines of JSON: which images a line holds, and the lines of a file from its end; standard library.

A line is `{"image": BASE64}`, as `ratchet log-sample` writes it, or a body of TensorFlow Serving's REST predict
requests, `{"instances": [{"b64": BASE64}]}` or `{"inputs": ...}` alike. Beside these a line may say `"camera": NAME`
and `"logged_at": TIME`, ISO 8601 or seconds since 1970; what cannot be read of the two is not known. Of a day without a
time the hour is not known.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.json_keys import unique_keys
from ratchet.schemas.base.visible import visible_line

_BLOCK_BYTES = 1 << 20
_LONGEST_NAME = 100  # characters
_UTC = re.compile("[zZ]$")  # read by Python from 3.11 on
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error)


@dataclass(frozen=True)
class LoggedImage:
    """An image that a served model was asked about.

    Attributes:
        encoded: its file.
        camera: that took it; empty where nothing says so.
        at: when it was logged, in the time zone that the log has it in; a `date` that is no `datetime` where it has
            the day alone; None where nothing says so.
        name: of its file; empty where nothing says so.
    """

    encoded: bytes
    camera: str = ""
    at: datetime.date | None = None
    name: str = ""


def images_in(line: bytes) -> list[bytes]:
    """The image files in a line; see `logged_in`."""
    return [logged.encoded for logged in logged_in(line)]


def logged_in(line: bytes) -> list[LoggedImage]:
    """The images in a line, with what it says of them.

    Raises:
        DataError: it is no logged request; in words that go after the name of its place.
    """
    try:
        # Bytes, because what is no UTF-8 is then an error of its line.
        entry = json.loads(line, object_pairs_hook=unique_keys)
        camera, at, name = camera_of(entry.get("camera")), time_of(entry.get("logged_at")), camera_of(entry.get("name"))
        return [LoggedImage(base64.b64decode(text, validate=True), camera, at, name) for text in _texts(entry)]
    except _WRONG as error:
        raise DataError(
            f'not a logged request ({error}); expected {{"image": BASE64}} or a predict request of TensorFlow Serving'
        ) from error


def camera_of(value: object) -> str:
    """The name of a camera, which may be a number; empty where it is neither.

    >>> camera_of(" north "), camera_of(7), camera_of(None)
    ('north', '7', '')
    """
    is_one = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    return visible_line(str(value).strip()[:_LONGEST_NAME]) if is_one else ""


def time_of(value: object) -> datetime.date | None:
    """A moment as logs have it, with the time zone that it is given in; without one it is taken for UTC.

    A day without a time stays one: midnight would be an hour that nobody has written.

    >>> time_of("2026-11-28T23:10:00+01:00").hour, time_of(0).year, time_of("yesterday")
    (23, 1970, None)
    >>> time_of("2026-11-28")
    datetime.date(2026, 11, 28)
    """
    try:
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                return datetime.date.fromisoformat(value.strip())
            moment = datetime.datetime.fromisoformat(_UTC.sub("+00:00", value.strip()))
            return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _texts(entry: Any) -> list[str]:
    if "image" in entry:
        return [entry["image"]]
    given = entry["instances"] if "instances" in entry else entry["inputs"]
    instances = given if isinstance(given, list) else [given]
    found = [instance.get("image_bytes", instance) for instance in instances]
    flat = [each for value in found for each in (value if isinstance(value, list) else [value])]
    return [each["b64"] for each in flat]


def lines_from_the_end(file: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """The lines of a file, the last one first, without blank ones; a block at a time, whatever the file's size.

    Args:
        file: open for reading and seekable.

    Yields:
        Where the line starts, in bytes; the line; whether it is the last one and has no end yet, so that a writer may
        be at work on it.
    """
    end = file.seek(0, 2)
    place = int(end if end is not None else file.tell())  # TensorFlow's files answer nothing
    rest, is_open = b"", True
    while place > 0:
        size = min(_BLOCK_BYTES, place)
        place -= size
        file.seek(place)
        first, *others = (file.read(size) + rest).split(b"\n")
        offset = place + len(first) + sum(len(line) + 1 for line in others) + 1
        for line in reversed(others):
            offset -= len(line) + 1
            if line.strip():
                yield offset, line, is_open
            is_open = False
        rest = first
    if rest.strip():
        yield 0, rest, is_open


def line_number(file: IO[bytes], offset: int) -> int:
    """The number of the line that starts at an offset, from 1."""
    file.seek(0)
    return file.read(offset).count(b"\n") + 1
