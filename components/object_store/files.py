"""Objects as file functions, and the functions that fit a place of either kind."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Iterable
from typing import IO, Any, cast

from ratchet.components.object_store import objects
from ratchet.components.object_store.uri import is_gs, split
from ratchet.schemas.base.files import LOCAL_FILES, WritableFiles, read_regular, write_durably


class ObjectFiles:
    """See `WritableFiles`; directories are what objects lie below, and there are no empty ones."""

    def __reduce__(self) -> str:
        return "OBJECT_FILES"  # there is one

    def open(self, path: Any, mode: str = "r") -> IO[Any]:
        """An object; one that is written appears whole when it is closed, and not at all after an error in between.

        Raises:
            FileNotFoundError: there is none.
        """
        kind, binary = mode[:1], "b" in mode
        if kind not in ("r", "w") or "+" in mode:
            raise ValueError(f"{path}: objects are read or written, not opened as {mode}")
        if kind == "w":
            content = _Written(str(path))
            return cast("IO[Any]", content if binary else _Text(content))
        found = objects.read(str(path))
        if found is None:
            raise FileNotFoundError(2, "no such object", str(path))
        content = io.BytesIO(found.data)
        return cast("IO[Any]", content if binary else io.TextIOWrapper(content, encoding="utf-8"))

    def exists(self, path: Any) -> bool:
        """Whether there is such an object, or any below it."""
        return objects.info(str(path)) is not None or self.isdir(path)

    def isdir(self, path: Any) -> bool:
        """Whether objects lie below it."""
        return bool(objects.children(str(path)))

    def listdir(self, path: Any) -> list[str]:
        """The names in a directory, without slashes.

        Raises:
            FileNotFoundError: nothing lies below it.
        """
        names = [name.rstrip("/") for name in objects.children(str(path))]
        if not names:
            raise FileNotFoundError(2, "nothing lies below it", str(path))
        return names

    def glob(self, pattern: Any) -> list[str]:
        """The objects that match a pattern, in whose parts `*` stands for no slash."""
        whole = str(pattern)
        first = min((place for mark in "*?[" if (place := whole.find(mark)) >= 0), default=None)
        if first is None:
            return [whole] if self.exists(whole) else []
        parts = whole.split("/")
        found = (each.uri for each in objects.list_below(whole[:first].rpartition("/")[0]))
        return sorted(uri for uri in found if _matches(uri.split("/"), parts))

    def walk(self, top: Any, topdown: bool = True) -> Iterable[tuple[str, list[str], list[str]]]:
        """Directory, names of directories, names of files; no directory ends in a slash."""
        top = str(top).rstrip("/")
        folders: dict[str, tuple[set[str], list[str]]] = {}
        for each in objects.list_below(top):
            *parents, name = each.name.split("/")
            for depth in range(len(parents) + 1):
                here = "/".join([top, *parents[:depth]])
                below = folders.setdefault(here, (set(), []))
                if depth < len(parents):
                    below[0].add(parents[depth])
                else:
                    below[1].append(name)
        ordered = sorted(folders.items(), reverse=not topdown)
        return [(here, sorted(directories), sorted(names)) for here, (directories, names) in ordered]

    def makedirs(self, path: Any) -> None:
        """Nothing: directories come with what is in them, and an object that stands for one only misleads."""

    def rename(self, src: Any, dst: Any, overwrite: bool = False) -> None:
        """Copies an object and deletes it.

        Raises:
            FileExistsError: the target is there, and `overwrite` was not given.
        """
        self.copy(src, dst, overwrite)
        objects.delete(str(src))

    def copy(self, src: Any, dst: Any, overwrite: bool = False) -> None:
        """Copies an object within the service.

        Raises:
            FileExistsError: the target is there, and `overwrite` was not given.
        """
        try:
            objects.copy(str(src), str(dst), None if overwrite else 0)
        except objects.GenerationError as error:
            raise FileExistsError(str(dst)) from error

    def remove(self, path: Any) -> None:
        """Deletes an object."""
        objects.delete(str(path))

    def rmtree(self, path: Any) -> None:
        """Deletes all objects below a prefix."""
        objects.delete_below(str(path))


OBJECT_FILES = ObjectFiles()


def files_of(path: str) -> WritableFiles:
    """What to read and write a place with."""
    return OBJECT_FILES if is_gs(path) else LOCAL_FILES


def read_text(path: str) -> str:
    """The text of a file or object.

    Raises:
        OSError: there is none, or it cannot be read.
        UnicodeDecodeError: it is no text.
    """
    if not is_gs(path):
        return read_regular(path)
    with OBJECT_FILES.open(path) as file:
        return file.read()


def write_text(path: str, text: str) -> None:
    """Writes a file or object: whole or not at all."""
    if is_gs(path):
        objects.write(path, text.encode())
    else:
        write_durably(path, text)


class _Written(io.BytesIO):
    """What is written, until it is closed."""

    def __init__(self, uri: str) -> None:
        super().__init__()
        split(uri)
        self._uri = uri
        self.failed = False

    def __exit__(self, kind: object, *rest: object) -> None:
        self.failed = kind is not None
        self.close()

    def __del__(self) -> None:
        self.failed = True  # dropped without being closed: as after a kill

    def close(self) -> None:
        """Writes the object."""
        if not self.closed:
            data = self.getvalue()
            super().close()
            if not self.failed:
                objects.write(self._uri, data)


class _Text(io.TextIOWrapper):
    """The same for text."""

    def __init__(self, content: _Written) -> None:
        super().__init__(content, encoding="utf-8", newline="", write_through=True)
        self._content = content

    def __exit__(self, kind: object, *rest: object) -> None:
        self._content.failed = kind is not None
        self.close()


def _matches(parts: list[str], patterns: list[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
