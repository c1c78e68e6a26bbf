"""One run at a time on a root that several machines reach: a lease that says who holds it and runs out by itself.

    {root}/lease.json       see `Lease`; none: nobody holds the root

It is written like the registry's files: over what was seen, or not at all. So of two that find it stale and take it
over at the same moment one wins, and the other one hears of it. A holder that lives says so every fifth of the time for
which the lease is valid; one that died holds it no longer than that. Clocks of the machines have to agree to a minute.

A lease keeps runs from wasting each other's work. That a registry stays whole does not depend on it (publication.py).
"""

from __future__ import annotations

import contextlib
import datetime
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ratchet.components.object_store import objects
from ratchet.components.object_store.objects import GenerationError
from ratchet.components.object_store.uri import check_supported, is_uri
from ratchet.components.registry.locking import BusyError, hold, this_process
from ratchet.components.registry.storage import ChangedError, Content, Token, content_of
from ratchet.schemas.artifacts.lease import LEASE_FILE, LEASE_FORMAT, Lease
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import refuse_irregular, write_durably
from ratchet.schemas.base.formatting import duration
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line

VALID_FOR_S = 300.0
_RENEWALS = 5  # while a lease is valid
_WAIT_S = 60.0  # for a moment's lock on a disk
_TRIES = 8


@dataclass
class HeldLease:
    """A lease that this process renews.

    Attributes:
        lease: as it was taken.
        lost: set when another one has taken it over: this process was away for too long.
    """

    lease: Lease
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Whether it is still held.

        Raises:
            BusyError: another one has taken it over.
        """
        if self.lost.is_set():
            raise BusyError(
                f"the lease of {visible_line(self.lease.holder)} ran out and another run has taken it over; "
                "nothing of this one is published; run again when that one is done"
            )


@contextlib.contextmanager
def hold_lease(root: str, holder: str, doing: str, valid_for_s: float = VALID_FOR_S) -> Iterator[HeldLease]:
    """Keeps other runs off a root for as long as this process lives.

    Args:
        root: of the pipeline, a URI or a directory.
        holder: names this process.
        doing: what it does, for messages: `retraining`.
        valid_for_s: how long a process that died holds it.

    Raises:
        BusyError: another one holds it.
        StateError: the file is no lease, or cannot be read or written.
    """
    held, done = HeldLease(take_lease(root, holder, valid_for_s, doing)), threading.Event()
    heart = threading.Thread(target=_renew_until, args=(root, held, done), name="lease", daemon=True)
    heart.start()
    try:
        yield held
    finally:
        done.set()
        heart.join()
        if not held.lost.is_set():
            with contextlib.suppress(StateError):  # it runs out by itself
                release_lease(root, holder)


def take_lease(
    root: str,
    holder: str,
    valid_for_s: float = VALID_FOR_S,
    doing: str = "retraining",
    now: datetime.datetime | None = None,
) -> Lease:
    """Takes a root for one holder, who may hold it already.

    Args:
        root: of the pipeline, a URI or a directory.
        holder: names the process or job.
        valid_for_s: how long it is valid without being renewed.
        doing: what the holder does, for messages.
        now: the present; None: by the clock.

    Raises:
        BusyError: another one holds it.
        StateError: the file is no lease, or cannot be read or written.
    """
    process = this_process()
    for _ in range(_TRIES):
        time = now or _now()
        there, token = _read(root)
        if there is not None and there.holder != holder and time < there.ends:
            raise BusyError(_busy(root, there, time))
        since = there.since if there is not None and there.holder == holder else time.isoformat(timespec="seconds")
        new = Lease(
            holder, process.host, process.command, doing, since, time.isoformat(timespec="seconds"), valid_for_s
        )
        with contextlib.suppress(ChangedError):  # somebody else was faster: see who
            _write(root, LEASE_FORMAT.write(new), token)
            return new
    raise BusyError(f"{_path(root)}: others take and give back the lease of this root all the time; try again later")


def renew_lease(root: str, holder: str, now: datetime.datetime | None = None) -> Lease:
    """Says that its holder lives.

    Raises:
        BusyError: another one has taken it over, or nobody holds it.
        StateError: the file is no lease, or cannot be read or written.
    """
    for _ in range(_TRIES):
        time = now or _now()
        there, token = _read(root)
        if there is None:
            raise BusyError(f"{_path(root)}: the lease of {visible_line(holder)} is gone; somebody has taken it away")
        if there.holder != holder:
            raise BusyError(_busy(root, there, time))
        new = replace(there, renewed=time.isoformat(timespec="seconds"))
        with contextlib.suppress(ChangedError):
            _write(root, LEASE_FORMAT.write(new), token)
            return new
    raise BusyError(f"{_path(root)}: others write this file all the time")


def release_lease(root: str, holder: str) -> bool:
    """Gives a root back; whether the holder held it.

    Raises:
        StateError: the file is no lease, or cannot be read or deleted.
    """
    there, token = _read(root)
    if there is None or there.holder != holder:
        return False
    try:
        _delete(root, token)
    except ChangedError:  # somebody has taken it over since
        return False
    return True


def lease_holder(root: str, now: datetime.datetime | None = None) -> Lease | None:
    """Who holds a root; None if nobody does, or one who died.

    Raises:
        StateError: the file is no lease, or cannot be read.
    """
    there, _ = _read(root)
    return there if there is not None and (now or _now()) < there.ends else None


def _renew_until(root: str, held: HeldLease, done: threading.Event) -> None:
    while not done.wait(held.lease.valid_for_s / _RENEWALS):
        try:
            renew_lease(root, held.lease.holder)
        except BusyError as error:
            held.lost.set()
            LOGGER.warning("%s", error)
            return
        except (StateError, OSError) as error:  # of the network: the next time may do
            LOGGER.warning("the lease of this run could not be renewed: %s", error)


def _busy(root: str, lease: Lease, now: datetime.datetime) -> str:
    left, age = max(0.0, (lease.ends - now).total_seconds()), max(0.0, lease.age_s(now))
    return (
        f"{_path(root)}: {visible_line(lease.holder)} on {visible_line(lease.host)} is {visible_line(lease.doing)}, "
        f"since {lease.since} ({duration(age)} ago: {visible_line(lease.command)}); wait until it is "
        f"done; if it died, its lease runs out in {duration(left)}"
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _path(root: str) -> str:
    return f"{root.rstrip('/')}/{LEASE_FILE}"


def _read(root: str) -> tuple[Lease | None, str | Token]:
    content = _content(root)
    if content is None:
        return None, Token.ABSENT
    return LEASE_FORMAT.read(content.text, _path(root)), content.token


def _content(root: str) -> Content | None:
    if is_uri(root):
        check_supported(root, "the pipeline root")
        found = objects.read(_path(root))
        return found and Content(found.data.decode("utf-8", errors="replace"), str(found.generation))
    refuse_irregular(_path(root))
    try:
        return content_of(Path(_path(root)).read_bytes())
    except FileNotFoundError:
        return None


def _write(root: str, text: str, token: str | Token) -> None:
    if is_uri(root):
        try:
            objects.write(_path(root), text.encode(), 0 if isinstance(token, Token) else int(token))
        except GenerationError as error:
            raise ChangedError(LEASE_FILE) from error
        return
    with _alone(root, token):
        write_durably(_path(root), text)


def _delete(root: str, token: str | Token) -> None:
    if is_uri(root):
        try:
            objects.delete(_path(root), 0 if isinstance(token, Token) else int(token))
        except GenerationError as error:
            raise ChangedError(LEASE_FILE) from error
        return
    with _alone(root, token):
        os.unlink(_path(root))


@contextlib.contextmanager
def _alone(root: str, token: str | Token) -> Iterator[None]:
    """The moment between the look and the change, on a disk; by the registry's lock, for a lease is no longer."""
    directory = Path(root) / "registry"
    directory.mkdir(parents=True, exist_ok=True)
    with hold(directory / "lock", "taking the lease", _WAIT_S):
        content = _content(root)
        if (Token.ABSENT if content is None else content.token) != token:
            raise ChangedError(LEASE_FILE)
        yield
