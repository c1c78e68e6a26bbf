"""One process at a time works in a pipeline root."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import StateError


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keeps other processes out of a pipeline root, until this one leaves or dies.

    Args:
        root: it has to be there.

    Raises:
        StateError: another process works in it.
    """
    with open(root / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise StateError(
                f"{root}: process {file.read() or '?'} is working in it; wait for it, or give another --root"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
