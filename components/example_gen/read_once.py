"""What was read once is not read again in the same process, as long as its files are as they were.

A run looks at its data before TensorFlow is started, and ExampleGen needs the same soon after. TFX's runner makes the
step itself, so that only a module reaches from one to the other. Where steps run on other machines nothing is
remembered there, and each reads for itself; so it does in object stores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Generic, TypeVar

from ratchet.schemas.base.files import Files

Read = TypeVar("Read")
_State = tuple[int, ...] | None


@dataclass(frozen=True)
class _Remembered(Generic[Read]):
    """A result, and the states of the files and directories that it was read from."""

    result: Read
    states: dict[str, _State]


class ReadOnce(Generic[Read]):
    """The results of the last few readings."""

    def __init__(self, most: int) -> None:
        """So many are remembered."""
        self._most = most
        self._remembered: dict[Hashable, _Remembered[Read]] = {}

    def get(self, key: Hashable, files: Files, read: Callable[[Files], Read]) -> Read:
        """What is read, or was before from files that are still the same.

        Args:
            key: of everything else that the result depends on.
            files: the file system.
            read: reads, from the file system that it is given and from nowhere else.
        """
        known = self._remembered.pop(key, None)
        if known is None or any(_state(path) != state for path, state in known.states.items()):
            noting = _NotingFiles(files)
            known = _Remembered(read(noting), noting.states)
        self._remembered[key] = known
        while len(self._remembered) > self._most:
            del self._remembered[next(iter(self._remembered))]
        return known.result


def _state(path: str) -> _State:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class _NotingFiles:
    """A file system that notes in what state everything was before it was looked at."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.states: dict[str, _State] = {}

    def _note(self, path: Any) -> None:
        absolute = os.path.abspath(str(path))
        if absolute not in self.states:
            self.states[absolute] = _state(absolute)

    def open(self, path: Any, mode: str = "r") -> IO[Any]:
        self._note(path)
        return self._files.open(path, mode)

    def exists(self, path: Any) -> bool:
        self._note(path)
        return self._files.exists(path)

    def isdir(self, path: Any) -> bool:
        self._note(path)
        return self._files.isdir(path)

    def listdir(self, path: Any) -> list[Any]:
        self._note(path)
        return self._files.listdir(path)

    def glob(self, pattern: Any) -> list[Any]:
        raise NotImplementedError(f"{pattern}: what it was read from could not be told")

    def walk(self, top: Any, topdown: bool = True) -> Iterable[tuple[Any, list[Any], list[Any]]]:
        self._note(top)
        return self._walk(top, topdown)

    def _walk(self, top: Any, topdown: bool) -> Iterator[tuple[Any, list[Any], list[Any]]]:
        for root, directories, names in self._files.walk(top, topdown):
            for name in directories:
                self._note(os.path.join(str(root), str(name)))
            yield root, directories, names
