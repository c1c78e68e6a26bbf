"""Empties a directory before it is written: what a broken try has left there is not to be taken for what is written."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase

from ratchet.components.object_store import objects
from ratchet.components.object_store.uri import is_gs


def empty(directory: str, only: Sequence[str] = ("*",)) -> None:
    """Deletes what lies in a directory of this machine, or below a prefix of an object store.

    Args:
        directory: which; one that is not there is empty.
        only: patterns of the names of what is deleted, in this order: first what says that the rest is whole.

    Raises:
        OSError: something cannot be deleted.
    """
    names, delete = (_objects(directory), _delete_object) if is_gs(directory) else (_files(directory), _delete_file)
    for pattern in only:
        for name in names:
            if fnmatchcase(name, pattern):
                delete(f"{directory.rstrip('/')}/{name}")


def _objects(directory: str) -> list[str]:
    return [name.rstrip("/") for name in objects.children(directory)]


def _delete_object(place: str) -> None:
    objects.delete(place)
    objects.delete_below(place)


def _files(directory: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(directory)
    return []


def _delete_file(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
