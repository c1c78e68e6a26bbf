"""Which ML Metadata store a root has: SQLite in the root, or a database of a server that `metadata.json` names."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.stack.mlmd_driver import connected
from ratchet.components.stack.mlmd_server import SETTING, Server
from ratchet.components.stack.mlmd_tables import Tables
from ratchet.components.stack.run_names import name_in_store
from ratchet.pipeline.root.places import named
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE, METADATA_FILE_FORMAT, MetadataFile
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import read_regular, write_durably

DATABASE = "metadata.sqlite"


@dataclass(frozen=True)
class Store:
    """Where a root keeps its ML Metadata.

    Attributes:
        root: the root, or its working copy.
        server: that has it; None: SQLite.
        owner: the root's own id there; empty with SQLite.
    """

    root: Path
    server: Server | None = None
    owner: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{SETTING} {self.server.url}" if self.server else str(self.root.resolve() / DATABASE)

    @property
    def file(self) -> Path:
        """What stands for it in the root."""
        return self.root / (METADATA_FILE if self.server else DATABASE)

    @property
    def is_begun(self) -> bool:
        """Whether a run has made it; a server is not asked."""
        return self.server is not None or (self.file.is_file() and self.file.stat().st_size > 0)

    def run_name(self, run_id: str) -> str:
        """What a run is called in it."""
        return name_in_store(run_id, self.owner)

    @contextlib.contextmanager
    def tables(self) -> Iterator[Tables]:
        """Its tables, in one transaction.

        Raises:
            StateError: the server refuses.
            sqlite3.Error: the file cannot be used.
        """
        if self.server is not None:
            with connected(self.server, self.owner) as found:
                yield found
            return
        with contextlib.closing(sqlite3.connect(self.file)) as store, store:
            yield Tables(store)


def store_of(root: Path) -> Store:
    """The store of a root; SQLite where nothing says otherwise.

    Args:
        root: which need not be there.

    Raises:
        StateError: `metadata.json` is torn, cannot be read, or was written by a newer version.
    """
    there = read_metadata_file(root)
    return Store(root, Server.parse(there.url), there.owner) if there else Store(root)


def read_metadata_file(root: Path) -> MetadataFile | None:
    """`metadata.json` of a root; None where there is none.

    Raises:
        StateError: it is torn, cannot be read, or was written by a newer version.
    """
    path = root / METADATA_FILE
    try:
        made = METADATA_FILE_FORMAT.read(read_regular(path), named(root, path))
        Server.parse(made.url)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateError(f"{named(root, path)}: cannot be read ({error.strerror}); make it readable") from error
    except ValueError as error:  # no text, or a URL that is none
        raise StateError(f"{named(root, path)}: is torn ({error}); {METADATA_FILE_FORMAT.fix}") from error
    return made


def write_metadata_file(root: Path, store: Store) -> None:
    """Lets a root name the server that has its store.

    Raises:
        OSError: it cannot be written.
    """
    if store.server is not None:
        write_durably(root / METADATA_FILE, METADATA_FILE_FORMAT.write(MetadataFile(store.server.url, store.owner)))
