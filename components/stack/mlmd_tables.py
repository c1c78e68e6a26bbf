"""The tables of ML Metadata's SQLite store, for what its client cannot tell or do; nothing of it is imported here.

A store that is damaged, or that must not be written to, is read with SQLite alone; and the client has no way to let a
new store count on from where a lost one was.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

TABLES = frozenset({"Artifact", "ArtifactProperty", "Attribution", "Context", "Execution", "MLMDEnv", "Type"})
# Run, artifact's id, its type and its URI.
ARTIFACTS_OF_RUNS = """
SELECT run.name, Artifact.id, Type.name, Artifact.uri
FROM Context AS run JOIN Type AS kind ON kind.id = run.type_id AND kind.name = 'pipeline_run'
JOIN Attribution ON Attribution.context_id = run.id JOIN Artifact ON Artifact.id = Attribution.artifact_id
JOIN Type ON Type.id = Artifact.type_id
WHERE Type.name IN ('Model', 'ModelBlessing', 'ModelEvaluation', 'PushedModel') ORDER BY Artifact.id
"""
# Artifact's id, name of the property, its value.
PROPERTIES_OF_MODELS = """
SELECT artifact_id, ArtifactProperty.name, COALESCE(string_value, int_value)
FROM ArtifactProperty JOIN Artifact ON Artifact.id = artifact_id JOIN Type ON Type.id = type_id
WHERE Type.name IN ('Model', 'ModelBlessing')
"""


def values_of_property(store: sqlite3.Connection, name: str) -> list[str]:
    """The values of a property of artifacts, in the order in which they were made."""
    query = "SELECT string_value FROM ArtifactProperty WHERE name = ? ORDER BY artifact_id"
    return [str(value) for (value,) in store.execute(query, (name,))]


def missing_table(store: sqlite3.Connection) -> str | None:
    """A table that a store of ML Metadata has and this one lacks; None if it has all."""
    found = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return min(TABLES - found, default=None)


def last_execution(store: sqlite3.Connection) -> int:
    """The highest id of an execution that it gave."""
    given = store.execute("SELECT seq FROM sqlite_sequence WHERE name = 'Execution'").fetchone()
    return int(given[0]) if given else 0


def count_on(store: sqlite3.Connection, last: int) -> None:
    """Lets the next execution have a higher id than `last`."""
    [(there,)] = store.execute("SELECT COUNT(*) FROM sqlite_sequence WHERE name = 'Execution'").fetchall()
    if there:
        store.execute("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = 'Execution'", (last,))
    else:
        store.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('Execution', ?)", (last,))


def pipeline_names(database: Path) -> list[str]:
    """Names of the pipelines that ran; none where the store cannot be read."""
    query = "SELECT Context.name FROM Context JOIN Type ON Type.id = Context.type_id WHERE Type.name = 'pipeline'"
    return sorted(_asked(database, query))


def uri_with(database: Path, part: str) -> str | None:
    """The URI of an artifact that is absolute, with this part in it; None where the store has none."""
    query = f"SELECT uri FROM Artifact WHERE uri LIKE '/%{part}%' OR uri LIKE 'gs://%{part}%' LIMIT 1"
    return next(iter(_asked(database, query)), None)


def _asked(database: Path, query: str) -> list[str]:
    """The first column of what the tables have; nothing where they cannot be read."""
    place = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
        return [str(row[0]) for row in connection.execute(query)]
    return []
