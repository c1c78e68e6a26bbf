"""What can be seen of a Beam worker pool that this process did not start; nothing of Beam is imported."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import time
from pathlib import Path

import psutil

_CONNECT_S = 5.0
_TRIES = 5  # looks in a row at which nothing answered
_HARNESS = "apache_beam.runners.worker"  # in the command line of each worker that a pool starts


def host_and_port(address: str) -> tuple[str, int] | None:
    """The parts of `host:port`, also as `http://host:port`; None for anything else.

    >>> host_and_port("localhost:50000")
    ('localhost', 50000)
    """
    host, _, port = address.rpartition("//")[2].rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() else None


def answers(address: str) -> bool:
    """Whether something listens at `host:port`."""
    parts = host_and_port(address)
    if parts is None:
        return False
    with contextlib.suppress(OSError):
        socket.create_connection(parts, timeout=_CONNECT_S).close()
        return True
    return False


class PoolWatch:
    """Looks at a worker pool, and at its workers where it is on this machine.

    Args:
        address: `host:port` of the pool.
        begun: seconds since the epoch; a worker that was started before is of another job.
    """

    def __init__(self, address: str, begun: float | None = None) -> None:
        self._address = address
        self._begun = time.time() - 1 if begun is None else begun
        self._silent = 0

    def __call__(self) -> str | None:
        """What is wrong with the pool or a worker of it, or None."""
        for process in pool_workers(self._address):
            ended = _ended_badly(process, self._begun)
            if ended:
                return f"a worker of the Beam worker pool at {self._address} died ({ended}); was memory short?"
        self._silent = 0 if answers(self._address) else self._silent + 1
        if self._silent >= _TRIES:
            return f"the Beam worker pool at {self._address} no longer answers; start it again"
        return None

    def end_workers(self) -> None:
        """Kills the workers that were started since this began, where they are on this machine."""
        for process in pool_workers(self._address):
            with contextlib.suppress(psutil.Error):
                if process.create_time() >= self._begun:
                    process.kill()


def pool_workers(address: str) -> list[psutil.Process]:
    """The workers, living or dead, that the pool at `host:port` started; none where it is on another machine."""
    parts = host_and_port(address)
    found = []
    for pool in _listening(parts[1]) if parts else []:
        with contextlib.suppress(psutil.Error):
            found += pool.children()
    return found


def _listening(port: int) -> list[psutil.Process]:
    wanted = f"--service_port={port}"
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if any(_HARNESS in part for part in command) and _names_port(command, wanted, port):
                found.append(process)
    return found


def _names_port(command: list[str], wanted: str, port: int) -> bool:
    return wanted in command or ("--service_port", str(port)) in itertools.pairwise(command)


def _ended_badly(process: psutil.Process, begun: float) -> str | None:
    """How a worker ended that the pool has not buried, if not as it should; None of one that lives or ended well."""
    with contextlib.suppress(psutil.Error, OSError, ValueError, IndexError):
        if process.create_time() >= begun and process.status() == psutil.STATUS_ZOMBIE:
            return _way_of(_exit_status(process.pid))
    return None


def _exit_status(pid: int) -> int:
    """As `wait` would give it; proc(5), the last field of `/proc/PID/stat`."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[-1])


def _way_of(status: int) -> str | None:
    """A status of `wait` in words; None of a process that ended well.

    >>> _way_of(9), _way_of(256), _way_of(0)
    ('signal 9, SIGKILL', 'exit code 1', None)
    """
    if status & 0x7F:
        number = status & 0x7F
        return f"signal {number}, {signal.Signals(number).name}"
    return f"exit code {status >> 8}" if status >> 8 else None
