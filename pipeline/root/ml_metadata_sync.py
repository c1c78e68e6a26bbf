"""ML Metadata is told what the registry decided, so that TFX's resolver takes the served model.

The registry comes first and needs none of this: what could not be told is told by the next command that can. It speaks
to the store directly, for TFX would take 20 seconds to start.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.override_log import LoggedOverride
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import OVERRIDE_TYPE, open_store, store_errors
from ratchet.pipeline.root.places import home_of
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, OverrideKind
from ratchet.schemas.base.errors import RatchetError

_EXECUTION_TYPES = {
    OverrideKind.APPROVED: "ratchet.Approve",
    OverrideKind.ROLLED_BACK: "ratchet.Rollback",
    OverrideKind.ADOPTED: "ratchet.Adopt",
}
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
        contexts: of the pipeline and of the run.
        model: its candidate.
        blessings: what was said about the candidate, the latest last.
        evaluations: of the candidate.
    """

    contexts: tuple[mlmd.Context, ...]
    model: mlmd.Artifact
    blessings: tuple[mlmd.Artifact, ...]
    evaluations: tuple[mlmd.Artifact, ...]


def tell(root: Path, registry: Registry) -> str | None:
    """Brings ML Metadata up to the log of approvals and rollbacks.

    Args:
        root: pipeline root.
        registry: of it.

    Returns:
        Why it could not be told; None if it knows all.
    """
    logged = registry.logged()
    if not logged or _has_never_run(root):
        return None
    try:
        store = OverrideStore(root)
        with store_errors(root):
            for entry in reversed(list(_unknown(store, logged))):
                store.record(entry)
    except (RatchetError, OSError) as error:  # no driver or no password here, too: another machine may have them
        return str(error)
    return None


def _has_never_run(root: Path) -> bool:
    """Whether no run has made ML Metadata yet, as in a root with an adopted model: what was done is told after one."""
    store = store_of(root)
    return store.server is None and not store.is_begun and not (root / "artifacts").is_dir()


def _unknown(store: OverrideStore, logged: Sequence[LoggedOverride]) -> Iterator[LoggedOverride]:
    """From the newest back to the first that the store knows."""
    for entry in reversed(logged):
        if store.knows(entry):
            return
        yield entry


class OverrideStore:
    """The ML Metadata store of a pipeline root.

    Args:
        root: pipeline root.

    Raises:
        StateError: it has no store.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = open_store(root)
        self._name = store_of(root).run_name  # of runs and versions, which another root may have as well

    def knows(self, logged: LoggedOverride) -> bool:
        """Whether an approval or rollback is in it."""
        return self._store.get_artifact_by_type_and_name(OVERRIDE_TYPE, self._name(logged.override.version)) is not None

    def record(self, logged: LoggedOverride) -> None:
        """Records an approval or rollback and makes the model of its run the latest blessed one; once, if repeated.

        Of a run that the store does not know, since it was lost and begun anew, only the override itself is recorded.
        """
        if self.knows(logged):
            return
        run = self._run(logged.override.run_id)
        outputs, inputs = {"override": self._override(logged)}, {}
        if run is not None:
            self._unbless_newer(run.model.id)
            # The override comes last: where it is, all of this was done.
            outputs = {"blessing": self._blessing(run, logged), **outputs}
            inputs = {"model": run.model, **({"evaluation": run.evaluations[-1]} if run.evaluations else {})}
        self._store.put_execution(
            self._execution(logged),
            [(artifact, _event(key, mlmd.Event.INPUT)) for key, artifact in inputs.items()]
            + [(artifact, _event(key, mlmd.Event.OUTPUT)) for key, artifact in outputs.items() if artifact],
            run.contexts if run else [],
            force_reuse_context=True,
        )

    def unbless(self, run_id: str) -> None:
        """Takes back the blessing of a candidate that the evaluator accepted and that was kept out of service."""
        run = self._run(run_id)
        changed = [blessing for blessing in (run.blessings if run else ()) if _is_blessed(blessing)]
        for blessing in changed:
            blessing.custom_properties["blessed"].int_value = 0
        self._store.put_artifacts(changed)

    def _run(self, run_id: str) -> EvaluatedRun | None:
        context = self._store.get_context_by_type_and_name("pipeline_run", self._name(run_id))
        if context is None:
            return None
        artifacts = sorted(self._store.get_artifacts_by_context(context.id), key=lambda artifact: artifact.id)
        blessings = tuple(artifact for artifact in artifacts if artifact.type == "ModelBlessing")
        models = {artifact.id: artifact for artifact in artifacts if artifact.type == "Model"}
        if not blessings or _model_id(blessings[-1]) not in models:
            return None
        return EvaluatedRun(
            contexts=(self._pipeline(blessings[-1]), context),
            model=models[_model_id(blessings[-1])],
            blessings=blessings,
            evaluations=tuple(artifact for artifact in artifacts if artifact.type == "ModelEvaluation"),
        )

    def _pipeline(self, blessing: mlmd.Artifact) -> mlmd.Context:
        contexts = self._store.get_contexts_by_artifact(blessing.id)
        return next(context for context in contexts if context.type == "pipeline")

    def _unbless_newer(self, model_id: int) -> None:
        """TFX's strategy takes the highest id, so nothing newer may be blessed.

        That is what a rollback leaves behind, and what was blessed and never pushed.
        """
        own = f"{home_of(self._root)}/" if store_of(self._root).owner else ""  # else all are this root's
        said = [one for one in self._store.get_artifacts_by_type("ModelBlessing") if one.uri.startswith(own)]
        changed = [one for one in said if _is_blessed(one) and _model_id(one) > model_id]
        for blessing in changed:
            blessing.custom_properties["blessed"].int_value = 0
        self._store.put_artifacts(changed)

    def _blessing(self, run: EvaluatedRun, logged: LoggedOverride) -> mlmd.Artifact | None:
        """The evaluator's blessing, said otherwise; None if it is a yes already."""
        if any(map(_is_blessed, run.blessings)):
            return None
        kind, version = _EXECUTION_TYPES[logged.override.kind], logged.override.version
        place = f"{home_of(self._root)}/artifacts/{kind}/blessing/{version}"
        files_of(place).makedirs(place)
        with files_of(place).open(f"{place}/BLESSED", "w"):
            pass  # as TFX's evaluator does
        blessing = mlmd.Artifact(type_id=run.blessings[-1].type_id, uri=place, state=mlmd.Artifact.LIVE)
        for name, value in run.blessings[-1].custom_properties.items():
            blessing.custom_properties[name].CopyFrom(value)
        blessing.custom_properties["blessed"].int_value = 1
        return blessing

    def _override(self, logged: LoggedOverride) -> mlmd.Artifact:
        kind = mlmd.ArtifactType(name=OVERRIDE_TYPE, properties=_FIELDS)
        artifact = mlmd.Artifact(
            type_id=self._store.put_artifact_type(kind, can_add_fields=True),
            name=self._name(logged.override.version),
            uri=f"{home_of(self._root)}/registry",
            state=mlmd.Artifact.LIVE,
        )
        for name, value in {**OVERRIDE_FORMAT.values_of(logged.override), "line": logged.line}.items():
            if isinstance(value, bool):
                artifact.properties[name].int_value = int(value)
            elif isinstance(value, str):  # what an adoption was made of stands in the line
                artifact.properties[name].string_value = value
        return artifact

    def _execution(self, logged: LoggedOverride) -> mlmd.Execution:
        kind = mlmd.ExecutionType(name=_EXECUTION_TYPES[logged.override.kind])
        return mlmd.Execution(
            type_id=self._store.put_execution_type(kind),
            name=self._name(logged.override.version),
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
