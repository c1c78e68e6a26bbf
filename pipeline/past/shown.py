"""What people look at of the runs of a root is brought up to date: the index, and the links between pages."""

from __future__ import annotations

from pathlib import Path

from ratchet.schemas.base.progress import LOGGER


def show_runs(root: Path, pages: bool = True) -> None:
    """Writes the index of a root, and links the page of each run with those before and after it.

    Nothing depends on it, so whatever fails is told and raises nothing.

    Args:
        root: pipeline root, or its working copy, which whoever holds the root writes back.
        pages: whether this process holds the root, so that it may write pages, too.
    """
    try:
        if not (root / "runs").is_dir():
            return
        from ratchet.pipeline.past.index import write_index
        from ratchet.pipeline.past.links import link_pages
        from ratchet.pipeline.past.run_index import known_runs, remember

        if pages:
            link_pages(root)
        remember(root, known_runs(root))
        write_index(root)
    except Exception as error:  # whatever it is, a run or a publication that is done must not fail for it
        LOGGER.warning("the index of runs could not be brought up to date (%s: %s)", type(error).__name__, error)
