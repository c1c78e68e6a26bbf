"""Whether the golden set that an earlier run stored may be taken again, instead of storing the same once more.

TFX takes a cached output if ML Metadata calls its artifact LIVE and its directory exists, whatever is in there. So what
is no longer as it was written is marked as deleted first, and the step runs again.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.example_gen.content import stored_digest
from ratchet.components.object_store.files import files_of
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import open_store, store_errors
from ratchet.pipeline.root.places import part_of
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.data.dataset import GOLDEN_STEP


def drop_damaged(root: Path, content: str) -> int:
    """Marks stored golden sets as deleted that are not what was written.

    Args:
        root: absolute path of the pipeline root.
        content: only those of this content are looked at; the others will not be taken.

    Returns:
        How many were marked.

    Raises:
        StateError: ML Metadata cannot be read or written.
    """
    if not store_of(root).is_begun:  # before the first run
        return 0
    store = open_store(root)
    with store_errors(root):
        damaged = [one for one in _stored(store, root) if _holds(one, content) and not _is_whole(one)]
        for artifact in damaged:
            LOGGER.warning("%s: not the golden set that was stored there; it is stored anew", artifact.uri)
            artifact.state = mlmd.Artifact.DELETED
        if damaged:
            store.put_artifacts(damaged)
    return len(damaged)


def _stored(store: MetadataStore, root: Path) -> list[mlmd.Artifact]:
    artifacts = part_of(root, f"artifacts/{GOLDEN_STEP}")
    directories = sorted(str(path) for path in artifacts.glob("examples/*"))
    return [one for directory in directories for one in store.get_artifacts_by_uri(directory)]


def _holds(artifact: mlmd.Artifact, content: str) -> bool:
    is_live = artifact.state == mlmd.Artifact.LIVE
    return is_live and artifact.custom_properties["content"].string_value == content


def _is_whole(artifact: mlmd.Artifact) -> bool:
    try:
        return (
            stored_digest(artifact.uri, files_of(artifact.uri))
            == artifact.custom_properties["stored_digest"].string_value
        )
    except OSError:
        return False
