"""Beam's portable job service and its worker pool, each in a process of its own on a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Cluster:
    """Both of them.

    Attributes:
        endpoint: `host:port` of the job service.
        pool: `host:port` of the worker pool.
        pool_process: its process, whose children are the workers.
    """

    endpoint: str
    pool: str
    pool_process: psutil.Process

    @property
    def args(self) -> list[str]:
        """Beam's options for it."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={self.endpoint}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.pool}",
        ]


@contextlib.contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """Starts both, and ends them with all their workers."""
    with (
        _server(directory, "local_job_service_main", "runners.portability.local_job_service_main", "--port") as jobs,
        _server(directory, "worker_pool_main", "runners.worker.worker_pool_main", "--service_port") as pool,
    ):
        yield Cluster(jobs[0], pool[0], psutil.Process(pool[1]))


@contextlib.contextmanager
def _server(directory: Path, name: str, module: str, option: str) -> Iterator[tuple[str, int]]:
    port = _free_port()
    command = [sys.executable, "-m", f"apache_beam.{module}", f"{option}={port}"]
    with open(directory / f"{name}.txt", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=_environment())
        try:
            _wait_for(port, process)
            yield f"localhost:{port}", process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment() -> Mapping[str, str]:
    """The pool starts `python`, whichever PATH gives: it has to be this one, and to find this package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("localhost", port), timeout=1).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            raise AssertionError(f"a server ended with {process.returncode}: see its log")
