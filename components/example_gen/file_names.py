"""Names and contents of a delivery's files, on any file system."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.checked_json import check_number, shown
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.base.files import Files, reason_of, refuse_irregular

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

_NUMBER = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?")
# Control characters, lone surrogates (no valid Unicode) and line separators; and what makes a name look like another.
_UNFIT = frozenset(("Cc", "Cs", "Zl", "Zp"))
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_STEP_BYTES = 255  # no file system in use holds longer names


def is_plain_path(name: str) -> bool:
    """Whether a name can be joined to a directory without leading out of it, and has no second spelling.

    >>> [is_plain_path(name) for name in ("cam 1/a.jpg", "../a.jpg", "/a.jpg", "a//b.jpg", "a\\n.jpg")]
    [True, False, False, False, False]
    """
    if not name.strip() or "\\" in name:
        return False
    if not name.isprintable() and any(unicodedata.category(char) in _UNFIT or char in _TURNING for char in name):
        return False
    return all(step not in ("", ".", "..") and len(step.encode()) <= _MAX_STEP_BYTES for step in name.split("/"))


def check_file_name(name: str, where: str, key: str = "file_name") -> str:
    """Makes sure that the name of an image stays below its directory.

    Args:
        name: a path with '/' between its steps.
        where: its place, for messages.
        key: what the name is called there.

    Returns:
        The name.

    Raises:
        DataError: it could lead elsewhere, or no file system can hold it.
    """
    if not is_plain_path(name):
        raise DataError(
            f"{where}: {key} {shown(name)} must be a plain path below images/, without leading '/', '.', '..', '//', "
            f"backslash or control character, each step of at most {_MAX_STEP_BYTES} bytes; correct it"
        )
    return name


def check_distinct(names: Iterable[str], source: str) -> None:
    """DataError when two images have the same file name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        more = f" (and {len(twice) - 1} more such names)" if len(twice) > 1 else ""
        raise DataError(f"{source}: two images have the file name {shown(twice[0])}{more}; give each its own")


def read_file(path: str, files: Files, where: str | None = None) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        files: the file system.
        where: what to call it in messages; its path if None.

    Raises:
        DataError: it is missing or cannot be read.
    """
    try:
        refuse_irregular(path)
        with files.open(path, "rb") as file:
            return file.read()
    except StateError as error:  # of an object store; it says what to do
        raise DataError(str(error)) from error
    except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
        raise unreadable(error, path, files, where or path) from error


def read_files(paths: Iterable[str], files: Files, wheres: Iterable[str] | None = None) -> Iterator[bytes | DataError]:
    """The contents of many files, in order; of `OBJECT_FILES` a bounded number is read ahead.

    Args:
        paths: the files, all of one file system.
        files: the file system.
        wheres: what to call them in messages; their paths if None.

    Yields:
        Each content, or what is wrong with the file.
    """
    paths = list(paths)

    def read(asked: tuple[str, str]) -> bytes | DataError:
        try:
            return read_file(asked[0], files, asked[1])
        except DataError as error:
            return error

    each = zip(paths, paths if wheres is None else wheres)
    yield from ahead(read, each) if files is OBJECT_FILES else map(read, each)


def objects_for(path: str, files: Files) -> Files:
    """What to read whole files with: on gs:// one request a file, where TFX's `fileio` makes two.

    Args:
        path: one of those to be read, all in one place.
        files: for all other places.
    """
    return OBJECT_FILES if is_gs(path) else files


def read_text_file(path: str, files: Files) -> str:
    """The content of a UTF-8 text file, with or without byte order mark; DataError for anything else."""
    return to_text(read_file(path, files), path)


def to_text(content: bytes, path: str) -> str:
    """The text of a file that was read; DataError for what is no UTF-8, nor UTF-16 that says so."""
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: no UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


def unreadable(error: Exception, path: str, files: Files, where: str) -> DataError:
    """What to say of a file that could not be opened or read."""
    told = isinstance(error, (ValueError, OSError)) and not isinstance(error, FileNotFoundError)
    if not told and not files.exists(path):
        return DataError(f"{where}: no such file; deliver it")
    return DataError(f"{where}: cannot be read: {reason_of(error)}; check what it is and its permissions")


def read_number(text: str, name: str, where: str) -> float:
    """A decimal number in a text file; DataError for anything else, and for what is not finite or too large."""
    if not _NUMBER.fullmatch(text):
        raise DataError(f"{where}: {name} {shown(text)} must be a number; correct it")
    return check_number(float(text), name, where)
