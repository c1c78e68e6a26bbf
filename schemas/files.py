"""The file functions that data and registry need, by the names that TFX's `fileio` module has.

Pure modules take a `files` argument: `LOCAL_FILES` before TFX is started, `tfx.dsl.io.fileio` inside a
step, where paths may be gs://.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any, Protocol, cast


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
    walk = staticmethod(os.walk)

    @staticmethod
    def makedirs(path: str) -> None:
        os.makedirs(path, exist_ok=True)

    @staticmethod
    def rename(src: str, dst: str, overwrite: bool = False) -> None:
        if not overwrite and os.path.exists(dst):
            raise FileExistsError(dst)
        os.replace(src, dst)


LOCAL_FILES = cast(WritableFiles, _LocalFiles())
