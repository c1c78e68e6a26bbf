"""One process at a time: a lock that says who holds it, and that a dead holder gives up by dying; for local disks."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import refuse_irregular
from ratchet.schemas.base.progress import LOGGER

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_LOOK_AGAIN_S = 0.05
_SAID_AFTER_S = 1.0
_LONGEST_COMMAND = 200  # characters


class BusyError(StateError):
    """Another process holds the lock."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        host: its machine.
        process: its id there.
        since: when it took the lock; UTC, ISO 8601.
        command: what was given to start it.
    """

    host: str
    process: int
    since: str
    command: str

    def to_text(self) -> str:
        """Who it is, for a sentence."""
        if not self.process:
            return "another process, which has not said which,"
        return f"process {self.process} on {self.host}, since {self.since} ({self.command})"


def this_process() -> Holder:
    """The process that asks."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    command = shlex.join([os.path.basename(sys.argv[0] or "python"), *sys.argv[1:]])
    return Holder(socket.gethostname(), os.getpid(), now, command[:_LONGEST_COMMAND])


@contextlib.contextmanager
def hold(path: Path, doing: str, wait_s: float = 0.0) -> Iterator[None]:
    """Keeps other processes out, until this one leaves or dies.

    Args:
        path: the lock's file; its directory has to be there.
        doing: what whoever holds this lock does, for the message: `retraining`.
        wait_s: how long to wait for another holder to be done.

    Raises:
        BusyError: another process holds it.
        StateError: this file system has no locks.
        OSError: the file cannot be made or opened.
    """
    if path.exists():
        refuse_irregular(path)
    with open(path, "a+", encoding="utf-8") as file:
        _take(file, path, doing, wait_s)
        _sign(file, json.dumps(asdict(this_process())))
        try:
            yield
        finally:
            _sign(file, "")


def holder(path: Path) -> Holder | None:
    """Who holds a lock now; None if nobody does, or if that cannot be told.

    It asks for the lock as a reader and gives it back at once, which whoever takes it just then waits out.
    """
    try:
        refuse_irregular(path)
        with open(path, encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except (OSError, InputError):  # never held, not ours to open, or no locks here
        return None
    return None


def _take(file: IO[str], path: Path, doing: str, wait_s: float) -> None:
    started = time.monotonic()
    deadline, told = started + max(wait_s, 2 * _LOOK_AGAIN_S), False  # a reader holds it for a moment
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise BusyError(f"{path}: {_read(file).to_text()} is {doing}; wait until it is done") from error
            if not told and time.monotonic() > started + _SAID_AFTER_S:
                told = True
                LOGGER.warning("waiting for %s, which is %s", _read(file).to_text(), doing)
            time.sleep(_LOOK_AGAIN_S)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise StateError(
                    f"{path}: this file system has no locks ({error.strerror}), so two processes could change what is "
                    "served at once; keep the pipeline root on a local disk, or mount this one with locks (NFS: lockd "
                    "running, without the option nolock)"
                ) from error
            raise


def _sign(file: IO[str], text: str) -> None:
    """Writes down who holds the lock, which a full disk may keep from being known but not from being so."""
    with contextlib.suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), text.encode())  # the file was opened for appending


def _read(file: IO[str]) -> Holder:
    """The holder as it wrote itself down; it has not yet in the moment after it took the lock."""
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return Holder("?", 0, "just now", "?")
