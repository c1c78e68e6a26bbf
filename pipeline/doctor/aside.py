"""Files that are damaged are kept beside the ones that take their place, on this machine and on gs:// alike."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ratchet.components.object_store import objects
from ratchet.components.object_store.objects import GenerationError
from ratchet.pipeline.root.object_path import ObjectPath
from ratchet.pipeline.root.places import Place
from ratchet.schemas.base.files import flush_directory, write_durably


def free_name(path: Path, ending: str) -> Path:
    """A name beside a file that nothing has yet: NAME.ENDING-1, ..."""
    number = 1
    while os.path.lexists(f"{path}.{ending}-{number}"):
        number += 1
    return Path(f"{path}.{ending}-{number}")


def put_aside(path: Place, ending: str) -> None:
    """Takes a file out of the way without losing it; nothing to do where it is gone."""
    if isinstance(path, ObjectPath):
        _put_object_aside(path, ending)
        return
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, free_name(path, ending))
        flush_directory(path.parent)


def keep_copy(path: Place, ending: str) -> None:
    """Leaves what is about to be replaced beside it; nothing to do where it is gone, or was kept by an earlier try."""
    if isinstance(path, ObjectPath):
        read = objects.read(str(path))
        if read is not None:
            _keep_object(path, read.data, ending)
        return
    with contextlib.suppress(FileNotFoundError):
        content = path.read_bytes()
        if all(kept.read_bytes() != content for kept in path.parent.glob(f"{path.name}.{ending}-*")):
            write_durably(free_name(path, ending), content)


def keep_text(path: Place, text: str, ending: str) -> None:
    """The same for what is no file of its own: it becomes NAME.ENDING-1 beside where such a file would lie."""
    if isinstance(path, ObjectPath):
        _keep_object(path, text.encode(), ending)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if all(kept.read_bytes() != text.encode() for kept in path.parent.glob(f"{path.name}.{ending}-*")):
        write_durably(free_name(path, ending), text)


def _put_object_aside(path: ObjectPath, ending: str) -> None:
    """Copied and then deleted, unless somebody has written it anew meanwhile."""
    read = objects.read(str(path))
    if read is not None:
        _keep_object(path, read.data, ending)
        with contextlib.suppress(GenerationError):
            objects.delete(str(path), read.generation)


def _keep_object(path: ObjectPath, content: bytes, ending: str) -> None:
    number = 1
    while True:
        kept = objects.read(f"{path}.{ending}-{number}")
        if kept is None:
            objects.write(f"{path}.{ending}-{number}", content, 0)
            return
        if kept.data == content:  # by an earlier try
            return
        number += 1
