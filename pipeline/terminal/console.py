"""What a person sees while a run works: our progress, and none of the libraries' start-up noise.

TensorFlow and gRPC write to file descriptor 2 from C++, past Python's logging. So for the length of a
run both descriptors lead to a log file, and our own lines go to a copy of the original one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ratchet.pipeline.terminal.colour import is_terminal
from ratchet.pipeline.terminal.standard_streams import discard, flush_output
from ratchet.pipeline.terminal.verbosity import Verbosity, verbosity
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible

_LEVELS = {Verbosity.QUIET: logging.WARNING, Verbosity.NORMAL: logging.INFO, Verbosity.VERBOSE: logging.DEBUG}
PLAIN_INTERVAL_S = 10.0  # between transient lines where they cannot overwrite each other


class _ConsoleHandler(logging.Handler):
    """Prints our lines; on a terminal a transient one is overwritten by the next."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._rewrites = is_terminal(stream)
        self._started = self._last_transient = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        transient = getattr(record, "transient", False)
        if transient and not self._rewrites:
            if time.monotonic() - self._last_transient < PLAIN_INTERVAL_S:
                return
            self._last_transient = time.monotonic()
        text = visible(record.getMessage())
        if verbosity() >= Verbosity.VERBOSE:
            text = f"{time.monotonic() - self._started:7.1f} s  {text}"
        try:
            self._stream.write(f"\r\x1b[K{text}" + ("" if transient else "\n") if self._rewrites else text + "\n")
            self._stream.flush()
        except OSError:  # nobody can see it, which must not end the work
            discard(self._stream)


class _StepHandler(logging.Handler):
    """Turns the runner's own log line about the next step into one of ours."""

    MESSAGE = "Component %s is running."

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__()
        self._steps = steps

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == self.MESSAGE and isinstance(record.args, tuple):
            [step] = record.args
            position = self._steps.index(str(step)) + 1 if step in self._steps else "?"
            LOGGER.info("[%s/%s] %s", position, len(self._steps), step)


@contextlib.contextmanager
def progress_on(stream: TextIO) -> Iterator[None]:
    """Shows our progress lines on a stream, as many as `--quiet` and `--verbose` ask for, and on no other one."""
    handler = _ConsoleHandler(stream)
    level, propagate = LOGGER.level, LOGGER.propagate
    others = [other for other in LOGGER.handlers if isinstance(other, _ConsoleHandler)]
    for other in others:
        LOGGER.removeHandler(other)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(_LEVELS[verbosity()])
    LOGGER.propagate = False  # once TFX is loaded, the root logger would print each line again
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        for other in others:
            LOGGER.addHandler(other)
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate


@contextlib.contextmanager
def steps_announced(steps: Sequence[str]) -> Iterator[None]:
    """Announces each step as TFX's local runner comes to it."""
    handler = _StepHandler(steps)
    logger = logging.getLogger("absl")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Sends everything written to stdout and stderr, by Python or C++, to a log file.

    Handlers of our logger that `progress_on` made keep writing to the original stream.
    """
    with open(log, "ab") as file:
        flush_output()
        saved = os.dup(1), os.dup(2)
        try:
            _redirect(file.fileno(), file.fileno())
            yield
        finally:
            _redirect(*saved)
            for descriptor in saved:
                os.close(descriptor)


def _redirect(stdout: int, stderr: int) -> None:
    # sys.stdout and sys.stderr stay the same objects: log handlers of the libraries hold on to them.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # a full disk under the log must not hide what the work came to
            discard(stream)
            stream.flush()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)


def own_stderr() -> TextIO:
    """A stream to the present stderr that `output_to` does not redirect; the caller closes it."""
    return os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
