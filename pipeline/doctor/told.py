"""What ML Metadata says, read with SQL alone, so that nothing is written and a damaged store can be looked at."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.components.stack import mlmd_tables
from ratchet.components.stack.mlmd_tables import Tables, missing_table, place_of_root
from ratchet.pipeline.doctor.patient import here
from ratchet.pipeline.root.executions import highest_execution
from ratchet.pipeline.root.metadata_store import Store, store_of
from ratchet.pipeline.root.places import Place
from ratchet.schemas.base.errors import StateError


@dataclass(frozen=True)
class ToldRun:
    """A run whose candidate was measured.

    Attributes:
        run_id: its id.
        model: its candidate.
        evaluation: of it.
        blessing: properties of what was said of it, the last word.
        is_blessed: whether any of its blessings is a yes.
        baseline: properties of the baseline that it read.
        pushed: the PushedModel artifact; None if it did not get there.
    """

    run_id: str
    model: Place
    evaluation: Place
    blessing: dict[str, Any]
    is_blessed: bool
    baseline: dict[str, Any]
    pushed: Place | None


@dataclass(frozen=True)
class Told:
    """All that matters here.

    Attributes:
        problem: why it cannot be read; None if it can, or if there never was one.
        lines: of the log of overrides.
        runs: that were measured, oldest first.
        last_execution: the highest id that it gave.
    """

    problem: str | None = None
    lines: tuple[str, ...] = ()
    runs: tuple[ToldRun, ...] = field(default=())
    last_execution: int = 0


def read_told(root: Path, tree: Place) -> Told:
    """Asks the store of a root.

    Args:
        root: its directory on this machine.
        tree: of `tree_of`, where its artifacts lie.

    Raises:
        StateError: a server refuses, which does not tell whether the store is whole.
    """
    try:
        store = store_of(root)
    except StateError as error:
        return Told(str(error).partition(": ")[2].partition("; ")[0])
    if store.server is not None:
        return _read_server(tree, store)
    if not store.file.exists():
        return Told("it is not there" if highest_execution(root, tree) else None)
    if not store.file.stat().st_size:
        return Told("it is empty")
    try:
        with _opened(store.file) as connection:
            return _read_sqlite(tree, connection)
    except (sqlite3.Error, OSError) as error:
        return Told(f"it cannot be read ({error})")


def _read_server(tree: Place, store: Store) -> Told:
    with store.tables() as tables:
        if missing_table(tables) is not None or place_of_root(tables) is None:
            return Told("it does not know this root: it was emptied or made anew")
        return _read(tree, tables)


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Read-only; of a store whose writer died, a copy: SQLite takes back what was half written, and writes for it."""
    with contextlib.ExitStack() as stack:
        journals = [Path(f"{database}{ending}") for ending in ("-journal", "-wal")]
        if any(path.exists() for path in journals):
            copy = Path(stack.enter_context(tempfile.TemporaryDirectory()), database.name)
            for path in filter(os.path.exists, (database, *journals)):
                shutil.copyfile(path, copy.parent / path.name)
            database = copy
            uri = f"file:{copy}"
        else:
            uri = f"{database.resolve().as_uri()}?mode=ro"
        yield stack.enter_context(contextlib.closing(sqlite3.connect(uri, uri=True)))


def _read_sqlite(tree: Place, connection: sqlite3.Connection) -> Told:
    [(state,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if state != "ok":
        return Told(f"it is damaged ({str(state).strip().splitlines()[-1]})")
    store = Tables(connection)
    missing = missing_table(store)
    return Told(f"it is no store of ML Metadata (no table {missing})") if missing else _read(tree, store)


def _read(tree: Place, store: Tables) -> Told:
    return Told(
        lines=tuple(mlmd_tables.values_of_property(store, "line")),  # docs/decisions/0014-approvals-and-rollback.md
        runs=tuple(_runs(tree, store)),
        last_execution=mlmd_tables.last_execution(store),
    )


def _runs(tree: Place, store: Tables) -> Iterator[ToldRun]:
    properties: dict[int, dict[str, Any]] = {}
    for artifact, name, value in mlmd_tables.properties_of_models(store):
        properties.setdefault(artifact, {})[name] = value
    runs: dict[str, list[tuple[int, str, str]]] = {}
    for run_id, artifact, kind, uri in mlmd_tables.artifacts_of_runs(store):
        runs.setdefault(run_id, []).append((artifact, kind, uri))
    for run_id, artifacts in runs.items():
        of_kind = {
            kind: {artifact: here(tree, uri) for artifact, other, uri in artifacts if other == kind}
            for kind in ("Model", "ModelBlessing", "ModelEvaluation", "PushedModel")
        }
        said = [properties.get(artifact, {}) for artifact in of_kind["ModelBlessing"]]
        model = of_kind["Model"].get(said[-1].get("current_model_id", -1)) if said else None
        if model is None or not of_kind["ModelEvaluation"]:
            continue
        read = [properties.get(artifact, {}) for artifact in of_kind["Model"]]
        yield ToldRun(
            run_id=run_id,
            model=model,
            evaluation=[*of_kind["ModelEvaluation"].values()][-1],
            blessing=said[-1],
            is_blessed=any(one.get("blessed") == 1 for one in said),
            baseline=next((one for one in reversed(read) if one.get("has_baseline")), {}),
            pushed=next(reversed(of_kind["PushedModel"].values()), None),
        )
