"""How much room there is on the disk on which something is to be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from ratchet.pipeline.root.places import is_remote


def disk_of(place: Path) -> Path:
    """The directory itself, or the nearest one above it that is there."""
    return next(there for there in (place, *place.absolute().parents) if there.is_dir())


def free_bytes(root: Path) -> int | None:
    """What is free where a root is, or will be; None of one in an object store."""
    return None if is_remote(root) else shutil.disk_usage(disk_of(root)).free
