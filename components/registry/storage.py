"""Where registry and served models lie, behind one narrow interface; nothing above it knows which kind it is.

A file has a token that changes with its content. `write` takes the token that was seen and fails when the file has
another one by now, so that of two writers who have seen the same, one wins and the other one hears of it.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ratchet.components.registry.locking import hold
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES, flush_directory, refuse_irregular, write_durably
from ratchet.schemas.base.model_digest import is_intact, model_digest

STAGED = "unfinished-"  # TensorFlow Serving passes over names that are not numbers
_WAIT_S = 600.0


class Token(enum.Enum):
    """What a file may be, besides the one with the token that was seen."""

    ANY = "any"
    ABSENT = "absent"


@dataclass(frozen=True)
class Content:
    """A file as it was read."""

    text: str
    token: str


class ChangedError(Exception):
    """A file is not the one that was seen; whoever wrote it came first."""


class Storage(Protocol):
    """What the registry needs of a file system or object store.

    Attributes:
        root: what lies below it is named relative to it.
        registry_directory: where the registry's files are.
        serving_directory: the directory TensorFlow Serving watches.
    """

    root: str
    registry_directory: str
    serving_directory: str

    def exclusive(self, wait_s: float = _WAIT_S) -> AbstractContextManager[None]:
        """Keeps others out where that is possible; the tokens hold without it, too.

        Args:
            wait_s: how long to wait for another process to be done, which takes moments.

        Raises:
            BusyError: it is not done.
        """
        ...

    def read(self, name: str) -> Content | None:
        """A file of the registry; None if there is none."""
        ...

    def read_all(self, directory: str) -> dict[str, Content]:
        """The JSON files in a directory of the registry, by name; none if there is no such directory."""
        ...

    def read_many(self, names: Sequence[str]) -> list[Content | None]:
        """Files of the registry, in the order of their names; None where there is none."""
        ...

    def delete(self, name: str) -> None:
        """Deletes a file of the registry, if it is there."""
        ...

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> str:
        """Writes a file of the registry whole or not at all.

        Returns:
            Its token.

        Raises:
            ChangedError: it is not the one with this token.
        """
        ...

    def names(self, directory: str = "") -> list[str]:
        """The files in a directory of the registry."""
        ...

    def served(self) -> list[str]:
        """The directories in the serving directory; a version that is still being copied there is none yet."""
        ...

    def holds(self, name: str, digest: str) -> bool:
        """Whether a directory of the serving directory holds the model with that digest."""
        ...

    def stage(self, source: str, digest: str) -> str:
        """Copies a model beside the served ones, where it is not served yet, and makes it durable.

        Returns:
            Its name in the serving directory.

        Raises:
            StateError: other bytes arrived than those with that digest.
        """
        ...

    def publish(self, staged: str, version: str) -> None:
        """Makes a staged model a version, which appears whole.

        Raises:
            FileNotFoundError: what was staged is gone.
            ChangedError: another model is there under this number, or comes there just now.
        """
        ...

    def set_aside(self, name: str) -> None:
        """Takes a directory out of service without losing it."""
        ...

    def orphans(self) -> list[str]:
        """What processes that died had staged."""
        ...

    def remove(self, staged: str) -> None:
        """Deletes what was staged."""
        ...


def check_token(storage: Storage, name: str, token: str | Token) -> None:
    """Whether a file still is the one that was seen.

    Raises:
        ChangedError: it is not.
    """
    if token is not Token.ANY:
        there = storage.read(name)
        if (Token.ABSENT if there is None else there.token) != token:
            raise ChangedError(name)


def check_copied(source: str, found: str, digest: str) -> None:
    """Whether what was copied has the digest that it must have.

    Raises:
        StateError: it has not.
    """
    if found != digest:
        raise StateError(
            f"{source}: content digest {found[:12]} is not the recorded {digest[:12]}; nothing was changed"
        )


def content_of(content: bytes) -> Content:
    """A file's text and its token."""
    return Content(content.decode("utf-8", errors="replace"), hashlib.sha256(content).hexdigest())


class DiskStorage:
    """Files of this machine.

    Args:
        registry_directory: made on the first write.
        serving_directory: the directory TensorFlow Serving watches.
    """

    def __init__(self, registry_directory: str, serving_directory: str) -> None:
        for directory in (registry_directory, serving_directory):
            if "://" in directory:
                raise StateError(f"{directory}: this is no directory of this machine")
        self.root = os.path.dirname(registry_directory)
        self.registry_directory = registry_directory
        self.serving_directory = serving_directory
        self._registry = Path(registry_directory)
        self._serving = Path(serving_directory)
        self._held = False

    @contextlib.contextmanager
    def exclusive(self, wait_s: float = _WAIT_S) -> Iterator[None]:
        """See `Storage`; a process that holds it already goes on."""
        if self._held:
            yield
            return
        self._registry.mkdir(parents=True, exist_ok=True)
        with hold(self._registry / "lock", "changing what is served", wait_s):
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def read(self, name: str) -> Content | None:
        """See `Storage`."""
        path = self._registry / name
        try:
            refuse_irregular(path)
            return content_of(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_all(self, directory: str) -> dict[str, Content]:
        """See `Storage`."""
        found = {name: self.read(f"{directory}/{name}") for name in self.names(directory) if name.endswith(".json")}
        return {name: content for name, content in found.items() if content is not None}

    def read_many(self, names: Sequence[str]) -> list[Content | None]:
        """See `Storage`."""
        return [self.read(name) for name in names]

    def delete(self, name: str) -> None:
        """See `Storage`."""
        (self._registry / name).unlink(missing_ok=True)

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> str:
        """See `Storage`."""
        with self.exclusive():
            check_token(self, name, token)
            path = self._registry / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, text)
        return content_of(text.encode()).token

    def names(self, directory: str = "") -> list[str]:
        """See `Storage`."""
        return _names(self._registry / directory)

    def served(self) -> list[str]:
        """See `Storage`."""
        return [name for name in _names(self._serving) if (self._serving / name).is_dir()]

    def holds(self, name: str, digest: str) -> bool:
        """See `Storage`."""
        return is_intact(str(self._serving / name), digest, LOCAL_FILES)

    def stage(self, source: str, digest: str) -> str:
        """See `Storage`."""
        self._serving.mkdir(parents=True, exist_ok=True)
        name = f"{STAGED}{socket.gethostname()}-{os.getpid()}-{digest[:12]}"
        staged = self._serving / name
        _remove(staged)
        try:
            _copy(source, staged)
            check_copied(source, model_digest(str(staged), LOCAL_FILES), digest)
        except BaseException:
            _remove(staged)
            raise
        return name

    def publish(self, staged: str, version: str) -> None:
        """See `Storage`."""
        os.rename(self._serving / staged, self._serving / version)
        flush_directory(self._serving)

    def set_aside(self, name: str) -> None:
        """See `Storage`."""
        number = 1
        while (self._serving / f"set-aside-{name}-{number}").exists():
            number += 1
        self.publish(name, f"set-aside-{name}-{number}")

    def orphans(self) -> list[str]:
        """See `Storage`."""
        return [name for name in self.served() if name.startswith(STAGED) and _is_orphan(name)]

    def remove(self, staged: str) -> None:
        """See `Storage`."""
        _remove(self._serving / staged)


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_orphan(staged: str) -> bool:
    """Whether the process that staged it is gone; one of another machine cannot be asked."""
    host, _, rest = staged.removeprefix(STAGED).rpartition("-")[0].rpartition("-")
    if host != socket.gethostname():
        return not rest.isdigit()  # of a version of Ratchet that did not name its process
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _copy(source: str, target: Path) -> None:
    """Copies a directory onto the disk; copies, never links, for damage in place must not hit two versions."""
    target.mkdir()
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        if entry.is_dir():
            _copy(entry.path, target / entry.name)
        else:
            _copy_file(entry.path, target / entry.name)
            _flush(target / entry.name)
    flush_directory(target)


def _copy_file(source: str, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            error.filename = str(target)  # it names the source, where there is room
        raise


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
