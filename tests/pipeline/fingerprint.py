"""Whether anything below a pipeline root was changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ratchet.components.object_store import objects


def fingerprint(root: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time of the last change and content of everything below a directory; empty where it is not there."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))] if os.path.lexists(root) else []:
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def fingerprint_of_objects(uri: str) -> dict[str, int]:
    """The generation of every object below a URI, which every write makes another."""
    return {one.name: one.generation for one in objects.list_below(uri)}
