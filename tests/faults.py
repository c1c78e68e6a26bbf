"""Kills, full disks and failing disks at every point at which a process touches its files.

A point is what Python announces by its audit events before it does it (a file opened for writing, a rename, a
directory made or removed, a copy), every flush to the disk, and on wish every line of a log. An action runs in a child
that is forked off; at one of its points the fault happens.
"""

from __future__ import annotations

import errno
import logging
import os
import pickle
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILL, FULL, FAILING = "kill", "full", "failing"
LIMITED = "limited"  # from the point on no file may grow, whoever writes it, libraries in C++ as well
_ERRORS = {FULL: errno.ENOSPC, FAILING: errno.EIO}
_EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.copyfile"}
_MAKES_ROOM = {"os.remove", "os.rmdir"}  # works on a full disk
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    Attributes:
        killed: whether it was.
        value: what the action returned.
        error: what it raised, as text; None if it did not.
        kind: the name of that error's class.
        points: what it did, in words, up to its end or the fault.
    """

    killed: bool
    value: Any
    error: str | None
    kind: str | None
    points: tuple[str, ...]


def in_child(
    action: Callable[[], Any],
    below: Path,
    point: int | None = None,
    fault: str = KILL,
    lasting: bool = False,
    log: Callable[[logging.LogRecord], str | None] | None = None,
) -> Outcome:
    """Runs an action in a child.

    Args:
        action: what it returns has to be picklable.
        below: only points that concern files below this directory count.
        point: number of the point at which the fault happens, from 0; None: nowhere.
        fault: KILL, FULL, FAILING or LIMITED.
        lasting: whether every point after it fails as well, as on a disk that stays full.
        log: the point that a line of absl's log is, in words; None if that line is none.
    """
    with tempfile.TemporaryDirectory() as directory:
        trace, result = Path(directory, "trace"), Path(directory, "result")
        child = os.fork()
        if child == 0:
            _work(action, below, point, fault, lasting, log, trace, result)
        _, status = os.waitpid(child, 0)
        points = tuple(trace.read_text().splitlines()) if trace.exists() else ()
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, f"signal {os.WTERMSIG(status)}"
            return Outcome(True, None, None, None, points)
        value, error, kind = pickle.loads(result.read_bytes())
        return Outcome(False, value, error, kind, points)


def _work(
    action: Callable[[], Any],
    below: Path,
    point: int | None,
    fault: str,
    lasting: bool,
    log: Callable[[logging.LogRecord], str | None] | None,
    trace: Path,
    result: Path,
) -> None:
    descriptor = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    answer = os.open(result, os.O_WRONLY | os.O_CREAT)  # now, for the action may become somebody who may not
    reach = _arm(below, point, fault, lasting, descriptor)
    if log is not None:
        logging.getLogger("absl").addHandler(_LogPoints(log, reach))
    value, error, kind = None, None, None
    try:
        value = action()
    except BaseException as caught:
        error, kind = str(caught), type(caught).__name__
        if not isinstance(caught, Exception):
            traceback.print_exc()
    os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with open(answer, "wb") as file:
        pickle.dump((value, error, kind), file)
    os._exit(0)


class _LogPoints(logging.Handler):
    """A line of a log is between two accesses to files: there a process can be killed, but nothing fails."""

    def __init__(self, name: Callable[[logging.LogRecord], str | None], reach: Callable[[str, bool], None]) -> None:
        super().__init__()
        self._name = name
        self._reach = reach

    def emit(self, record: logging.LogRecord) -> None:
        name = self._name(record)
        if name is not None:
            self._reach(f"log {name}", True)


def _arm(below: Path, point: int | None, fault: str, lasting: bool, trace: int) -> Callable[[str, bool], None]:
    places = {str(below), os.path.realpath(below)}
    seen = 0

    def reach(what: str, between: bool = False) -> None:
        nonlocal seen
        seen += 1
        hit = point is not None and (seen - 1 == point or (lasting and seen - 1 > point))
        if point is None or seen - 1 <= point:
            os.write(trace, f"{what}\n".encode())
        if hit and fault == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if hit and fault == LIMITED:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        elif hit and not between:
            raise OSError(_ERRORS[fault], os.strerror(_ERRORS[fault]))

    def is_below(path: object) -> bool:
        if isinstance(path, int):
            try:
                path = os.readlink(f"/proc/self/fd/{path}")
            except OSError:  # closed by another thread meanwhile
                return False
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        return any(os.path.abspath(text).startswith(place) for place in places)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITES and is_below(path):
                reach(f"open {os.path.basename(os.fsdecode(path)) if not isinstance(path, int) else path}")
        elif (
            event in _EVENTS
            and not (fault == FULL and event in _MAKES_ROOM)
            and any(is_below(argument) for argument in arguments[:2] if argument not in (-1, None))
        ):
            reach(f"{event} {' '.join(os.path.basename(str(argument)) for argument in arguments[:2])}")

    fsync = os.fsync

    def flush(descriptor: int) -> None:
        if is_below(descriptor):
            reach(f"fsync {os.path.basename(os.readlink(f'/proc/self/fd/{descriptor}'))}")
        fsync(descriptor)

    os.fsync = flush
    sys.addaudithook(hook)
    return reach
