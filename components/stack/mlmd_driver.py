"""A connection to the server that keeps ML Metadata, by its own driver: it says in words why a server refuses.

ML Metadata's client says "mysql_real_connect failed: errno: , error: " of all of that. It gets its password by the
variables that both client libraries read, so none is in a pipeline's configuration, which TFX writes to the log.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ratchet.components.stack.mlmd_server import (
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    POSTGRESQL,
    SETTING,
    Server,
)
from ratchet.components.stack.mlmd_tables import Tables
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import read_regular, reason_of
from ratchet.schemas.base.visible import visible_line

_CONNECT_S = 10
_ANSWER_S = 60
TABLES_LOCK, TYPES_LOCK = "ratchet-ml-metadata", "ratchet-ml-metadata-types"
_PACKAGES = {POSTGRESQL: "psycopg", "mysql": "pymysql"}
_NAMES = {POSTGRESQL: "PostgreSQL", "mysql": "MySQL"}
_CLIENT_VARIABLES = {POSTGRESQL: "PGPASSWORD", "mysql": "MYSQL_PWD"}
_LONGEST = 200
_PASSWORD_FIX = f"export {PASSWORD_VARIABLE}, or name a file with it in {PASSWORD_FILE_VARIABLE}"
# By a part of PostgreSQL's text, or the number of a MySQL error: what is the matter, and the fix.
_PASSWORD = ("user or password is wrong, or there is no password", f"correct the user; {_PASSWORD_FIX}")
_NO_DATABASE = ("there is no such database", "CREATE DATABASE it, with this user as its owner, or correct the name")
_NO_ACCESS = ("this user may not use that database", "GRANT it to the user, tables and their creation included")
_REASONS = {
    "password authentication failed": _PASSWORD,
    "no password supplied": _PASSWORD,
    'role "': _PASSWORD,
    "no pg_hba.conf entry": ("the server lets nobody in from here as this user", "add a line to its pg_hba.conf"),
    'database "': _NO_DATABASE,
    "permission denied": _NO_ACCESS,
    "1045": _PASSWORD,
    "1698": _PASSWORD,
    "1049": _NO_DATABASE,
    "1044": _NO_ACCESS,
    "1142": _NO_ACCESS,
}
_UNREACHABLE = "start the server, or correct host and port"


@contextlib.contextmanager
def connected(server: Server, owner: str = "") -> Iterator[Tables]:
    """The tables of a server's database; what is done in it is one transaction.

    Args:
        server: to connect to.
        owner: id of the root that asks.

    Raises:
        InputError: its driver is not installed, or the password cannot be read.
        StateError: the server refuses; the message has server, user, database and the fix.
    """
    driver = _driver(server)
    with server_errors(server, driver):
        connection = _connect(driver, server)
    with contextlib.closing(connection), server_errors(server, driver):
        yield Tables(connection, server.kind, owner)
        connection.commit()


@contextlib.contextmanager
def server_errors(server: Server, driver: ModuleType) -> Iterator[None]:
    """Turns what a driver raises into one line.

    Raises:
        StateError: it raised anything.
    """
    try:
        yield
    except (driver.Error, OSError, RuntimeError) as error:  # RuntimeError: PyMySQL, of a way to sign in it lacks
        said = " ".join(str(error).split())
        number = str(error.args[0]) if error.args else ""
        known = (one for part, one in _REASONS.items() if part == number or (part in said and not part.isdigit()))
        what, fix = next(known, ("cannot be reached, or has broken off", _UNREACHABLE))
        raise refused(server, f"{what} ({visible_line(said[:_LONGEST])})", fix) from error


def refused(server: Server, what: str, fix: str) -> StateError:
    """The error of a server that cannot be worked with.

    Args:
        server: which.
        what: is the matter.
        fix: what to do.
    """
    name = f"{SETTING} {visible_line(server.url)}: {_NAMES[server.kind]} database {visible_line(server.database)!r}"
    return StateError(f"{name} on {server.host}:{server.port}: {what}; {fix}")


@contextlib.contextmanager
def alone(store: Tables, lock: str = TABLES_LOCK) -> Iterator[None]:
    """Keeps other runners from making the same at the same moment.

    Args:
        store: a connection of its own, whose transaction ends soon.
        lock: what is made: TABLES_LOCK, of which both would fail, or TYPES_LOCK.
    """
    if store.dialect == POSTGRESQL:
        store.do(f"SET LOCAL lock_timeout = '{_ANSWER_S}s'")  # the other runner may have been stopped
        store.ask("SELECT pg_advisory_xact_lock(hashtext(?))", lock)  # until the transaction ends
        yield
        return
    store.ask("SELECT GET_LOCK(?, ?)", lock, _ANSWER_S)
    try:
        yield
    finally:
        store.ask("SELECT RELEASE_LOCK(?)", lock)


def check_rights(store: Tables, server: Server, has_tables: bool) -> None:
    """Whether tables may be made, or written to where they are; nothing is left behind.

    Raises:
        StateError: they may not.
    """
    with server_errors(server, _driver(server)):
        if has_tables:
            store.do("INSERT INTO Context (type_id, name) SELECT type_id, name FROM Context WHERE 1 = 0")
            store.do("UPDATE Context SET name = name WHERE 1 = 0")
        else:
            name = f"ratchet_tries_{secrets.token_hex(6)}"  # another runner may try at the same moment
            store.do(f"CREATE TABLE {name} (one INT)")
            store.do(f"DROP TABLE {name}")


def tell_client(server: Server) -> None:
    """Tells the client library in this process what ML Metadata's configuration had better not hold.

    Raises:
        InputError: the password cannot be read.
    """
    word = password()
    if word is not None:
        os.environ[_CLIENT_VARIABLES[server.kind]] = word
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(_CONNECT_S))


def password() -> str | None:
    """The password of the environment; None: there is none, or the client's own ways have it.

    Raises:
        InputError: the file that is named cannot be read.
    """
    given, file = os.environ.get(PASSWORD_VARIABLE), os.environ.get(PASSWORD_FILE_VARIABLE)
    if given is not None or not file:
        return given
    try:
        return read_regular(file).removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{PASSWORD_FILE_VARIABLE} {file}: cannot be read ({reason_of(error)}); name a file whose content is the "
            "password"
        ) from error


def _driver(server: Server) -> ModuleType:
    """Imported when it is needed: the light install has none."""
    try:
        if server.kind == POSTGRESQL:
            import psycopg

            return psycopg
        import pymysql

        return pymysql
    except ImportError as error:
        raise InputError(
            f"{SETTING} {server.url} needs {_PACKAGES[server.kind]}, which the extra [stores] brings: pip install "
            "'ratchet-detector[stores]'"
        ) from error


def _connect(driver: Any, server: Server) -> Any:
    word = password()
    if server.kind == POSTGRESQL:
        return driver.connect(
            **{"host": server.host, "port": server.port, "user": server.user, "dbname": server.database},
            **({} if word is None else {"password": word}),
            connect_timeout=_CONNECT_S,
        )
    return driver.connect(
        **{"host": server.host, "port": server.port, "user": server.user, "database": server.database},
        password=(os.environ.get("MYSQL_PWD", "") if word is None else word).encode(),  # else as Latin-1
        **{"connect_timeout": _CONNECT_S, "read_timeout": _ANSWER_S, "write_timeout": _ANSWER_S},
    )
