"""Another ML Metadata store for a root, because a person asks for it: begun anew behind what is on the disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Optional

from ratchet.components.stack.mlmd_driver import connected
from ratchet.components.stack.mlmd_server import Server
from ratchet.pipeline.doctor.ml_metadata_check import begin_anew
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.root_file import read_file, write_file
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.progress import LOGGER

SQLITE = "sqlite"
OPTION = "--metadata"


@dataclasses.dataclass(frozen=True)
class WantedStore:
    """The store that a root is to have.

    Attributes:
        server: that is to keep it; None: SQLite.
    """

    server: Optional[Server] = None

    @classmethod
    def of(cls, given: str) -> WantedStore:
        """Reads the option.

        Raises:
            InputError: it names neither SQLite nor a server.
        """
        try:
            return cls(None if given == SQLITE else Server.parse(given))
        except ValueError as error:
            raise InputError(f"{OPTION}: {error}; or give {SQLITE}") from error


def change_store(patient: Patient, wanted: WantedStore) -> None:
    """Begins the store that is wanted, and lets the root's settings name it; nothing to do where it is in use.

    Args:
        patient: the root, which nobody else works in.
        wanted: the store.

    Raises:
        StateError: a server refuses; nothing was changed.
    """
    store = store_of(patient.root)
    if store.server == wanted.server and store.is_begun:
        LOGGER.info("ML Metadata is in %s already", store.name)
        return
    if wanted.server is not None:
        with connected(wanted.server):  # before what could only go on with the old one is ended
            pass
    begin_anew(patient, wanted.server)
    there = read_file(patient.root)
    if there is not None:
        write_file(patient.root, dataclasses.replace(there, settings=_settings(there.settings, wanted)))
    LOGGER.info("ML Metadata goes on in %s; name it in your configuration, too", store_of(patient.root).name)


def _settings(settings: Mapping[str, Any], wanted: WantedStore) -> dict[str, Any]:
    others = {name: value for name, value in settings.items() if name != "metadata"}
    return {**others, "metadata": {"url": wanted.server.url}} if wanted.server else others
