"""A PostgreSQL and a MariaDB of one's own: Debian's packages, a directory and a port that nothing else uses."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.stack.mlmd_server import MYSQL, POSTGRESQL, Server

PASSWORD = "Geheim-'3§"  # with what a configuration in protobuf's text would have to escape
USER = "ratchet"
_ADMIN = "postgres"
_ADMIN_PASSWORD = "admin"
_WAIT_S = 60


@dataclass
class PrivateServer:
    """A server that a test may stop.

    Attributes:
        kind: POSTGRESQL or MYSQL.
        port: of 127.0.0.1.
        directory: with all of its files.
        process: of MariaDB.
    """

    kind: str
    port: int
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def database(self, name: str) -> Server:
        """A new empty database, which the user owns."""
        with self.admin() as run:
            if self.kind == POSTGRESQL:
                run(f"CREATE DATABASE {name} OWNER {USER}")
            else:
                run(f"CREATE DATABASE {name}")
                run(f"GRANT ALL ON {name}.* TO {USER}@'%'")
        return Server(self.kind, "127.0.0.1", self.port, name, USER)

    @contextlib.contextmanager
    def admin(self, database: str | None = None) -> Iterator[Any]:
        """Carries out statements as who may do all, and gives their rows."""
        with contextlib.closing(self._connect(database)) as connection:

            def run(statement: str) -> list[tuple[Any, ...]]:
                cursor = connection.cursor()
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

            yield run

    def _connect(self, database: str | None) -> Any:
        if self.kind == POSTGRESQL:
            import psycopg

            to = {"host": "127.0.0.1", "port": self.port, "user": _ADMIN, "password": _ADMIN_PASSWORD}
            return psycopg.connect(**to, dbname=database or "postgres", autocommit=True)
        import pymysql

        to = {"host": "127.0.0.1", "port": self.port, "user": "root", "password": ""}
        return pymysql.connect(**to, database=database, autocommit=True)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        if self.kind == POSTGRESQL:
            options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
            log = str(self.directory / "log")
            self._pg_ctl("-o", options, "-l", log, "-w", "-t", str(_WAIT_S), "start")
            return
        options = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.directory}/socket"]
        options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]  # no test cuts the power
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [_mariadbd() or "mariadbd", "--no-defaults", *_user(), f"--datadir={self.directory}/data", *options],
                stdout=log,
                stderr=log,
            )
        ping = [
            "mariadb-admin",
            "--no-defaults",
            f"--socket={self.directory}/socket",
            "--user=root",
            f"--wait={_WAIT_S}",
        ]
        subprocess.run([*ping, "ping"], check=True, capture_output=True)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self.kind == POSTGRESQL:
            self._pg_ctl("-m", "immediate", "stop")
        elif self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(_WAIT_S)

    def _pg_ctl(self, *arguments: str) -> None:
        _as_postgres(self.directory, f"{_postgresql()}/pg_ctl", "-D", f"{self.directory}/data", *arguments)


@contextlib.contextmanager
def postgresql() -> Iterator[PrivateServer]:
    """A PostgreSQL that asks for passwords."""
    if _postgresql() is None:
        _lacking("postgresql")
    with _directory() as directory:
        word = directory / "password"
        word.write_text(_ADMIN_PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres")
            shutil.chown(word, "postgres")
        options = ("-A", "scram-sha-256", "-U", _ADMIN, f"--pwfile={word}", "-E", "UTF8", "--no-locale", "--no-sync")
        _as_postgres(directory, f"{_postgresql()}/initdb", "-D", f"{directory}/data", *options)
        server = PrivateServer(POSTGRESQL, _free_port(), directory)
        yield from _running(server, f"CREATE ROLE {USER} LOGIN PASSWORD '{_quoted(PASSWORD)}'")


@contextlib.contextmanager
def mariadb() -> Iterator[PrivateServer]:
    """A MariaDB, by the protocol of MySQL."""
    if _mariadbd() is None:
        _lacking("mariadb-server")
    with _directory() as directory:
        options = ("--auth-root-authentication-method=normal", "--skip-test-db", *_user())
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={directory}/data", *options]
        subprocess.run(install, check=True, capture_output=True)
        server = PrivateServer(MYSQL, _free_port(), directory)
        yield from _running(server, f"CREATE USER {USER}@'%' IDENTIFIED BY '{_quoted(PASSWORD)}'")


def _running(server: PrivateServer, first: str) -> Iterator[PrivateServer]:
    server.start()
    try:
        with server.admin() as run:
            run(first)
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # a test has stopped it
            server.kill()


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    """Not below pytest's own directory, which user postgres may not enter."""
    directory = Path(tempfile.mkdtemp(prefix="ratchet-server-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _lacking(package: str) -> None:
    why = f"{package} is not installed; requirements/setup-tests.sh installs it"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def _postgresql() -> str | None:
    """The directory of its programs, which Debian keeps out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    here = shutil.which("initdb")
    return str(found[-1].parent) if found else here and str(Path(here).parent)


def _mariadbd() -> str | None:
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _user() -> list[str]:
    return [f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]


def _as_postgres(directory: Path, *command: str) -> None:
    """PostgreSQL refuses to work as root."""
    before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*before, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _quoted(text: str) -> str:
    return text.replace("'", "''")
