"""Standard input, output and error of a command, which may be closed, full, or a pipe that nobody reads any more."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import IO, Any, NoReturn

from ratchet.pipeline.terminal.colour import is_coloured
from ratchet.pipeline.terminal.verbosity import Verbosity, verbosity
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.termination import take_sigterm
from ratchet.schemas.base.visible import visible

Paint = Callable[[str], str]

_NAMES: dict[str, str] = {}


class OutputError(RatchetError):
    """Standard output cannot be written."""

    @property
    def reader_left(self) -> bool:
        """Whether it was a pipe and the program behind it ended, as `head` does."""
        return isinstance(self.__cause__, BrokenPipeError)


def own_process() -> None:
    """Prepares the process of a command; only for a process that does nothing else.

    What is closed becomes /dev/null: the next file that is opened would get its number, and with that all that
    libraries print. What the output's encoding lacks is written as an escape. A second Ctrl-C or SIGTERM ends the
    process at once, while the first one still waits for threads.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    take_sigterm()


def end_at_once(code: int) -> NoReturn:
    """Ends the process without waiting for threads: those of Beam never end when their work was broken off."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def call(path: str, name: str) -> None:
    """Calls a directory of this machine by another name in whatever is printed: the working copy of a remote root.

    Args:
        path: of the directory.
        name: what it stands for.
    """
    _NAMES.update({path: name, json.dumps(path)[1:-1]: name})
    LOGGER.addFilter(_named)


def by_name(text: str) -> str:
    """A text with the names of `call`."""
    for path, name in _NAMES.items():
        text = text.replace(path, name)
    return text


def _painted(text: str, stream: IO[str], paint: Paint | None) -> str:
    """Painted after it was made harmless, which takes the escapes of others away."""
    return paint(text) if paint and is_coloured(stream) else text


def _named(record: logging.LogRecord) -> bool:
    """Lets every record of our logger pass, with those names; one that has `as_is` set, as it is."""
    if not getattr(record, "as_is", False):
        record.msg, record.args = by_name(record.getMessage()), None
    return True


def say(text: str, as_is: bool = False, paint: Paint | None = None) -> None:
    """Writes lines to standard output, made harmless for a terminal.

    Args:
        text: the lines.
        as_is: whether directories keep their own names, whatever `call` says.
        paint: puts them in colour, where that is wanted.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        print(_painted(visible(text if as_is else by_name(text)), sys.stdout, paint))
    except OSError as error:
        raise output_lost(error) from error


def tell(text: str, paint: Paint | None = None) -> None:
    """Writes lines to standard error, made harmless for a terminal; when nobody can see them, nothing happens.

    Args:
        text: the lines.
        paint: puts them in colour, where that is wanted.
    """
    try:
        print(_painted(visible(by_name(text)), sys.stderr, paint), file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def note(text: str) -> None:
    """`tell` of what a person can do without: nothing with `--quiet`."""
    if verbosity() > Verbosity.QUIET:
        tell(text)


def detail(text: str) -> None:
    """`tell` of what is only wanted with `--verbose`."""
    if verbosity() >= Verbosity.VERBOSE:
        tell(text)


def flush_output() -> None:
    """Makes sure that what was said has left the process, so that nothing goes wrong when the interpreter ends.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_lost(error) from error


def reader_left() -> bool:
    """Whether standard output or error is a pipe that nobody reads any more."""
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)  # errors are told without being asked for
    return any(event & select.POLLERR for _, event in poll.poll(0))


def discard(stream: IO[Any]) -> None:
    """Lets a stream that cannot be written lead nowhere, so that what it still holds does no harm."""
    with contextlib.suppress(OSError, ValueError):  # a stream of another kind has no number
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)


def output_lost(error: OSError) -> OutputError:
    """The error of a standard output that could not be written; what it still holds is dropped."""
    discard(sys.stdout)
    return OutputError(f"standard output: {error.strerror}; what was to be printed is lost, print to another place")


def _interrupt(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
