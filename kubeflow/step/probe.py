"""Whether a job may do what it will have to do, asked before hours of training and not after."""

from __future__ import annotations

import uuid

from ratchet.components.object_store.files import files_of, read_text
from ratchet.components.object_store.objects import delete, read, write
from ratchet.components.object_store.uri import is_gs
from ratchet.kubeflow.step.places import put_text, remove_all
from ratchet.schemas.base.errors import StateError

_ROLE = "give the service account of the job roles/storage.objectAdmin on the bucket, or a directory that it may write"


def probe(directory: str) -> None:
    """Writes, replaces, lists and deletes a file, as a run does.

    Args:
        directory: of this machine or an object store.

    Raises:
        StateError: one of that is not possible.
    """
    place = f"{directory}/.probe-{uuid.uuid4().hex}"
    try:
        if is_gs(directory):
            _probe_objects(place)
        else:
            _probe_files(place)
    except OSError as error:
        raise StateError(f"{directory}: cannot be written ({error.strerror or error}); {_ROLE}") from error


def _probe_objects(place: str) -> None:
    generation = write(place, b"1", generation=0)
    generation = write(place, b"2", generation=generation)
    found = read(place)
    if found is None or found.data != b"2":
        raise StateError(f"{place}: what was written is not what is read; no store for a pipeline root")
    delete(place, generation=generation)


def _probe_files(place: str) -> None:
    for text in ("1", "2"):
        put_text(place, text)
    if read_text(place) != "2" or not files_of(place).exists(place):
        raise StateError(f"{place}: what was written is not what is read; no store for a pipeline root")
    remove_all(place)
