"""SIGTERM: what a spot machine gets before it is taken away, and Kubernetes sends half a minute before it kills.

Work that has something to save heeds it: it goes on until a moment at which it can save, and ends itself. All other
work ends at once, as with Ctrl-C. A second SIGTERM kills.

The handler belongs to the main thread, the only one in which Python runs handlers; heeding works in any thread.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

EXIT_CODE = 143  # what shells give for SIGTERM


class Terminated(KeyboardInterrupt):
    """The process was told to end; what takes Ctrl-C for no error of its own takes this for none either.

    Its text says what was saved; empty where nothing had to be.
    """


class _Told:
    """What this process was told, and whether somebody heeds it."""

    def __init__(self) -> None:
        self.to_end = threading.Event()
        self.is_heeded = False


_TOLD = _Told()


def take_sigterm() -> None:
    """Makes SIGTERM end the work instead of the process; only in the main thread of a process that is ours."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def is_told_to_end() -> bool:
    """Whether SIGTERM has come."""
    return _TOLD.to_end.is_set()


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """In this block SIGTERM breaks nothing off: the work asks `is_told_to_end` and ends when it has saved.

    Raises:
        Terminated: SIGTERM came before or in the block, and the work had ended without asking.
    """
    with _taken():
        _TOLD.is_heeded = True
        try:
            yield
        finally:
            _TOLD.is_heeded = False
        if is_told_to_end():
            raise Terminated


@contextlib.contextmanager
def _taken() -> Iterator[None]:
    """The handler in the main thread of a process that is not ours, too, where nobody else has one.

    It is set again where it is there as well: what TensorFlow starts for several workers takes SIGTERM for itself,
    below Python.
    """
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before not in (signal.SIG_DFL, _terminate):
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        if not is_told_to_end():  # else a second one is to kill
            signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _TOLD.to_end.set()
    if not _TOLD.is_heeded:
        raise Terminated
