"""Whether a root goes on with the ML Metadata store that it has; nothing is written.

Executions are numbered by the store, and TFX writes to directories of those numbers: a root never goes on with another
store by itself. In a shared database each root has an id, and a context that says where it lies: so a copy is told from
a root that was moved.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ratchet.components.stack.mlmd_driver import check_rights, connected, refused
from ratchet.components.stack.mlmd_server import SETTING, Server
from ratchet.components.stack.mlmd_tables import missing_table, place_of_root
from ratchet.pipeline.root.executions import highest_execution
from ratchet.pipeline.root.metadata_store import Store, store_of
from ratchet.pipeline.root.places import home_of, place, uri_of
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE, METADATA_FILE_FORMAT
from ratchet.schemas.base.errors import ConfigError, StateError

_UNKNOWN = (
    "it does not know this root: it was emptied or made anew",
    "restore it from a backup, or `ratchet doctor --repair` begins a new one that counts on from what is on the disk",
)


def check_store(root: Path, wanted: Server | None) -> bool:
    """Whether a root has the store that its settings name; nothing is written.

    Args:
        root: which need not be there.
        wanted: by its settings; None: SQLite.

    Returns:
        Whether the root is a fresh one that would get its place in the database.

    Raises:
        ConfigError: the root has another store.
        StateError: the server refuses, does not know the root, or the root is a copy.
    """
    store = store_of(root)
    if wanted is None:
        if store.server is not None:
            raise _other(store, "sqlite", "this run's settings name none")
        return False
    is_fresh = store.server is None
    said = f"this run's settings say {SETTING} {wanted.url}"
    if is_fresh and (store.is_begun or (root.is_dir() and highest_execution(root))):
        raise _other(store, wanted.url, said)
    with connected(wanted, store.owner) as tables:
        has_tables = missing_table(tables) is None
        recorded = place_of_root(tables) if has_tables and not is_fresh else None
        check_rights(tables, wanted, has_tables)
    if recorded is not None:
        check_no_copy(root, recorded, store.owner)
    elif not is_fresh:
        raise refused(wanted, *_UNKNOWN) if store.server == wanted else _other(store, wanted.url, said)
    return is_fresh


def recorded_place(root: Path) -> str | None:
    """Where the server last saw a root; None with SQLite, or where it does not know it.

    Raises:
        StateError: the server refuses.
    """
    store = store_of(root)
    if store.server is None:
        return None
    with store.tables() as tables:
        return place_of_root(tables)


def _other(store: Store, wanted: str, said: str) -> ConfigError:
    kept = store.server.url if store.server else "null"
    return ConfigError(
        f"{uri_of(store.root)} keeps its ML Metadata in {store.name}, and {said}: a root keeps its store; set "
        f"{SETTING} to {kept}, or begin a new one, which counts on from what is on the disk, by "
        f"`ratchet doctor --repair --metadata {wanted}`"
    )


def check_no_copy(root: Path, recorded: str, owner: str) -> None:
    """Whether no other root has this one's id: both would give their runs the same names.

    Args:
        root: the root.
        recorded: where the server saw it last.
        owner: its id.

    Raises:
        StateError: it is a copy of one that is still there.
    """
    if recorded == home_of(root) or not _is_still_there(recorded, owner):
        return
    raise StateError(
        f"{uri_of(root)}: is a copy of {recorded}, and both have the same id in one database, so only one of them can "
        f"go on with it; of the other one, move {METADATA_FILE} away, and `ratchet doctor --repair` begins a new store"
    )


def _is_still_there(recorded: str, owner: str) -> bool:
    file = place(recorded, METADATA_FILE)
    with contextlib.suppress(OSError, ValueError, StateError):
        return METADATA_FILE_FORMAT.read(file.read_bytes(), str(file)).owner == owner
    return False
