"""Watches a Beam pipeline while it runs: its time, and the worker processes that can be seen from here.

Beam waits for ever for a worker process that has died. DirectRunner's own thread that waits for the process ends with
an exception which nobody takes; here it is taken. Beam's portable job service is told nothing when a worker of a
worker pool ends, so the pool's processes are looked at, where the pool is on this machine.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from ratchet.components.stack.beam_workers import is_worker, waits_for_a_worker
from ratchet.schemas.base.errors import RatchetError

Look = Callable[[], "str | None"]  # what is wrong with the workers, if anything
_LOOK_S = 1.0
_END_S = 10.0
_MINUTE_S = 60.0


class WorkerDiedError(RatchetError):
    """A worker process of Beam ended before its work was done."""


class StepTimeError(RatchetError):
    """A step's Beam pipeline took longer than it may."""


@dataclass(frozen=True)
class Watch:
    """What is watched.

    Attributes:
        step: what the pipeline belongs to, for messages.
        limit_minutes: how long it may take; None: as long as it wants.
        looks: each says what is wrong with workers that are no children of this process.
        give_up: called when the pipeline is given up, to end what goes on elsewhere.
    """

    step: str
    limit_minutes: float | None = None
    looks: Sequence[Look] = ()
    give_up: Callable[[], None] = field(default=lambda: None)


def run_watched(action: Callable[[], object], watch: Watch) -> None:
    """Runs an action in a thread, and gives it up when a worker process dies or the time is over.

    The thread of an action that is given up ends with its workers; where it has none, with this process.

    Args:
        action: runs a Beam pipeline.
        watch: what is watched.

    Raises:
        WorkerDiedError: a worker was killed or crashed; the other workers are ended too.
        StepTimeError: the time is over; the workers are ended.
        Exception: what the action raised.
    """
    outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def act() -> None:
        try:
            action()
            outcome.put(None)
        except BaseException as error:  # raised again in the caller's thread
            outcome.put(error)

    with _worker_threads_heard(outcome, watch.step):
        threading.Thread(target=act, name="beam", daemon=True).start()
        try:
            error = _ended(outcome, watch)
        except BaseException:
            _give_up(watch)
            raise
        if isinstance(error, WorkerDiedError):
            _give_up(watch)
    if error is not None:
        raise error


@contextlib.contextmanager
def _worker_threads_heard(outcome: queue.SimpleQueue[BaseException | None], step: str):
    """While this is open, a thread of Beam's that ends because its worker did says so."""

    def on_thread_error(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread is not None and waits_for_a_worker(arguments.thread.name):
            outcome.put(
                WorkerDiedError(f"{step}: a Beam worker process died ({arguments.exc_value}); was memory short?")
            )
        else:
            previous(arguments)

    previous, threading.excepthook = threading.excepthook, on_thread_error
    try:
        yield
    finally:
        threading.excepthook = previous


def _ended(outcome: queue.SimpleQueue[BaseException | None], watch: Watch) -> BaseException | None:
    """How the action ended; raises where it is to be given up."""
    limit_s = None if watch.limit_minutes is None else watch.limit_minutes * _MINUTE_S
    begun = time.monotonic()
    while True:
        try:
            return outcome.get(timeout=_LOOK_S)
        except queue.Empty:
            pass
        if limit_s is not None and time.monotonic() - begun > limit_s:
            raise StepTimeError(
                f"{watch.step}: its Beam pipeline was not done after {watch.limit_minutes:g} minutes, which is "
                "beam.step_time_limit_minutes; see the log for where it stood, then raise the limit or add workers"
            )
        for look in watch.looks:
            wrong = look()
            if wrong:
                raise WorkerDiedError(f"{watch.step}: {wrong}")


def worker_processes() -> list[psutil.Process]:
    """Beam's workers that this process started; those of other runs on this machine are not among them."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if is_worker(process.cmdline()):
                found.append(process)
    return found


def _give_up(watch: Watch) -> None:
    for process in worker_processes():
        with contextlib.suppress(psutil.Error):
            process.kill()
            process.wait(_END_S)
    for thread in threading.enumerate():
        if waits_for_a_worker(thread.name):  # which tells of the death just dealt, while it is still heard
            thread.join(_END_S)
    watch.give_up()
