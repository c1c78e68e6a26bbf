"""One run, repair or pruning at a time in a root; of a remote root, its working copy is fetched and written back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ratchet.components.registry.lease import HeldLease, hold_lease, lease_holder
from ratchet.components.registry.locking import BusyError, hold, holder
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.schemas.artifacts.lease import Lease
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.visible import visible_line


@contextlib.contextmanager
def hold_root(root: Path, doing: str) -> Iterator[HeldLease | None]:
    """Keeps other runs, repairs and prunings out of a root for as long as one works in it.

    A remote root has a lease for that. It is fetched once the lease is held, and what was changed in its working copy
    is written back before the lease is given up, also where the work broke off.

    Args:
        root: it has to be there.
        doing: what this one does, for the message of the others: `retraining`.

    Yields:
        The lease of a remote root.

    Raises:
        BusyError: another process holds it.
        StateError: the object store refuses, or another machine has changed what is to be written back.
    """
    copy, held = WorkingCopy.at(root), None
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold(root / "lock", doing))
        if copy is not None:
            held = stack.enter_context(hold_lease(copy.uri, copy.holder, doing))
            copy.refresh(ml_metadata=True)
            stack.callback(_write_back, copy, held)
        yield held


def _write_back(copy: WorkingCopy, held: HeldLease) -> None:
    held.check()  # what another one has taken over is not written to
    copy.write_back()


def holder_of(root: Path) -> str | None:
    """Who works in a root now, in words; None if nobody does, or if that cannot be told."""
    copy = WorkingCopy.at(root)
    if copy is None:
        found = holder(root / "lock")
        return found and found.to_text()
    lease = _lease(copy.uri)
    return lease and lease_text(lease)


def check_free(root: Path, doing: str) -> None:
    """Whether `hold_root` would get the root now; for what only says what would be done.

    Args:
        root: it has to be there.
        doing: what whoever holds it does, as far as is known.

    Raises:
        BusyError: another process holds it.
    """
    if is_held_by_another(root):
        raise BusyError(f"{uri_of(root)}: {holder_of(root) or 'another process'} is {doing}; wait until it is done")


def is_held_by_another(root: Path) -> bool:
    """Whether somebody else works in a root now."""
    copy = WorkingCopy.at(root)
    if copy is None:
        found = holder(root / "lock")
        return found is not None and found.process != os.getpid()
    lease = _lease(copy.uri)
    return lease is not None and lease.holder != copy.holder


def _lease(uri: str) -> Lease | None:
    """A torn one keeps a run from beginning, which says so; whoever only looks passes over it."""
    try:
        return lease_holder(uri)
    except StateError:
        return None


def lease_text(lease: Lease) -> str:
    """Who holds a lease, for a sentence."""
    holder, host, command = visible_line(lease.holder), visible_line(lease.host), visible_line(lease.command)
    return f"{holder} on {host}, since {lease.since} ({command})"


def written_back(root: Path) -> None:
    """Makes sure that what was done so far is not on this machine alone; nothing to do for a root that is."""
    copy = WorkingCopy.at(root)
    if copy is not None:
        copy.write_back()


def with_ml_metadata(root: Path) -> None:
    """Makes sure that the ML Metadata store of a root is here, if it has one."""
    copy = WorkingCopy.at(root)
    if copy is not None:
        copy.refresh(ml_metadata=True)


def whole(root: Path, file: Path) -> Path:
    """A page or log of a run with its content: in a working copy it may be there by name only."""
    copy = WorkingCopy.at(root)
    return file if copy is None else copy.fetch(file)
