"""The working copy of a root in an object store: its small files on this machine, for as long as a command reads them.

What is copied: `ratchet.json`, `ratchet.yaml`, `metadata.sqlite` or `metadata.json`, and the files in `runs/ID/`. A
page or log is only there by name until somebody asks for it. Registry, served models and artifacts are never copied.

An object is fetched again when its generation has changed. A file that was changed here is written back over the
generation that was seen, so nothing that another machine wrote meanwhile is lost; and if this process is killed before,
the next command of the kind that writes does it. The directory may be deleted whenever no command works in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import socket
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.object_store import objects
from ratchet.components.object_store.objects import GenerationError, ObjectInfo
from ratchet.components.registry.locking import hold
from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.root.object_path import seconds_of
from ratchet.pipeline.root.remote_file import Remote, Seen, read_remote, write_remote
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from ratchet.schemas.artifacts.review import PAGE_FILES
from ratchet.schemas.artifacts.root_file import ROOT_FILE
from ratchet.schemas.artifacts.run_result import RESULT_FILE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import WRITING, read_regular, write_durably
from ratchet.schemas.base.progress import LOGGER

ML_METADATA = "metadata.sqlite"
LOG_FILE = "log.txt"
_SINGLE = (ROOT_FILE, OWN_SETTINGS_FILE, METADATA_FILE)
_BY_NAME = frozenset({*PAGE_FILES, LOG_FILE})
_OF_A_RUN = re.compile(r"runs/(?!\.{1,2}/)[^/\0]+/(?!\.{1,2}$)[^/\0]+")
_WRITERS = 8
_WAIT_S = 600.0


def directory_of(uri: str) -> Path:
    """Where the working copy of a root lies on this machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    name = f"{uri.rpartition('/')[2][:40]}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    return Path(os.path.abspath(cache), "ratchet", "roots", name)


@dataclass(frozen=True)
class WorkingCopy:
    """The working copy of one root.

    Attributes:
        uri: of the root.
        directory: of this machine.
    """

    uri: str
    directory: Path

    @classmethod
    def of(cls, uri: str) -> WorkingCopy:
        """That of a root, made if it is not there yet.

        Raises:
            StateError: the directory cannot be made.
        """
        directory = directory_of(uri)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if read_remote(directory) is None:
                write_remote(directory, Remote(uri))
        except OSError as error:
            raise StateError(
                f"{directory}: cannot be made or written ({error.strerror}), and the working copy of {uri} has to lie "
                "there; name a directory that can in XDG_CACHE_HOME"
            ) from error
        return cls(uri, directory)

    @classmethod
    def at(cls, directory: Path) -> WorkingCopy | None:
        """The one that lies in a directory; None if it is any other."""
        remote = read_remote(directory)
        return cls(remote.uri, directory) if remote else None

    @property
    def holder(self) -> str:
        """Names this copy in the lease of its root: whoever has its lock goes on where one that was killed held it."""
        file = self.directory / "holder"
        if not file.exists():
            write_durably(file, f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}")
        return read_regular(file)

    def refresh(self, ml_metadata: bool = False) -> None:
        """Fetches what has changed in the object store: one listing of `runs/`, and a pool of reads.

        Args:
            ml_metadata: whether the ML Metadata store is wanted, too.

        Raises:
            StateError: the object store cannot be read.
        """
        with self._held() as remote:
            there = {**self._runs(), **self._single([*_SINGLE, *([ML_METADATA] if ml_metadata else [])])}
            seen = dict(remote.seen)
            for name in [name for name in seen if name not in there and (ml_metadata or name != ML_METADATA)]:
                self._forget(name, seen.pop(name))
            changed = {name: info for name, info in there.items() if not self._is_as_seen(name, info, seen.get(name))}
            LOGGER.debug("%s: %d of %d files are new or were changed", self.uri, len(changed), len(there))
            write_remote(self.directory, Remote(self.uri, {**seen, **self._fetch_all(changed, there, seen)}))

    def fetch(self, path: Path) -> Path:
        """Makes sure that a file of the working copy that may be there by name only holds its content."""
        name = str(path.relative_to(self.directory))
        with self._held() as remote:
            seen = remote.seen.get(name)
            if seen is None or seen.fetched or self._is_changed(name, seen):
                return path
            read = objects.read(f"{self.uri}/{name}")
            if read is not None:
                self._put(name, read.data, seen.modified_ns)
                write_remote(
                    self.directory, Remote(self.uri, {**remote.seen, name: self._as_it_is(name, read.generation)})
                )
        return path

    def write_back(self) -> None:
        """Writes what was changed here to the object store: a run's result last, so that nothing is missing behind it.

        Raises:
            StateError: another machine has changed one of these objects since; it is left as it is.
        """
        with self._held() as remote:
            seen = dict(remote.seen)
            changed = [name for name in self._files() if name not in seen or self._is_changed(name, seen[name])]
            gone = [name for name in seen if not (self.directory / name).exists()]
            results = [name for name in changed if name.endswith(f"/{RESULT_FILE}")]
            first = [name for name in changed if name not in results]
            for names, action in ((first, self._write), (results, self._write), (gone, self._delete)):
                self._act(names, action, seen)

    def _act(self, names: Sequence[str], action: Action, seen: dict[str, Seen]) -> None:
        """After each one it is noted, so that after a kill it is known what was written."""
        with ThreadPoolExecutor(_WRITERS) as pool:
            waiting = [pool.submit(action, name, seen.get(name)) for name in names]
            for name, one in zip(names, waiting):
                written = one.result()
                if written is None:
                    seen.pop(name, None)
                else:
                    seen[name] = written
                write_remote(self.directory, Remote(self.uri, seen))

    def _write(self, name: str, seen: Seen | None) -> Seen | None:
        path, uri = self.directory / name, f"{self.uri}/{name}"
        if name == ML_METADATA:
            _take_back(path)
        before = self._as_it_is(name, 0)  # its time first: what is written to it meanwhile makes it changed again
        content = path.read_bytes()
        try:
            return dataclasses.replace(before, generation=objects.write(uri, content, seen.generation if seen else 0))
        except GenerationError as error:
            there = objects.read(uri)
            if there is not None and there.data == content:  # a command that was killed had come so far
                return dataclasses.replace(before, generation=there.generation)
            raise StateError(
                f"{uri}: was changed by another machine since this command began; nothing of it was overwritten, and "
                f"what this command wrote is {name} in the working copy {self.directory.name} in "
                f"{self.directory.parent}: compare the two, then repeat the command"
            ) from error

    def _delete(self, name: str, seen: Seen | None) -> Seen | None:
        with contextlib.suppress(GenerationError):  # another machine has written it anew, or it is gone
            objects.delete(f"{self.uri}/{name}", seen.generation if seen else None)
        return None

    @contextlib.contextmanager
    def _held(self) -> Iterator[Remote]:
        """Keeps other processes of this machine from the copy for the moments that a change of it takes."""
        with hold(self.directory / "copy.lock", "fetching or writing back", _WAIT_S):
            yield read_remote(self.directory) or Remote(self.uri)

    def _runs(self) -> dict[str, ObjectInfo]:
        """The files of runs, by name. A name with other parts is no file of ours, and could lead out of the copy."""
        below = len(self.uri) + 1
        found = {info.uri[below:]: info for info in objects.list_below(f"{self.uri}/runs")}
        return {name: info for name, info in found.items() if _OF_A_RUN.fullmatch(name)}

    def _single(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        found = {name: objects.info(f"{self.uri}/{name}") for name in names}
        return {name: info for name, info in found.items() if info is not None}

    def _is_as_seen(self, name: str, info: ObjectInfo, seen: Seen | None) -> bool:
        return seen is not None and seen.generation == info.generation and (self.directory / name).exists()

    def _is_changed(self, name: str, seen: Seen) -> bool:
        try:
            status = os.stat(self.directory / name)
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) != (seen.size, seen.modified_ns)

    def _as_it_is(self, name: str, generation: int) -> Seen:
        status = os.stat(self.directory / name)
        return Seen(generation, status.st_size, status.st_mtime_ns)

    def _forget(self, name: str, seen: Seen) -> None:
        """Of an object that was deleted: its copy goes, if nothing was changed in it."""
        if not self._is_changed(name, seen):
            (self.directory / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (self.directory / name).parent.rmdir()

    def _fetch_all(
        self, changed: Mapping[str, ObjectInfo], there: Mapping[str, ObjectInfo], seen: Mapping[str, Seen]
    ) -> dict[str, Seen]:
        by_name = {name for name in changed if _is_lazy(name, there)}
        whole = [name for name in changed if name not in by_name]
        found: dict[str, Seen] = {}
        for name, read in zip(whole, objects.read_many([f"{self.uri}/{name}" for name in whole])):
            if read is not None and self._may_take(name, read.data, seen.get(name)):
                self._put(name, read.data, _modified_ns(changed[name]))
                found[name] = self._as_it_is(name, read.generation)
        for name in by_name:
            if self._may_take(name, None, seen.get(name)):
                self._put(name, b"", _modified_ns(changed[name]))
                found[name] = dataclasses.replace(self._as_it_is(name, changed[name].generation), fetched=False)
        return found

    def _may_take(self, name: str, content: bytes | None, seen: Seen | None) -> bool:
        """What was changed here and there alike is taken from there; the file that was here is kept in `conflicts/`."""
        path = self.directory / name
        is_own = path.exists() and (seen is None or self._is_changed(name, seen))
        if is_own and path.read_bytes() != content:
            kept = self.directory / "conflicts" / f"{name.replace('/', '-')}-{path.stat().st_mtime_ns}"
            kept.parent.mkdir(exist_ok=True)
            os.replace(path, kept)
            LOGGER.warning(
                "%s/%s: was written by another machine since a command here had changed it; that one counts, and the "
                "file of this machine is %s",
                *(self.uri, name, kept),
                extra={"as_is": True},
            )
        return True

    def _put(self, name: str, content: bytes, modified_ns: int) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
        os.utime(path, ns=(modified_ns, modified_ns))

    def _files(self) -> list[str]:
        """Everything here that belongs into the object store, by name."""
        runs = [str(path.relative_to(self.directory)) for path in self.directory.glob("runs/*/*") if path.is_file()]
        single = [name for name in (*_SINGLE, ML_METADATA) if (self.directory / name).is_file()]
        return sorted(name for name in (*single, *runs) if not name.endswith(WRITING))


Action = Callable[[str, Seen | None], Seen | None]


def _is_lazy(name: str, there: Mapping[str, ObjectInfo]) -> bool:
    """Whether it is enough to know that a file is there: not of a run that may go on, whose log is added to."""
    directory, _, file = name.rpartition("/")
    return file in _BY_NAME and f"{directory}/{RESULT_FILE}" in there


def _modified_ns(info: ObjectInfo) -> int:
    return int(seconds_of(info) * 1e9)


def _take_back(database: Path) -> None:
    """SQLite takes back what a process that was killed had half written, before the file is copied."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as store:
        store.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
