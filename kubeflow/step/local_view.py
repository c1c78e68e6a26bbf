"""A pipeline root as a directory of this machine, for what reads the runs before."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.root.working_copy import WorkingCopy


def local_view(root: str) -> Path:
    """Where the runs of a root can be read: the root itself, or a working copy as it is now.

    Args:
        root: a directory or a URI.

    Raises:
        StateError: the object store cannot be read.
    """
    if not is_gs(root):
        return Path(root)
    copy = WorkingCopy.of(root)
    copy.refresh()
    return copy.directory
