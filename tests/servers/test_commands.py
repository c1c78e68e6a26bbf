"""Commands on a root whose ML Metadata is on a server: what needs none works without it, the others say one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.stack.mlmd_server import PASSWORD_VARIABLE, Server
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.root.claim import begin_on_server
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from tests.nightly import by_night
from tests.pipeline.served_root import ServedRoot, blocked_root
from tests.servers.private import PASSWORD, PrivateServer

WRONG = "wrong-word"
PERSON = ("--by", "Ana", "--reason", "checked")
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def world(tmp_path: Path, database: Server) -> ServedRoot:
    return blocked_root(tmp_path / "root", database)


@pytest.fixture
def say(world: ServedRoot, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Say:
    """Gives a command; its exit code, and all that is to be seen on a terminal, the libraries in C++ included."""

    def given(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        caplog.clear()
        code = main([*arguments, "--root", str(world.root)])
        said = "".join([*capfd.readouterr(), caplog.text])
        assert PASSWORD not in said
        assert WRONG not in said
        assert "Traceback" not in said
        return code, said

    return given


def lose(how: str, own: PrivateServer, database: Server, patch: pytest.MonkeyPatch) -> str:
    """Takes a database away from the commands; what they say of it."""
    if how == "password":
        patch.setenv(PASSWORD_VARIABLE, WRONG)
        return "user or password is wrong"
    if how == "database":
        with own.admin() as run:
            run(f"DROP DATABASE {database.database}{' WITH (FORCE)' if own.kind == 'postgresql' else ''}")
        return "there is no such database"
    patch.setitem(sys.modules, "psycopg" if own.kind == "postgresql" else "pymysql", None)
    return "pip install 'ratchet-detector[stores]'"


@pytest.mark.parametrize("how", ["password", "database", "driver"])
def test_what_is_served_is_shown_and_changed_without_the_server_and_it_is_told_later(
    world: ServedRoot, say: Say, own: PrivateServer, database: Server, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with monkeypatch.context() as patch:
        why = lose(how, own, database, patch)
        for command in ("status", "history"):
            code, said = say(command)
            assert code == 0
            assert "metadata.url" not in said
        code, said = say("rollback", *PERSON)
        assert code == 0
        assert said.count("ML Metadata could not be told (metadata.url") == 1
        assert why in said
        code, said = say("prune", "--dry-run", "--set", "retention.runs=1")
        assert code == 2
        assert said.startswith(f"ratchet: metadata.url {database.url}")
        assert said.count("\n") == 1
        assert why in said
        code, said = say("doctor")
        assert code == 1
        assert said.count(why) == 1
    if how != "database":
        assert read_told(world.root, world.root).lines == ()
        code, said = say("doctor", "--repair")
        assert len(read_told(world.root, world.root).lines) == 1
        code, said = say("prune", "--dry-run", "--set", "retention.runs=1")
        assert code == 0


@by_night
def test_the_client_says_nothing_of_its_connections(world: ServedRoot) -> None:
    command = [sys.executable, "-m", "ratchet", "prune", "--dry-run", "--set", "retention.runs=1"]
    done = subprocess.run([*command, "--root", str(world.root)], capture_output=True, text=True, check=True)
    assert (done.stderr, done.stdout) == ("", "Nothing to prune.\n")


def test_a_root_that_lost_its_file_of_the_server_is_no_fresh_one(world: ServedRoot, say: Say, database: Server) -> None:
    """Its runs would be numbered from the start by SQLite."""
    (world.root / METADATA_FILE).rename(world.root / "elsewhere.json")
    code, said = say("doctor")
    assert code == 1
    assert "metadata.sqlite" in said
    begun = begin_on_server(world.root, database)
    assert store_of(world.root) == begun
