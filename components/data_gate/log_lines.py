"""Logged requests as lines of JSON: which images a line holds, and the lines of a file from its end; standard library.

A line is `{"image": BASE64}`, as `ratchet log-sample` writes it, or a body of TensorFlow Serving's REST predict
requests, `{"instances": [{"b64": BASE64}]}` or `{"inputs": ...}` alike.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import IO, Any

from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.json_keys import unique_keys

_BLOCK_BYTES = 1 << 20
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error)


def images_in(line: bytes) -> list[bytes]:
    """The image files in a line.

    Raises:
        DataError: it is no logged request; in words that go after the name of its place.
    """
    try:
        # Bytes, because what is no UTF-8 is then an error of its line.
        return [
            base64.b64decode(text, validate=True) for text in _texts(json.loads(line, object_pairs_hook=unique_keys))
        ]
    except _WRONG as error:
        raise DataError(
            f'not a logged request ({error}); expected {{"image": BASE64}} or a predict request of TensorFlow Serving'
        ) from error


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
