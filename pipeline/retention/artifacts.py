"""What ML Metadata knows of the artifacts of runs, and that some of them are gone."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.pipeline.retention.facts import RunArtifacts
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import open_store, store_errors
from ratchet.pipeline.root.places import home_of
from ratchet.schemas.base.artifact_places import places


class RunArtifactStore:
    """The ML Metadata store of a pipeline root.

    Args:
        root: pipeline root.

    Raises:
        StateError: it has no store that can be read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._home = home_of(root)
        self._store = open_store(root)
        self._run_name = store_of(root).run_name
        self._known: dict[str, RunArtifacts] = {}

    def of_run(self, run_id: str) -> RunArtifacts:
        """The artifacts of a run that are below this root and not marked as deleted.

        Args:
            run_id: one that ML Metadata does not know has none.

        Raises:
            StateError: the store cannot be read.
        """
        if run_id not in self._known:
            with store_errors(self._root):
                self._known[run_id] = self._of_run(run_id)
        return self._known[run_id]

    def mark_deleted(self, paths: Sequence[str]) -> None:
        """Notes that artifacts are gone, so that TFX takes none of them for a cached output.

        Args:
            paths: relative to the root.

        Raises:
            StateError: the store cannot be written.
        """
        with store_errors(self._root):
            gone = [one for path in paths for one in self._store.get_artifacts_by_uri(f"{self._home}/{path}")]
            for artifact in gone:
                artifact.state = mlmd.Artifact.DELETED
            if gone:
                self._store.put_artifacts(gone)

    def _of_run(self, run_id: str) -> RunArtifacts:
        context = self._store.get_context_by_type_and_name("pipeline_run", self._run_name(run_id))
        if context is None:
            return RunArtifacts(None, ())
        known = [
            places(artifact.uri, f"{self._home}/artifacts")[0]
            for artifact in self._store.get_artifacts_by_context(context.id)
            if artifact.state != mlmd.Artifact.DELETED
        ]
        own = {uri[len(self._home) + 1 :] for uri in known if uri.startswith(f"{self._home}/artifacts/")}
        return RunArtifacts(context.create_time_since_epoch / 1000, tuple(sorted(own)))
