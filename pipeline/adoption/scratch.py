"""The directory in which a model is wrapped; those that killed adoptions of this machine left are removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "ratchet-adopt-"


def remove_left() -> None:
    """Removes what adoptions of this machine had in the making that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_own()}*"):
        if _is_dead(left.name.removeprefix(_own()).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory for as long as an adoption works."""
    with tempfile.TemporaryDirectory(prefix=f"{_own()}{os.getpid()}-") as directory:
        yield Path(directory)


def _own() -> str:
    return f"{_PREFIX}{socket.gethostname()}-"


def _is_dead(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False
