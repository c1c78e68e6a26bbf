"""The ML Metadata store of a root on this machine, and its errors as ours."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ml_metadata import errors
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from schemas.base.errors import StateError

_MEND = "restore the file from a backup, or `ratchet doctor --repair` begins a new one"


def open_store(root: Path) -> MetadataStore:
    """Opens the store of a pipeline root; none is made.

    Raises:
        StateError: there is none, or it is damaged.
    """
    database = root.resolve() / "metadata.sqlite"
    if not database.is_file() or not database.stat().st_size:
        raise StateError(f"{database}: ML Metadata is lost; {_MEND}")
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
    with store_errors(root):
        return MetadataStore(config)


@contextlib.contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turns what the store raises into one line.

    Raises:
        StateError: the store cannot be read or written.
    """
    try:
        yield
    except (errors.StatusError, RuntimeError) as error:  # a damaged file is a RuntimeError
        first = str(error).strip().splitlines()[0][:200]
        raise StateError(
            f"{root.resolve() / 'metadata.sqlite'}: cannot be read or written ({first}); make it writable, or {_MEND}"
        ) from error
