"""Servers for ML Metadata, started once; each test has a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from ratchet.components.stack.mlmd_server import MYSQL, PASSWORD_FILE_VARIABLE, PASSWORD_VARIABLE, POSTGRESQL, Server
from tests.nightly import at_night
from tests.servers.private import PASSWORD, PrivateServer, mariadb, postgresql

SQLITE = "sqlite"
ALL_STORES = [SQLITE, POSTGRESQL, MYSQL]  # of a test that tries MariaDB by day, too
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[PrivateServer]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def own_mariadb() -> Iterator[PrivateServer]:
    with mariadb() as server:
        yield server


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the environment, and none that an earlier test has told the client."""
    for name in ("PGPASSWORD", "MYSQL_PWD", PASSWORD_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)


@pytest.fixture
def server_of(request: pytest.FixtureRequest) -> Callable[[str], PrivateServer]:
    """Starts what is asked for, and nothing else."""
    return lambda kind: request.getfixturevalue("own_postgresql" if kind == POSTGRESQL else "own_mariadb")


@pytest.fixture(params=[POSTGRESQL, at_night(MYSQL)])
def own(request: pytest.FixtureRequest, server_of: Callable[[str], PrivateServer]) -> PrivateServer:
    return server_of(request.param)


@pytest.fixture
def database(own: PrivateServer) -> Server:
    """Empty, on a server."""
    return own.database(f"db{next(_NUMBERS)}")


@pytest.fixture(params=[SQLITE, POSTGRESQL, at_night(MYSQL)])
def store(request: pytest.FixtureRequest, server_of: Callable[[str], PrivateServer]) -> Server | None:
    """Where a root keeps ML Metadata: each of the three."""
    return None if request.param == SQLITE else server_of(request.param).database(f"db{next(_NUMBERS)}")
