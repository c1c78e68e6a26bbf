"""Files of a run, on a disk or an object store."""

from __future__ import annotations

import contextlib
import os
import shutil

from ratchet.components.object_store import objects
from ratchet.components.object_store.files import files_of, write_text
from ratchet.components.object_store.uri import is_gs


def put_text(path: str, text: str) -> None:
    """Writes a file whole or not at all; its directory is made."""
    files_of(path).makedirs(os.path.dirname(path))
    write_text(path, text)


def remove_all(place: str) -> None:
    """Deletes a file or a directory with all below it; what is not there is no error."""
    if is_gs(place):
        objects.delete(place)
        objects.delete_below(place)
        return
    shutil.rmtree(place, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
