"""Text files of any size, one line after the other; and the beginning of a file."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ratchet.components.example_gen.file_names import unreadable
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.components.object_store.objects import stream
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.base.files import Files, refuse_irregular

LONGEST_LINE = 50_000_000  # characters: an image with half a million boxes has fewer
HEAD_BYTES = 65_536
_CHUNK_BYTES = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def opened(path: str, files: Files) -> Iterator[IO[bytes]]:
    """A file that is read piece by piece; whatever happens inside to it becomes an error that names it.

    Args:
        path: the file.
        files: the file system.

    Raises:
        DataError: it is missing or cannot be read.
    """
    try:
        refuse_irregular(path)
        with stream(path) if files is OBJECT_FILES else files.open(path, "rb") as file:
            yield file
    except DataError:
        raise
    except StateError as error:  # of an object store; it says what to do
        raise DataError(str(error)) from error
    except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
        raise unreadable(error, path, files, path) from error


def head_of(path: str, files: Files, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file; none of one that cannot be read."""
    try:
        with opened(path, files) as file:
            return file.read(size)
    except DataError:
        return b""


def head_text(path: str, files: Files) -> str:
    """The beginning of a text file without byte order mark; lines end with `\\n`, what is no text is replaced."""
    content = head_of(path, files)
    decoder = codecs.getincrementaldecoder(_encoding(content))("replace")
    return io.IncrementalNewlineDecoder(decoder, translate=True).decode(content)


def _encoding(content: bytes) -> str:
    return next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8-sig")


def text_lines(path: str, files: Files) -> Iterator[str]:
    """Reads a text file without holding it.

    Args:
        path: UTF-8, or UTF-16 and UTF-32 with a byte order mark.
        files: the file system.

    Yields:
        Its lines, each but perhaps the last one with `\\n`, whatever it ended with.

    Raises:
        DataError: missing, unreadable, no text, or a line is longer than `LONGEST_LINE`.
    """
    with opened(path, files) as file:
        pieces: list[str] = []  # of a line that has not ended yet
        number, length = 1, 0
        for text in _texts(file, path):
            first, *others = text.split("\n")  # not splitlines, which ends lines at characters that JSON allows
            pieces.append(first)
            length += len(first)
            if length > LONGEST_LINE:
                raise DataError(f"{path}: line {number} is longer than {LONGEST_LINE:,} characters; check what it is")
            if others:
                yield "".join(pieces) + "\n"
                yield from (f"{line}\n" for line in others[:-1])
                pieces, length, number = [others[-1]], len(others[-1]), number + len(others)
        if length:
            yield "".join(pieces)


def _texts(file: IO[bytes], path: str) -> Iterator[str]:
    chunk = file.read(_CHUNK_BYTES)
    encoding = _encoding(chunk)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    read = 0
    try:
        while chunk:
            yield decoder.decode(chunk)
            read += len(chunk)
            chunk = file.read(_CHUNK_BYTES)
        yield decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: no UTF-8 text ({error.reason} behind byte {read + error.start}); save it as UTF-8"
        ) from error
