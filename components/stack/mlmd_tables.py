"""The tables of ML Metadata, for what its client cannot tell or do; nothing of it is imported here.

A store that is damaged, or that must not be written to, is read with SQL alone; the client has no way to let a
new store count on from where a lost one was; and it says next to nothing of why a server refuses.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.stack.mlmd_server import MYSQL, POSTGRESQL
from ratchet.components.stack.run_names import run_of

SQLITE = "sqlite"
BACKSLASH, STAND_IN = "\\", "\uf05c"  # PostgreSQL is given the other one: mlmd_client.py
ROOT_TYPE, ROOT_PLACE = "ratchet.Root", "place"  # of the context by which a database knows a root
TABLES = frozenset({"Artifact", "ArtifactProperty", "Attribution", "Context", "Execution", "MLMDEnv", "Type"})
_TABLE_NAMES = {
    SQLITE: "SELECT name FROM sqlite_master WHERE type = 'table'",
    POSTGRESQL: "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
    MYSQL: "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
}
_ARTIFACTS_OF_RUNS = """
SELECT run.name, Artifact.id, Type.name, Artifact.uri
FROM Context AS run JOIN Type AS kind ON kind.id = run.type_id AND kind.name = 'pipeline_run'
JOIN Attribution ON Attribution.context_id = run.id JOIN Artifact ON Artifact.id = Attribution.artifact_id
JOIN Type ON Type.id = Artifact.type_id
WHERE run.name LIKE ? AND Type.name IN ('Model', 'ModelBlessing', 'ModelEvaluation', 'PushedModel')
ORDER BY Artifact.id
"""
_PROPERTIES_OF_MODELS = """
SELECT DISTINCT ArtifactProperty.artifact_id, ArtifactProperty.name, string_value, int_value
FROM ArtifactProperty JOIN Artifact ON Artifact.id = artifact_id JOIN Type ON Type.id = type_id
WHERE Type.name IN ('Model', 'ModelBlessing')
"""
# On a server models of other roots are many.
_OF_RUNS = """ AND Artifact.id IN (
SELECT Attribution.artifact_id FROM Attribution JOIN Context AS run ON run.id = Attribution.context_id
WHERE run.name LIKE ?)
"""


@dataclass(frozen=True)
class Tables:
    """The tables of a store, as one root sees them.

    Attributes:
        connection: of Python's database interface (PEP 249).
        dialect: SQLITE, POSTGRESQL or MYSQL.
        owner: id of the root in a database that several share; empty: it is this root's alone.
    """

    connection: Any
    dialect: str = SQLITE
    owner: str = ""

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, whose values are marked by `?`."""
        rows = _rows(self._done(query, values))
        given = {POSTGRESQL: _with_backslashes, MYSQL: _as_utf8}.get(self.dialect)
        return (
            rows
            if given is None
            else [tuple(given(one) if isinstance(one, str) else one for one in row) for row in rows]
        )

    def do(self, statement: str, *values: Any) -> None:
        """Carries out what has no rows."""
        self._done(statement, values).close()

    @property
    def own_names(self) -> str:
        """The pattern of the names that are this root's."""
        return f"%@{self.owner}" if self.owner else "%"

    def _done(self, statement: str, values: Sequence[Any]) -> Any:
        cursor = self.connection.cursor()
        marked = statement if self.dialect == SQLITE else statement.replace("?", "%s")
        cursor.execute(marked, values) if values else cursor.execute(marked)
        return cursor


def values_of_property(store: Tables, name: str) -> list[str]:
    """The values of a property of artifacts, in the order in which they were made."""
    query = "SELECT string_value FROM ArtifactProperty WHERE name = ? ORDER BY artifact_id"
    if not store.owner:
        return [str(value) for (value,) in store.ask(query, name)]
    named = (
        "SELECT string_value FROM ArtifactProperty JOIN Artifact ON Artifact.id = artifact_id "
        "WHERE ArtifactProperty.name = ? AND Artifact.name LIKE ? ORDER BY artifact_id"
    )
    return [str(value) for (value,) in store.ask(named, name, store.own_names)]


def artifacts_of_runs(store: Tables) -> list[tuple[str, int, str, str]]:
    """Run, artifact's id, its type and its URI; of models and what was said of them."""
    found = store.ask(_ARTIFACTS_OF_RUNS, store.own_names)
    return [(run_of(str(run)), int(artifact), str(kind), str(uri)) for run, artifact, kind, uri in found]


def properties_of_models(store: Tables) -> list[tuple[int, str, Any]]:
    """Artifact's id, name of the property, its value."""
    scope = (store.own_names,) if store.owner else ()
    found = store.ask(_PROPERTIES_OF_MODELS + (_OF_RUNS if scope else ""), *scope)
    return [(int(one), str(name), whole if text is None else text) for one, name, text, whole in found]


def missing_table(store: Tables) -> str | None:
    """A table that a store of ML Metadata has and this one lacks; None if it has all."""
    found = {str(name).lower() for (name,) in store.ask(_TABLE_NAMES[store.dialect])}
    return min((name for name in TABLES if name.lower() not in found), default=None)


def is_whole(store: Tables) -> bool:
    """Whether all tables are there, and the version, which is written last: MySQL shows each as soon as it is made."""
    return missing_table(store) is None and bool(store.ask("SELECT schema_version FROM MLMDEnv"))


def place_of_root(store: Tables) -> str | None:
    """Where the root that asks was when it last noted that in a shared database; None if it is not known there."""
    query = (
        "SELECT string_value FROM ContextProperty JOIN Context ON Context.id = context_id "
        "JOIN Type ON Type.id = type_id WHERE Type.name = ? AND Context.name = ? AND ContextProperty.name = ?"
    )
    found = store.ask(query, ROOT_TYPE, store.owner, ROOT_PLACE)
    return str(found[0][0]) if found else None


def last_execution(store: Tables) -> int:
    """The highest id of an execution that it gave."""
    if store.dialect == POSTGRESQL:
        [(last, is_given)] = store.ask("SELECT last_value, is_called FROM execution_id_seq")
        return int(last) if is_given else int(last) - 1
    if store.dialect == MYSQL:
        # information_schema has it as well, and may be a day old (MySQL 8).
        [(_, made)] = store.ask("SHOW CREATE TABLE Execution")
        found = re.search(r"\bAUTO_INCREMENT=(\d+)", made)
        return int(found[1]) - 1 if found else 0
    given = store.ask("SELECT seq FROM sqlite_sequence WHERE name = 'Execution'")
    return int(given[0][0]) if given else 0


def count_on(store: Tables, last: int) -> None:
    """Lets the next execution have a higher id than `last`; it never counts back."""
    if last <= last_execution(store):
        return
    if store.dialect == POSTGRESQL:
        store.do("LOCK TABLE Execution IN EXCLUSIVE MODE")  # others may be giving ids
        store.do("SELECT setval('execution_id_seq', ?)", max(last, last_execution(store)))
    elif store.dialect == MYSQL:
        store.do(f"ALTER TABLE Execution AUTO_INCREMENT = {last + 1:d}")  # never below what there is
    elif store.ask("SELECT seq FROM sqlite_sequence WHERE name = 'Execution'"):
        store.do("UPDATE sqlite_sequence SET seq = ? WHERE name = 'Execution'", last)
    else:
        store.do("INSERT INTO sqlite_sequence (name, seq) VALUES ('Execution', ?)", last)


def pipeline_names(database: Path) -> list[str]:
    """Names of the pipelines that ran; none where the SQLite store cannot be read."""
    query = "SELECT Context.name FROM Context JOIN Type ON Type.id = Context.type_id WHERE Type.name = 'pipeline'"
    return sorted(_asked(database, query))


def uri_with(database: Path, part: str) -> str | None:
    """The URI of an artifact that is absolute, with this part in it; None where the SQLite store has none."""
    query = f"SELECT uri FROM Artifact WHERE uri LIKE '/%{part}%' OR uri LIKE 'gs://%{part}%' LIMIT 1"
    return next(iter(_asked(database, query)), None)


def _with_backslashes(text: str) -> str:
    return text.replace(STAND_IN, BACKSLASH)


def _as_utf8(text: str) -> str:
    """ML Metadata's client sends UTF-8 on a connection that MySQL takes for Latin-1, which it has for Windows' 1252.

    >>> _as_utf8("Ã©"), _as_utf8("é"), _as_utf8("plain")
    ('é', 'é', 'plain')
    """
    try:
        return b"".join(one.encode("latin-1" if one < "\u0100" else "cp1252") for one in text).decode()
    except UnicodeError:  # it is as it was given
        return text


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    try:
        return [tuple(row) for row in cursor.fetchall()]
    finally:
        cursor.close()


def _asked(database: Path, query: str) -> list[str]:
    """The first column of what the tables have; nothing where they cannot be read."""
    place = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
        return [str(row[0]) for row in connection.execute(query)]
    return []
