"""A pipeline root that was moved or copied: ML Metadata is told where its artifacts are now."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.root.local_metadata import open_store, store_errors


def relocate(root: Path, recorded: str) -> int:
    """Rewrites what ML Metadata says of places below the old root: URIs of artifacts, and properties that are such.

    All of it is one transaction of ML Metadata: after a kill either everything was rewritten or nothing. What lies
    elsewhere, executions (which say what was asked for then) and everything outside ML Metadata stay as they are.

    Args:
        root: pipeline root, where it is now.
        recorded: absolute path where it was; of a copy, the path of its original.

    Returns:
        How many artifacts were rewritten; 0 if it is done again.

    Raises:
        StateError: there is no store, or it cannot be read or written.
    """
    own, before = str(root.resolve()), recorded.rstrip("/")
    if before == own:
        return 0
    store = open_store(root)
    with store_errors(root):
        moved = [one for one in store.get_artifacts() if _move(one, before, own)]
        if moved:
            store.put_artifacts(moved)
    return len(moved)


def _move(artifact: mlmd.Artifact, recorded: str, own: str) -> bool:
    """Whether something in it named a place below the old root; then it names the new one."""
    values = [value for value in artifact.custom_properties.values() if value.HasField("string_value")]
    before = [artifact.uri, *(value.string_value for value in values)]
    artifact.uri = _moved(artifact.uri, recorded, own)
    for value in values:
        value.string_value = _moved(value.string_value, recorded, own)
    return before != [artifact.uri, *(value.string_value for value in values)]


def _moved(place: str, recorded: str, own: str) -> str:
    return own + place[len(recorded) :] if place == recorded or place.startswith(f"{recorded}/") else place
