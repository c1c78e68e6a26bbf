"""Whatever ends a command early, as one line and an exit code; the contract is in docs/command-line.md.

2    the user can mend it: input, permissions, the state of the pipeline root
1    the work broke off: a full disk, no memory, a fault of Ratchet
130  Ctrl-C
143  SIGTERM
141  nobody reads standard output any more; without a word, like other tools
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeGuard

from ratchet.pipeline.terminal.colour import painted_error
from ratchet.pipeline.terminal.extras import missing_extra
from ratchet.pipeline.terminal.plain_text import cut, one_line
from ratchet.pipeline.terminal.standard_streams import OutputError, flush_output, reader_left, say, tell
from ratchet.schemas.base.errors import InputError, RatchetError, StateError
from ratchet.schemas.base.termination import EXIT_CODE, Terminated

INTERRUPTED = 130  # what shells give for Ctrl-C
_LONGEST = 400  # characters of another library's text
_LONGEST_LINE = 2000  # of an error, whatever was given; the JSON has all of it
_INTERRUPTED = "interrupted; the same command again does it anew"
_INTERRUPTED_RUN = "interrupted; the same command again goes on from the step that was running"
_DISK = ("disk is full", "disk i/o error")  # in the texts of SQLite
# TensorFlow's file system raises its own errors; by name, because importing it takes seconds.
_TENSORFLOW = {
    "NotFoundError": True,
    "PermissionDeniedError": True,
    "AlreadyExistsError": True,
    "FailedPreconditionError": True,
    "ResourceExhaustedError": False,
}
SHOW = "RATCHET_TRACEBACK"  # environment variable: 1 prints every traceback
_PLACE = "ratchet_traceback"  # attribute of an error: where its traceback is


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


def guarded(action: Callable[[], int], as_json: bool, goes_on: bool = False, prog: str = "ratchet") -> int:
    """Carries out a command; whatever happens in there, its user sees no traceback.

    Args:
        action: the command; gives its exit code.
        as_json: whether an error is to be the last line of standard output, too.
        goes_on: whether the same command goes on after Ctrl-C where it was, and does not begin anew.
        prog: what the line of an error begins with.

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
        return _end(explain(error, goes_on), error, as_json, prog)


def explain(error: BaseException, goes_on: bool = False) -> Failure:
    """What to say of an error.

    Args:
        error: anything that can be raised.
        goes_on: see `guarded`.
    """
    if told := next((cause for cause in _causes(error) if isinstance(cause, Terminated)), None):
        return Failure(_of_sigterm(told, goes_on), EXIT_CODE)
    if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
        return Failure(_INTERRUPTED_RUN if goes_on else _INTERRUPTED, INTERRUPTED)
    if isinstance(error, OutputError):
        return Failure("", 141) if error.reader_left else Failure(str(error), 1)
    if isinstance(error, BrokenPipeError) and reader_left():
        return Failure("", 141)
    if isinstance(error, RatchetError):
        mendable = isinstance(error, (InputError, StateError)) and not is_crash(error.__cause__)
        return Failure(str(error), 2 if mendable else 1)
    if told := missing_extra(error):
        return Failure(told, 2)
    return _of_system(error) or _of_text(error) or _of_library(error) or _fault(error)


def _of_sigterm(told: Terminated, goes_on: bool) -> str:
    if str(told):
        return f"ended by SIGTERM; {told}"
    return f"ended by SIGTERM; {(_INTERRUPTED_RUN if goes_on else _INTERRUPTED).partition('; ')[2]}"


def _end(failure: Failure, error: BaseException, as_json: bool, prog: str) -> int:
    message = f"{failure.message}; {kept_traceback(error)}" if failure.fault else failure.message
    if is_shown():
        tell(traceback_text(error).rstrip())
    if message:
        tell("\n".join(cut(line, _LONGEST_LINE) for line in f"{prog}: {message}".split("\n")), painted_error)
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
            where = "metadata.sqlite of the root, or the server that metadata.url names"
            return Failure(f"ML Metadata ({where}): {text}; see to its owner, permissions and content", 2)
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


class Refusal(NamedTuple):
    """What to say of an error of the operating system, and whether the user can mend it before the next try."""

    message: str
    mendable: bool


_FIXES = {  # what the user can mend: exit code 2
    errno.EACCES: "change its owner or permissions, or run as the user who owns it",
    errno.EPERM: "change its owner or permissions, or run as the user who owns it",
    errno.EROFS: "make the file system writable or give another directory",
    errno.ENOENT: "put it there or correct the path",
    errno.EEXIST: "move it away or give another path",
    errno.ENOTEMPTY: "move it away or give another path",
    errno.EISDIR: "a file is expected there: move it away or give another path",
    errno.ENOTDIR: "a directory is expected there: move the file away or give another path",
    errno.EINVAL: "give a regular file of a file system that can do this",
    errno.ENXIO: "give a regular file",
    errno.ENODEV: "give a regular file",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ELOOP: "its symbolic links lead in a circle: correct them",
    errno.ENOLCK: "this file system has no locks (flock): use a directory on a local disk",
    errno.EOPNOTSUPP: "this file system cannot do that: use a directory on a local disk",
    errno.EXDEV: "it crosses file systems: use a directory on one disk",
    errno.EBUSY: "another process uses it: wait for that and repeat the command",
    errno.ETXTBSY: "another process uses it: wait for that and repeat the command",
    errno.EAGAIN: "another process holds it: wait for that and repeat the command",
}
_CRASHES = {  # what comes over a command in the middle of its work: exit code 1
    errno.ENOSPC: "free some space there, then repeat the command",
    errno.EDQUOT: "free some space there or raise the quota, then repeat the command",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), then repeat the command",
    errno.EIO: "check the disk, then repeat the command",
    errno.ESTALE: "mount the file system again, then repeat the command",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then repeat the command",
    errno.ENFILE: "close other programs, then repeat the command",
    errno.ENOMEM: "close other programs or take a machine with more memory, then repeat the command",
    errno.EPIPE: "a process or connection that was needed has ended: repeat the command",
}


def refusal(error: OSError) -> Refusal | None:
    """What to say of an error; None for one that is no news of the operating system, but a fault.

    >>> refusal(OSError(errno.ENOSPC, "No space left on device", "root/x"))
    Refusal(message='root/x: No space left on device; free some space there, then repeat the command', mendable=False)
    """
    if isinstance(error, shutil.Error):
        return _of_copy(error)
    fix = _FIXES.get(error.errno or 0) or _CRASHES.get(error.errno or 0)
    if fix is None:
        return None
    if error.errno == errno.ENOENT and not _is_absolute(error.filename) and not _has_current_directory():
        return Refusal("the current directory is gone; change to one that is there", True)
    path = f"{os.fsdecode(error.filename)}: " if _is_path(error.filename) else ""
    return Refusal(f"{path}{error.strerror or os.strerror(error.errno or 0)}; {fix}", error.errno in _FIXES)


def is_crash(error: BaseException | None) -> bool:
    """Whether this is a full or broken disk or the like, whatever the error that was made of it says."""
    return isinstance(error, OSError) and error.errno in _CRASHES


def _of_copy(error: shutil.Error) -> Refusal | None:
    """`shutil.copytree` gathers what it met: (source, target, text of the error)."""
    try:
        source, _, reason = error.args[0][0]
    except (IndexError, TypeError, ValueError):
        return None
    full = os.strerror(errno.ENOSPC) in str(reason) or os.strerror(errno.EIO) in str(reason)
    return Refusal(f"{source}: cannot be copied ({reason}); mend that, then repeat the command", not full)


def _has_current_directory() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _is_path(value: object) -> TypeGuard[str | bytes | os.PathLike[str]]:
    return isinstance(value, (str, bytes, os.PathLike))


def _is_absolute(value: object) -> bool:
    return _is_path(value) and os.path.isabs(os.fsdecode(value))


@contextlib.contextmanager
def tracebacks_to(log: Path) -> Iterator[None]:
    """Keeps the traceback of whatever leaves the block in a log, and lets the error go on.

    Args:
        log: added to, if it can be written.
    """
    try:
        yield
    except BaseException as error:
        if not hasattr(error, _PLACE):
            _append(error, log)
        raise


def kept_traceback(error: BaseException) -> str:
    """Where the traceback of an error is, for the end of a sentence; written to a temporary file if need be."""
    log = getattr(error, _PLACE, None)
    if log is None:
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(prefix="ratchet-traceback-", suffix=".txt")
            os.close(descriptor)
            log = _append(error, Path(name))
    if log is None:
        return f"its traceback could not be kept, {SHOW}=1 prints it"
    return f"its traceback is in {log}"


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it, with the errors that led to it."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def is_shown() -> bool:
    """Whether the user wants to see tracebacks."""
    return os.environ.get(SHOW, "") not in ("", "0")


def _append(error: BaseException, log: Path) -> Path | None:
    """Adds the traceback to a file; None if that cannot be written."""
    try:
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(traceback_text(error))
    except OSError:
        return None
    with contextlib.suppress(AttributeError, TypeError):  # a class without room for attributes
        setattr(error, _PLACE, log)
    return log
