"""What ML Metadata says, read with SQLite alone, so that nothing is written and a damaged store can be looked at."""

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
from ratchet.pipeline.doctor.patient import here
from ratchet.pipeline.root.executions import DATABASE, highest_execution
from ratchet.pipeline.root.places import Place


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
    """
    database = root / DATABASE
    if not database.exists():
        return Told("it is not there" if highest_execution(root, tree) else None)
    if not database.stat().st_size:
        return Told("it is empty")
    try:
        with _opened(database) as store:
            return _read(tree, store)
    except (sqlite3.Error, OSError) as error:
        return Told(f"it cannot be read ({error})")


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


def _read(tree: Place, store: sqlite3.Connection) -> Told:
    [(state,), *_] = store.execute("PRAGMA quick_check(1)").fetchall()
    if state != "ok":
        return Told(f"it is damaged ({str(state).strip().splitlines()[-1]})")
    missing = mlmd_tables.missing_table(store)
    if missing:
        return Told(f"it is no store of ML Metadata (no table {missing})")
    return Told(
        lines=tuple(mlmd_tables.values_of_property(store, "line")),  # docs/decisions/0014-approvals-and-rollback.md
        runs=tuple(_runs(tree, store)),
        last_execution=mlmd_tables.last_execution(store),
    )


def _runs(tree: Place, store: sqlite3.Connection) -> Iterator[ToldRun]:
    properties: dict[int, dict[str, Any]] = {}
    for artifact, name, value in store.execute(mlmd_tables.PROPERTIES_OF_MODELS):
        properties.setdefault(artifact, {})[name] = value
    runs: dict[str, list[tuple[int, str, str]]] = {}
    for run_id, artifact, kind, uri in store.execute(mlmd_tables.ARTIFACTS_OF_RUNS):
        runs.setdefault(run_id, []).append((artifact, kind, str(uri)))
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
