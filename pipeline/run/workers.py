"""Watches the worker processes that Beam starts on this machine.

Beam's DirectRunner waits for ever for a worker process that has died: its own thread that waits for the process ends
with an exception which nobody takes. Here it is taken.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

import psutil

from ratchet.components.stack.beam_workers import is_worker, waits_for_a_worker
from ratchet.schemas.base.errors import RatchetError


class WorkerDiedError(RatchetError):
    """A worker process of Beam ended before its work was done."""


def run_watched(action: Callable[[], None]) -> None:
    """Runs an action in a thread, and gives it up when a worker process dies.

    Args:
        action: starts Beam pipelines on several processes.

    Raises:
        WorkerDiedError: a worker was killed or crashed; the other workers are ended too.
        Exception: what the action raised.
    """
    outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def act() -> None:
        try:
            action()
            outcome.put(None)
        except BaseException as error:  # raised again in the caller's thread
            outcome.put(error)

    def on_thread_error(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread is not None and waits_for_a_worker(arguments.thread.name):
            outcome.put(WorkerDiedError(f"a Beam worker process died ({arguments.exc_value}); was memory short?"))
        else:
            previous(arguments)

    previous, threading.excepthook = threading.excepthook, on_thread_error
    try:
        threading.Thread(target=act, name="steps", daemon=True).start()
        error = outcome.get()
        if isinstance(error, WorkerDiedError):
            _end_workers()
        if error is not None:
            raise error
    except KeyboardInterrupt:
        _end_workers()
        raise
    finally:
        threading.excepthook = previous


def worker_processes() -> list[psutil.Process]:
    """Beam's workers that this process started; those of other runs on this machine are not among them."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if is_worker(process.cmdline()):
                found.append(process)
    return found


def _end_workers() -> None:
    for process in worker_processes():
        with contextlib.suppress(psutil.Error):
            process.kill()
            process.wait(10)
