"""Were the bytes that were measured the ones they should be, from beginning to end? Pure."""

from __future__ import annotations

from schemas.artifacts.evaluation import BASELINE, CANDIDATE
from schemas.base.errors import StateError


def check_baseline(directory: str, found: str, recorded: str, version: str) -> None:
    """Whether this run's copy of the served model is still what BaselineReader copied.

    Args:
        directory: the copy.
        found: its digest now.
        recorded: the digest that the registry has of it.
        version: what it is served as.

    Raises:
        StateError: it is not.
    """
    if found != recorded:
        raise StateError(
            f"{BASELINE} ({directory}): its content digest is {found[:12]}, that of the served version {version} is "
            f"{recorded[:12] or 'not recorded'}, so nothing is blessed; put the files of that version there again, and "
            "give the same command"
        )


def check_unchanged(directory: str, before: str, after: str) -> None:
    """Whether the candidate is what it was before it was loaded.

    Args:
        directory: the candidate.
        before: its digest then.
        after: its digest when all was measured.

    Raises:
        StateError: it was altered.
    """
    if before != after:
        raise StateError(
            f"{CANDIDATE} ({directory}): its files changed while they were measured (content digest {before[:12]} "
            f"before, {after[:12]} after), so nothing is blessed; give the same command again, which measures what is "
            "there then"
        )
