"""A root takes a place in the database of a server, at its first run or when a new store is begun for it."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import secrets
from pathlib import Path

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_client import open_client
from ratchet.components.stack.mlmd_driver import alone, connected
from ratchet.components.stack.mlmd_server import Server
from ratchet.components.stack.mlmd_tables import ROOT_PLACE, ROOT_TYPE, is_whole
from ratchet.pipeline.root.executions import count_on, highest_execution
from ratchet.pipeline.root.metadata_store import Store, store_of, write_metadata_file
from ratchet.pipeline.root.ml_metadata import client_errors, open_store, relocate, server_at, store_errors
from ratchet.pipeline.root.places import home_of
from ratchet.pipeline.root.same_store import check_no_copy, check_store, recorded_place


def take_store(root: Path, wanted: Server | None) -> None:
    """Makes sure that a root has the store that its settings name; a fresh root gets it.

    Args:
        root: it has to be there, and locked.
        wanted: by its settings; None: SQLite.

    Raises:
        ConfigError: the root has another one.
        StateError: the server refuses, does not know the root, or the root is a copy.
    """
    if check_store(root, wanted) and wanted is not None:
        begin_on_server(root, wanted)
        return
    store = store_of(root)
    if wanted is not None and store.server != wanted:  # the same database by another name or user
        write_metadata_file(root, Store(root, wanted, store.owner))


def begin_on_server(root: Path, server: Server) -> Store:
    """Gives a root a place of its own in a database, with numbers above all that are on the disk.

    Args:
        root: it has to be there, and locked.
        server: whose tables are made if need be.

    Raises:
        StateError: the server refuses.
    """
    store = Store(root, server, secrets.token_hex(6))
    _make_tables(server)
    with client_errors(server):
        _note(open_client(server_at(server)), store.owner, home_of(root))
    count_on(store, highest_execution(root))
    write_metadata_file(root, store)
    return store


def move_on_server(root: Path) -> str | None:
    """Tells the server where a root is now, if it saw it elsewhere; nothing to do with SQLite.

    Returns:
        Where it was; None if it was not moved.

    Raises:
        StateError: the server refuses, or the root is a copy of one that is still there.
    """
    store = store_of(root)
    recorded = recorded_place(root)
    if recorded is None or recorded == home_of(root):
        return None
    check_no_copy(root, recorded, store.owner)
    relocate(root, recorded)
    with store_errors(root):
        _note(open_store(root), store.owner, home_of(root))
    return recorded


def _make_tables(server: Server) -> None:
    with connected(server) as tables:
        if is_whole(tables):
            return
        with alone(tables), client_errors(server):
            open_client(server_at(server))  # makes nothing where another runner was first


def _note(store: MetadataStore, owner: str, where: str) -> None:
    kind = mlmd.ContextType(name=ROOT_TYPE, properties={ROOT_PLACE: mlmd.STRING})
    known = store.get_context_by_type_and_name(ROOT_TYPE, owner)
    context = known or mlmd.Context(type_id=store.put_context_type(kind), name=owner)
    context.properties[ROOT_PLACE].string_value = where
    store.put_contexts([context])
