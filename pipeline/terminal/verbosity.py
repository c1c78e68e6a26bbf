"""How much a command says beside its result: `--quiet` and `--verbose`."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator


class Verbosity(enum.IntEnum):
    """What goes to standard error; results, warnings and errors are always said."""

    QUIET = 0  # neither progress nor notes
    NORMAL = 1
    VERBOSE = 2  # what a command works with and how long it takes, too


_CHOSEN = [Verbosity.NORMAL]


def verbosity() -> Verbosity:
    """That of the present command."""
    return _CHOSEN[-1]


@contextlib.contextmanager
def speaking(chosen: Verbosity) -> Iterator[None]:
    """Has everything speak so for the length of a command."""
    _CHOSEN.append(chosen)
    try:
        yield
    finally:
        _CHOSEN.pop()
