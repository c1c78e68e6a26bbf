"""The file functions that data and registry need, by the names that TFX's `fileio` module has.

Pure modules take a `files` argument: `LOCAL_FILES` before TFX is started, `tfx.dsl.io.fileio` inside a
step, where paths may be gs://.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol, cast

from ratchet.schemas.base.errors import InputError

WRITING = ".writing"  # the end of the name of a file that is not whole yet


class Files(Protocol):
    """What reading data needs."""

    def open(self, path: Any, mode: str = "r") -> IO[Any]:
        """Opens a file."""
        ...

    def exists(self, path: Any) -> bool:
        """Whether a file or directory exists."""
        ...

    def isdir(self, path: Any) -> bool:
        """Whether it is a directory."""
        ...

    def listdir(self, path: Any) -> list[Any]:
        """The names in a directory."""
        ...

    def glob(self, pattern: Any) -> list[Any]:
        """The paths that match a pattern; none is no error."""
        ...

    def walk(self, top: Any, topdown: bool = True) -> Iterable[tuple[Any, list[Any], list[Any]]]:
        """Directory, names of directories, names of files, for a directory and all below it."""
        ...


class WritableFiles(Files, Protocol):
    """What the registry needs besides."""

    def makedirs(self, path: Any) -> None:
        """Makes a directory and its parents, if they are not there."""
        ...

    def rename(self, src: Any, dst: Any, overwrite: bool = False) -> None:
        """Moves a file in one step; onto another only with `overwrite`."""
        ...


class _LocalFiles:
    open = staticmethod(open)
    exists = staticmethod(os.path.exists)
    isdir = staticmethod(os.path.isdir)
    listdir = staticmethod(os.listdir)
    glob = staticmethod(glob.glob)

    @staticmethod
    def walk(top: str, topdown: bool = True) -> Iterable[tuple[str, list[str], list[str]]]:
        return os.walk(top, topdown, onerror=_raise)  # left to itself it passes over what it may not read

    @staticmethod
    def makedirs(path: str) -> None:
        os.makedirs(path, exist_ok=True)

    @staticmethod
    def rename(src: str, dst: str, overwrite: bool = False) -> None:
        if not overwrite and os.path.exists(dst):
            raise FileExistsError(dst)
        os.replace(src, dst)


def below(directory: Any, name: Any) -> str:
    """A place in a directory, also where a directory's own name ends in a slash.

    TensorFlow's walk through an object store names directories so, and there two slashes are another place than one.

    >>> below("root", "a"), below("gs://bucket/top/", "a"), below("root", "a/")
    ('root/a', 'gs://bucket/top/a', 'root/a')
    """
    return f"{str(directory).rstrip('/')}/{str(name).strip('/')}"


def files_for(path: str, files: Files) -> Files:
    """What to read a path with: Python itself for a file of this machine, several times as fast as TFX's `fileio`.

    Args:
        path: one of those to be read, all in one place.
        files: for all other places.
    """
    return LOCAL_FILES if os.path.exists(path) else files


def refuse_irregular(path: str | os.PathLike[str]) -> None:
    """Makes sure before a file is opened that this can end: to open a FIFO waits for a writer, maybe for ever.

    Args:
        path: of this machine; what is not there, or in an object store, is left to whoever opens it.

    Raises:
        OSError: it is there and is a directory, a FIFO, a socket or a device.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        known = {stat.S_IFIFO: "a FIFO or pipe", stat.S_IFSOCK: "a socket"}
        kind = known.get(stat.S_IFMT(mode), "a device")
        raise OSError(errno.EINVAL, f"{kind}, not a regular file", str(path))


def read_regular(path: str | os.PathLike[str]) -> str:
    """The text of a file of this machine, UTF-8.

    Raises:
        OSError: it cannot be read, or is a directory, a FIFO, a socket or a device.
        UnicodeDecodeError: it is no text.
    """
    refuse_irregular(path)
    with open(path, encoding="utf-8") as file:
        return file.read()


def reason_of(error: Exception) -> str:
    """Why a file could not be opened, without the number and the path that `str` adds."""
    return getattr(error, "strerror", None) or str(error)


def _raise(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):  # nothing there to walk through
        raise error


LOCAL_FILES = cast(WritableFiles, _LocalFiles())


def write_durably(path: str | Path, content: str | bytes) -> None:
    """Writes a file of this machine that is read again: after a kill or a power cut it is the old one or the new one.

    Args:
        path: its directory has to be there.
        content: text is written as UTF-8.

    Raises:
        OSError: it cannot be written; what was there before is as it was.
    """
    temporary = f"{path}.{os.getpid()}{WRITING}"
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    flush_directory(os.path.dirname(path) or ".")


@contextlib.contextmanager
def whole_directory(path: str) -> Iterator[str]:
    """Makes a directory of this machine: all of it or nothing.

    Args:
        path: where; its parents are made, and it must not exist or be empty.

    Yields:
        The directory to write into until then, which is there.

    Raises:
        InputError: the directory holds something already, or cannot be written.
    """
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        raise InputError(f"{path}: exists and is not empty; remove it or choose another directory")
    parent = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(parent, exist_ok=True)
        # A sibling, because a rename is atomic only within one file system.
        with tempfile.TemporaryDirectory(dir=parent, prefix=".writing-") as scratch:
            made = os.path.join(scratch, "whole")
            os.mkdir(made)
            yield made
            os.rename(made, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error}); choose another directory") from error


def flush_directory(directory: str | Path) -> None:
    """Makes the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
