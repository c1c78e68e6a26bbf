"""A pipeline root as a directory of this machine, for what reads the runs before."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.holding import written_back
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import LOGGER


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


def show_job(root: str) -> None:
    """Brings the index of runs and the links between their pages up to date; what fails is told and raises nothing.

    Args:
        root: a directory or a URI, of which this job holds the lease.
    """
    try:
        view = local_view(root)
        show_runs(view)
        written_back(view)
    except (RatchetError, OSError) as error:
        LOGGER.warning("the index of runs could not be brought up to date (%s)", error)
