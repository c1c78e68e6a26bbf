"""Approvals and rollbacks in ML Metadata, so that TFX's resolver of the latest blessed model names the served one.

It speaks to the store directly: TFX would take 20 seconds to start.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.registry.override_log import LoggedOverride
from schemas.errors import StateError
from schemas.overrides import OverrideKind

OVERRIDE_TYPE = "RatchetOverride"
_EXECUTION_TYPES = {OverrideKind.APPROVED: "ratchet.Approve", OverrideKind.ROLLED_BACK: "ratchet.Rollback"}
_FIELDS = {
    "kind": mlmd.STRING,
    "at": mlmd.STRING,
    "by": mlmd.STRING,
    "reason": mlmd.STRING,
    "run_id": mlmd.STRING,
    "version": mlmd.STRING,
    "previous_version": mlmd.STRING,
    "model_digest": mlmd.STRING,
    "golden_digest": mlmd.STRING,
    "expires": mlmd.STRING,
    "evaluation_broken": mlmd.INT,
    "restored": mlmd.STRING,
    "line": mlmd.STRING,
}


@dataclass(frozen=True)
class EvaluatedRun:
    """A run that came to a decision, as ML Metadata knows it.

    Attributes:
        pipeline: name of its pipeline.
        contexts: of the pipeline and of the run.
        model: its candidate.
        blessings: what was said about the candidate, the latest last.
        evaluations: of the candidate.
    """

    pipeline: str
    contexts: tuple[mlmd.Context, ...]
    model: mlmd.Artifact
    blessings: tuple[mlmd.Artifact, ...]
    evaluations: tuple[mlmd.Artifact, ...]


class OverrideStore:
    """The ML Metadata store of a pipeline root.

    Args:
        root: pipeline root.

    Raises:
        StateError: it has no store.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._database = root.resolve() / "metadata.sqlite"
        if not self._database.is_file():
            raise StateError(f"{self._database}: no such file; restore ML Metadata from a backup, or check --root")
        self.connection = mlmd.ConnectionConfig()
        self.connection.sqlite.filename_uri = str(self._database)
        self.connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
        self._store = MetadataStore(self.connection)

    def run(self, run_id: str) -> EvaluatedRun:
        """Finds a run.

        Raises:
            StateError: it is not there, or its candidate was not evaluated.
        """
        context = self._store.get_context_by_type_and_name("pipeline_run", run_id)
        if context is None:
            raise StateError(f"{self._database}: run {run_id} is not in it; restore ML Metadata from a backup")
        artifacts = sorted(self._store.get_artifacts_by_context(context.id), key=lambda artifact: artifact.id)
        blessings = tuple(artifact for artifact in artifacts if artifact.type == "ModelBlessing")
        models = {artifact.id: artifact for artifact in artifacts if artifact.type == "Model"}
        if not blessings or _model_id(blessings[-1]) not in models:
            raise StateError(
                f"{self._database}: run {run_id} has no evaluated model; restore ML Metadata from a backup"
            )
        pipeline = self._pipeline(blessings[-1])
        return EvaluatedRun(
            pipeline=pipeline.name,
            contexts=(pipeline, context),
            model=models[_model_id(blessings[-1])],
            blessings=blessings,
            evaluations=tuple(artifact for artifact in artifacts if artifact.type == "ModelEvaluation"),
        )

    def record(self, logged: LoggedOverride, run: EvaluatedRun) -> None:
        """Records an approval or rollback and makes the model of its run the latest blessed one; once, if repeated.

        Args:
            logged: what was done.
            run: the run whose model is served by it.
        """
        version = logged.override.version
        if self._store.get_artifact_by_type_and_name(OVERRIDE_TYPE, version) is not None:
            return
        self._unbless_newer(run.model.id)
        # The override comes last: where it is, all of this was done.
        outputs = {"blessing": self._blessing(run, logged), "override": self._override(logged)}
        inputs = {"model": run.model, **({"evaluation": run.evaluations[-1]} if run.evaluations else {})}
        self._store.put_execution(
            self._execution(logged),
            [(artifact, _event(key, mlmd.Event.INPUT)) for key, artifact in inputs.items()]
            + [(artifact, _event(key, mlmd.Event.OUTPUT)) for key, artifact in outputs.items() if artifact],
            run.contexts,
            force_reuse_context=True,
        )

    def _pipeline(self, blessing: mlmd.Artifact) -> mlmd.Context:
        contexts = self._store.get_contexts_by_artifact(blessing.id)
        return next(context for context in contexts if context.type == "pipeline")

    def _unbless_newer(self, model_id: int) -> None:
        """TFX's strategy takes the highest id, so nothing newer may be blessed.

        That is what a rollback leaves behind, and what was blessed and never pushed.
        """
        blessed = [one for one in self._store.get_artifacts_by_type("ModelBlessing") if _is_blessed(one)]
        changed = [one for one in blessed if _model_id(one) > model_id]
        for blessing in changed:
            blessing.custom_properties["blessed"].int_value = 0
        self._store.put_artifacts(changed)

    def _blessing(self, run: EvaluatedRun, logged: LoggedOverride) -> mlmd.Artifact | None:
        """The evaluator's blessing, said otherwise; None if it is a yes already."""
        if any(map(_is_blessed, run.blessings)):
            return None
        directory = self._root.resolve() / "artifacts" / _EXECUTION_TYPES[logged.override.kind] / "blessing"
        place = directory / logged.override.version
        place.mkdir(parents=True, exist_ok=True)
        (place / "BLESSED").touch()  # as TFX's evaluator does
        blessing = mlmd.Artifact(type_id=run.blessings[-1].type_id, uri=str(place), state=mlmd.Artifact.LIVE)
        for name, value in run.blessings[-1].custom_properties.items():
            blessing.custom_properties[name].CopyFrom(value)
        blessing.custom_properties["blessed"].int_value = 1
        return blessing

    def _override(self, logged: LoggedOverride) -> mlmd.Artifact:
        kind = mlmd.ArtifactType(name=OVERRIDE_TYPE, properties=_FIELDS)
        artifact = mlmd.Artifact(
            type_id=self._store.put_artifact_type(kind, can_add_fields=True),
            name=logged.override.version,
            uri=str(self._root.resolve() / "registry"),
            state=mlmd.Artifact.LIVE,
        )
        for name, value in {**logged.override.to_json(), "line": logged.line}.items():
            if isinstance(value, bool):
                artifact.properties[name].int_value = value
            elif value is not None:
                artifact.properties[name].string_value = value
        return artifact

    def _execution(self, logged: LoggedOverride) -> mlmd.Execution:
        kind = mlmd.ExecutionType(name=_EXECUTION_TYPES[logged.override.kind])
        return mlmd.Execution(
            type_id=self._store.put_execution_type(kind),
            name=logged.override.version,
            last_known_state=mlmd.Execution.COMPLETE,
        )


def _model_id(blessing: mlmd.Artifact) -> int:
    return blessing.custom_properties["current_model_id"].int_value


def _is_blessed(blessing: mlmd.Artifact) -> bool:
    return blessing.custom_properties["blessed"].int_value == 1


def _event(key: str, kind: int) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = key
    return event
