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

from ratchet.components.stack.mlmd_client import open_client
from ratchet.components.stack.mlmd_driver import connected, refused, tell_client
from ratchet.components.stack.mlmd_server import POSTGRESQL, Server
from ratchet.components.stack.mlmd_tables import missing_table
from ratchet.components.stack.run_names import name_in_store
from ratchet.pipeline.root.metadata_store import DATABASE, store_of
from ratchet.pipeline.root.places import home_of
from ratchet.pipeline.root.step_result import StepResult
from ratchet.schemas.base.errors import StateError

_ANEW = "`ratchet doctor --repair` begins a new one"
_MEND = f"restore the file from a backup, or {_ANEW}"
OVERRIDE_TYPE = "RatchetOverride"
_NOT_OPENED = ("Metadata storage", "PostgreSQL metadata source", "mysql_real_connect")
_DONE = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


def open_store(root: Path) -> MetadataStore:
    """Opens the store of a pipeline root; none is made.

    Raises:
        StateError: there is none, it is damaged, or its server refuses.
    """
    store = store_of(root)
    if not store.is_begun:
        raise StateError(f"{store.name}: ML Metadata is lost; {_MEND}")
    with store_errors(root):
        if store.server is None:
            connection = sqlite_at(root.resolve())
            connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE
            return MetadataStore(connection)
        with store.tables() as tables:  # the client would make what is missing
            if missing_table(tables):
                raise refused(store.server, "it has no tables of ML Metadata any more", f"restore it, or {_ANEW}")
        return open_client(connection_to(root))


@contextlib.contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turns what the store raises into one line.

    Raises:
        StateError: the store cannot be read or written.
    """
    try:
        yield
    except (errors.StatusError, RuntimeError, sqlite3.Error) as error:  # a damaged file is a RuntimeError
        store = store_of(root)
        if store.server is not None:
            raise _of_server(store.server, error) from error
        raise StateError(
            f"{store.name}: cannot be read or written ({_first(error)}); make it writable, or {_MEND}"
        ) from error


@contextlib.contextmanager
def client_errors(server: Server) -> Iterator[None]:
    """The same for the database of a server that no root has yet.

    Raises:
        StateError: the client cannot read or write it.
    """
    try:
        yield
    except (errors.StatusError, RuntimeError) as error:
        raise _of_server(server, error) from error


def told_of_server(root: Path, error: Exception) -> StateError | None:
    """What to say of an error in a step that came from the server of a root's store; None for any other error."""
    server = store_of(root).server
    # What cannot be opened is a RuntimeError of the client, in TFX's words or in its own.
    is_of_client = isinstance(error, errors.StatusError) or any(sign in str(error) for sign in _NOT_OPENED)
    return _of_server(server, error) if server is not None and is_of_client else None


def _of_server(server: Server, error: Exception) -> StateError:
    """What its driver says of it now is told, for ML Metadata's client says next to nothing."""
    try:
        with connected(server):
            pass
    except StateError as told:
        return told
    what = f"it answers now, but ML Metadata could not work with it ({_first(error)})"
    fix = "repeat, for it may have been restarted; else see to the user's rights and the version that made its tables"
    return refused(server, what, fix)


def _first(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def connection_to(root: Path) -> mlmd.ConnectionConfig:
    """The store of a pipeline root, for TFX: it holds no password, for TFX logs it.

    Raises:
        StateError: what the root says of its store cannot be read.
        InputError: the password cannot be read.
    """
    store = store_of(root)
    return sqlite_at(root) if store.server is None else server_at(store.server)


def server_at(server: Server) -> mlmd.ConnectionConfig:
    """The database of a server; the client's library is told the password.

    Raises:
        InputError: the password cannot be read.
    """
    tell_client(server)
    connection = mlmd.ConnectionConfig()
    if server.kind == POSTGRESQL:
        # Its port is a text; with hostaddr beside host, the process would be aborted.
        fields = {"host": server.host, "port": str(server.port), "user": server.user, "dbname": server.database}
        connection.postgresql.MergeFrom(mlmd.PostgreSQLDatabaseConfig(**fields, skip_db_creation=True))
        return connection
    # By the name of localhost the client would take a socket, and leave the port unread.
    host = "127.0.0.1" if server.host == "localhost" else server.host
    fields = {"host": host, "port": server.port, "user": server.user, "database": server.database}
    connection.mysql.MergeFrom(mlmd.MySQLDatabaseConfig(**fields, skip_db_creation=True))
    return connection


def sqlite_at(root: Path) -> mlmd.ConnectionConfig:
    """The store of a pipeline root on this machine."""
    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = f"{root}/{DATABASE}"
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return connection


def read_step(connection: mlmd.ConnectionConfig, run_id: str, step: str) -> StepResult | None:
    """One step of a run, by the run's name in the store; None if it was not started."""
    return read_run(connection, run_id).get(step)


def read_run(connection: mlmd.ConnectionConfig, run_id: str) -> dict[str, StepResult]:
    """The steps of a run that were started, by node id; empty for a run that never began.

    Args:
        connection: of the store.
        run_id: the run's name in it: `Store.run_name`.
    """
    store = open_client(connection)
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
    store, owner = open_store(root), store_of(root).owner
    with store_errors(root):
        moved = [one for one in _own_artifacts(store, owner) if _move(one, before, own)]
        if moved:
            store.put_artifacts(moved)
    return len(moved)


def _own_artifacts(store: MetadataStore, owner: str) -> list[mlmd.Artifact]:
    """All there are; in a database that several roots share, those of this root's runs, approvals and rollbacks."""
    if not owner:
        return store.get_artifacts()
    ending = name_in_store("", owner)
    runs = [one for one in store.get_contexts_by_type("pipeline_run") if one.name.endswith(ending)]
    found = [artifact for run in runs for artifact in store.get_artifacts_by_context(run.id)]
    named = [one for one in store.get_artifacts_by_type(OVERRIDE_TYPE) if one.name.endswith(ending)]
    return list({artifact.id: artifact for artifact in [*found, *named]}.values())


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
