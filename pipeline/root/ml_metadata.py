"""The ML Metadata store of a root on this machine: opened, asked for the steps of a run, told that the root moved."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ml_metadata import errors
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.pipeline.root.places import home_of
from ratchet.pipeline.root.step_result import StepResult
from ratchet.schemas.base.errors import StateError

_MEND = "restore the file from a backup, or `ratchet doctor --repair` begins a new one"
_DONE = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


def open_store(root: Path) -> MetadataStore:
    """Opens the store of a pipeline root; none is made.

    Raises:
        StateError: there is none, or it is damaged.
    """
    database = root.resolve() / "metadata.sqlite"
    if not database.is_file() or not database.stat().st_size:
        raise StateError(f"{database}: ML Metadata is lost; {_MEND}")
    connection = sqlite_at(root.resolve())
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
    with store_errors(root):
        return MetadataStore(connection)


@contextlib.contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turns what the store raises into one line.

    Raises:
        StateError: the store cannot be read or written.
    """
    try:
        yield
    except (errors.StatusError, RuntimeError, sqlite3.Error) as error:  # a damaged file is a RuntimeError
        first = str(error).strip().splitlines()[0][:200]
        raise StateError(
            f"{root.resolve() / 'metadata.sqlite'}: cannot be read or written ({first}); make it writable, or {_MEND}"
        ) from error


def sqlite_at(root: Path) -> mlmd.ConnectionConfig:
    """The store of a pipeline root on this machine."""
    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = f"{root}/metadata.sqlite"
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return connection


def read_step(connection: mlmd.ConnectionConfig, run_id: str, step: str) -> StepResult | None:
    """One step of a run; None if it was not started."""
    return read_run(connection, run_id).get(step)


def read_run(connection: mlmd.ConnectionConfig, run_id: str) -> dict[str, StepResult]:
    """The steps of a run that were started, by node id; empty for a run that never began."""
    store = MetadataStore(connection)
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    if context is None:
        return {}
    # A resumed run has several executions of a step; the last one counts.
    executions = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    latest = {_node_id(store, execution): execution for execution in executions}
    return {step: _result(store, step, execution) for step, execution in latest.items() if step is not None}


def _node_id(store: MetadataStore, execution: mlmd.Execution) -> str | None:
    """None for what is no step of the pipeline: the approval of a run is in its context, too."""
    nodes = [context.name for context in store.get_contexts_by_execution(execution.id) if context.type == "node"]
    return nodes[0].split(".", 1)[1] if nodes else None  # PIPELINE.NODE


def _result(store: MetadataStore, step: str, execution: mlmd.Execution) -> StepResult:
    events = store.get_events_by_execution_ids([execution.id])
    outputs = {event.artifact_id: event.path.steps[0].key for event in events if event.type == mlmd.Event.OUTPUT}
    artifacts = store.get_artifacts_by_id(list(outputs)) if outputs else []
    done = execution.last_known_state in _DONE
    elapsed_ms = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return StepResult(
        step=step,
        done=done,
        seconds=elapsed_ms / 1000 if done else 0.0,
        outputs={outputs[artifact.id]: artifact.uri for artifact in artifacts},
        output_properties={outputs[artifact.id]: _properties(artifact) for artifact in artifacts},
    )


def _properties(artifact: mlmd.Artifact) -> dict[str, int | float | str]:
    return {
        name: getattr(value, str(value.WhichOneof("value")))
        for name, value in artifact.custom_properties.items()
        if value.WhichOneof("value") in ("int_value", "double_value", "string_value")
    }


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
    own, before = home_of(root), recorded.rstrip("/")
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
