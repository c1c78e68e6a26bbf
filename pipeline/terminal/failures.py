"""Whatever ends a command early, as one line and an exit code; the contract is in docs/command-line.md.

2    the user can mend it: input, permissions, the state of the pipeline root
1    the work broke off: a full disk, no memory, a fault of Ratchet
130  Ctrl-C
141  nobody reads standard output any more; without a word, like other tools
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.terminal.os_failures import is_crash, refusal
from pipeline.terminal.plain_text import cut, one_line
from pipeline.terminal.standard_streams import OutputError, flush_output, reader_left, say, tell
from pipeline.terminal.tracebacks import is_shown, kept_traceback, traceback_text
from schemas.base.errors import InputError, RatchetError, StateError

INTERRUPTED = 130  # what shells give for Ctrl-C
_LONGEST = 400  # characters of another library's text
_LONGEST_LINE = 2000  # of an error, whatever was given; the JSON has all of it
_INTERRUPTED = "interrupted; the same command again does it anew, `ratchet run` goes on from the step that was running"
_DISK = ("disk is full", "disk i/o error")  # in the texts of SQLite
# TensorFlow's file system raises its own errors; by name, because importing it takes seconds.
_TENSORFLOW = {
    "NotFoundError": True,
    "PermissionDeniedError": True,
    "AlreadyExistsError": True,
    "FailedPreconditionError": True,
    "ResourceExhaustedError": False,
}


@dataclass(frozen=True)
class Failure:
    """The end of a command that did not do its work.

    Attributes:
        message: one line, except where a list of what is wrong was made on purpose; empty to say nothing.
        exit_code: what the command exits with.
        fault: whether nobody foresaw it: the traceback is worth keeping.
    """

    message: str
    exit_code: int
    fault: bool = False


def guarded(action: Callable[[], int], as_json: bool) -> int:
    """Carries out a command; whatever happens in there, its user sees no traceback.

    Args:
        action: the command; gives its exit code.
        as_json: whether an error is to be the last line of standard output, too.

    Returns:
        The exit code.
    """
    try:
        try:
            code = action()
        except SystemExit:  # --help and --version
            flush_output()
            raise
        flush_output()
        return code
    except SystemExit:
        raise
    except BaseException as error:
        return _end(error, as_json)


def explain(error: BaseException) -> Failure:
    """What to say of an error.

    Args:
        error: anything that can be raised.
    """
    if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
        return Failure(_INTERRUPTED, INTERRUPTED)
    if isinstance(error, OutputError):
        return Failure("", 141) if error.reader_left else Failure(str(error), 1)
    if isinstance(error, BrokenPipeError) and reader_left():
        return Failure("", 141)
    if isinstance(error, RatchetError):
        mendable = isinstance(error, (InputError, StateError)) and not is_crash(error.__cause__)
        return Failure(str(error), 2 if mendable else 1)
    return _of_system(error) or _of_text(error) or _of_library(error) or _fault(error)


def _end(error: BaseException, as_json: bool) -> int:
    failure = explain(error)
    message = f"{failure.message}; {kept_traceback(error)}" if failure.fault else failure.message
    if is_shown():
        tell(traceback_text(error).rstrip())
    if message:
        tell("\n".join(cut(line, _LONGEST_LINE) for line in f"ratchet: {message}".split("\n")))
    try:
        if as_json and failure.message:
            say(json.dumps({"verdict": None, "error": message, "exit_code": failure.exit_code}))
        flush_output()
    except OutputError:
        return failure.exit_code  # of what came first
    return failure.exit_code


def _of_system(error: BaseException) -> Failure | None:
    if isinstance(error, MemoryError):
        return Failure("out of memory; close other programs, give less data or take a machine with more memory", 1)
    told = refusal(error) if isinstance(error, OSError) else None
    return told and Failure(told.message, 2 if told.mendable else 1)


def _of_text(error: BaseException) -> Failure | None:
    """Names of files and arguments may hold bytes that are no text; Python carries them as lone surrogates."""
    if isinstance(error, UnicodeEncodeError) and any("\ud800" <= char <= "\udfff" for char in error.object):
        name = cut(error.object, _LONGEST)
        return Failure(f"{name}: the name holds bytes that are no {error.encoding} text; rename it", 2)
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return Failure("a path holds a zero byte; correct it", 2)
    return None


def _of_library(error: BaseException) -> Failure | None:
    """SQLite, ML Metadata above it and TensorFlow's files, told by their modules: none of them is imported for it."""
    text = cut(one_line(str(error)), _LONGEST)
    for base in type(error).__mro__:
        package = base.__module__.split(".")[0]
        if package in ("sqlite3", "ml_metadata"):
            if any(sign in text.lower() for sign in _DISK):
                return Failure(f"ML Metadata (metadata.sqlite of the root): {text}; see to the disk, then repeat", 1)
            return Failure(
                f"ML Metadata (metadata.sqlite of the root): {text}; see to its owner, permissions and content", 2
            )
        if package == "tensorflow" and base.__name__ in _TENSORFLOW:
            mendable = _TENSORFLOW[base.__name__]
            return Failure(f"{text}; see to that file or directory, then repeat the command", 2 if mendable else 1)
    return None


def _fault(error: BaseException) -> Failure:
    text = cut(one_line(str(error)), _LONGEST)
    deep = ": something is nested too deeply" if isinstance(error, RecursionError) else ""
    return Failure(f"a fault of Ratchet: {type(error).__name__}{deep}" + (f": {text}" if text else ""), 1, fault=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from or while handling; libraries turn Ctrl-C into errors of their own."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
