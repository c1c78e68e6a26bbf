"""Counts what a piece of code asks of the file system of this machine: files opened, looked at, listed and changed.

What is done by other libraries in C (TensorFlow's file system, SQLite) is not seen.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

_EVENTS = frozenset(
    ["open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime"]
)
_counters: list[Counter[str]] = []
_hooked: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _counters and event in _EVENTS and not (event == "open" and isinstance(arguments[0], int)):
        _counters[-1][event] += 1


def _counting(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        if _counters:
            _counters[-1][name] += 1
        return function(*arguments, **options)

    return counted


@contextlib.contextmanager
def operations() -> Iterator[Counter[str]]:
    """Counts by kind for as long as it is open; modules that are imported meanwhile are counted as well."""
    if not _hooked:  # a hook stays for the life of the process, so there is one
        sys.addaudithook(_hook)
        _hooked.append(True)
    counter: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        for name in ("stat", "lstat", "access"):
            stack.enter_context(mock.patch.object(os, name, _counting(getattr(os, name), f"os.{name}")))
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10 has its own names for them
        for name in ("stat", "lstat"):
            if accessor is not None and hasattr(accessor, name):
                counted = staticmethod(_counting(getattr(accessor, name), f"os.{name}"))
                stack.enter_context(mock.patch.object(accessor, name, counted))
        _counters.append(counter)
        try:
            yield counter
        finally:
            _counters.pop()
