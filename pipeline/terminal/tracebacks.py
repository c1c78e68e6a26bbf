"""Where the traceback of a fault goes: into the run's log, else into a temporary file, on wish to standard error."""

from __future__ import annotations

import contextlib
import os
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

SHOW = "RATCHET_TRACEBACK"  # environment variable: 1 prints every traceback
_KEPT = "ratchet_traceback"  # attribute of an error: where its traceback is


@contextlib.contextmanager
def tracebacks_to(log: Path) -> Iterator[None]:
    """Keeps the traceback of whatever leaves the block in a log, and lets the error go on.

    Args:
        log: added to, if it can be written.
    """
    try:
        yield
    except BaseException as error:
        if not hasattr(error, _KEPT):
            _append(error, log)
        raise


def kept_traceback(error: BaseException) -> str:
    """Where the traceback of an error is, for the end of a sentence; written to a temporary file if need be."""
    log = getattr(error, _KEPT, None)
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
        setattr(error, _KEPT, log)
    return log
