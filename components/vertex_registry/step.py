"""From the Pusher's result to a registered model: only what was pushed, and only while it is what is served."""

from __future__ import annotations

import dataclasses

from ratchet.components.object_store.files import read_text
from ratchet.components.vertex_registry.register import Vertex, told
from ratchet.components.vertex_registry.requests import DEFAULT, PushedModel
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.publication import VERTEX_REGISTERED, PublicationResult
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, POINTER_FORMAT, ServedModel
from ratchet.schemas.base.errors import StateError


def with_registration(
    publication: PublicationResult, vertex: Vertex, registry_directory: str, serving_directory: str
) -> PublicationResult:
    """What the Pusher wrote, with what came of registering the version; as it was where nothing was pushed.

    Args:
        publication: of the Pusher.
        vertex: where it is registered.
        registry_directory: says what is served by now.
        serving_directory: holds the versions.
    """
    if publication.version is None:
        return publication
    reason = _registered(publication.version, vertex, f"{registry_directory}/{POINTER_FILE}", serving_directory)
    return dataclasses.replace(publication, told=(*publication.told, reason))


def model_of(served: ServedModel, serving_directory: str) -> PushedModel:
    """A served model as it is registered.

    Args:
        served: its entry.
        serving_directory: holds its files.
    """
    uri = f"{serving_directory.rstrip('/')}/{served.version}"
    return PushedModel(served.version, served.digest, uri, served.span, served.map, served.run_id)


def _registered(version: str, vertex: Vertex, pointer_file: str, serving_directory: str) -> Reason:
    expected = f"version {version} is {DEFAULT} of {vertex.place.name}"
    try:
        served = POINTER_FORMAT.read(read_text(pointer_file), pointer_file).served
    except (OSError, ValueError, StateError) as error:
        return Reason(VERTEX_REGISTERED, expected, f"{pointer_file}: {error}", passed=True, warning=True)
    if served is None or served.version != version:
        now = f"version {served.version} is" if served else "nothing is"
        return Reason(VERTEX_REGISTERED, expected, f"{now} served by now, so it was left alone", passed=True)
    return told(vertex, model_of(served, serving_directory))
