"""What a server refuses, and what a root does: one line with setting, host, database and fix, and never a password."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_client import open_client
from ratchet.components.stack.mlmd_server import MYSQL, PASSWORD_FILE_VARIABLE, PASSWORD_VARIABLE, POSTGRESQL, Server
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.doctor.store_change import WantedStore
from ratchet.pipeline.root.claim import take_store
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to, open_store, told_of_server
from ratchet.pipeline.root.same_store import check_store
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from ratchet.schemas.base.errors import ConfigError, InputError, RatchetError, StateError
from tests.nightly import at_night
from tests.pipeline.served_root import NOW, blocked_root
from tests.servers.private import PASSWORD, PrivateServer, mariadb, postgresql

WRONG = "wrong-word"


def refusal(action: Callable[[], object]) -> str:
    """The one line that is said."""
    with pytest.raises(RatchetError) as caught:
        action()
    said = str(caught.value)
    assert "\n" not in said
    assert PASSWORD not in said
    assert WRONG not in said
    return said


def named(said: str, server: Server) -> bool:
    return said.startswith(f"metadata.url {server.url}: ") and f"{server.host}:{server.port}" in said


def test_a_fresh_root_takes_its_place_and_keeps_it(tmp_path: Path, database: Server) -> None:
    assert check_store(tmp_path, database)
    assert list(tmp_path.iterdir()) == []
    take_store(tmp_path, database)
    before = (tmp_path / METADATA_FILE).read_bytes()
    take_store(tmp_path, database)
    assert not check_store(tmp_path, database)
    assert (tmp_path / METADATA_FILE).read_bytes() == before
    assert PASSWORD.encode() not in before


def test_the_configuration_that_tfx_logs_holds_no_password(tmp_path: Path, database: Server) -> None:
    take_store(tmp_path, database)
    connection = connection_to(tmp_path)
    assert not connection.postgresql.password
    assert not connection.mysql.password
    assert open_store(tmp_path).get_artifacts() == []


@pytest.mark.parametrize("own", [POSTGRESQL, MYSQL], indirect=True)
def test_a_wrong_password_is_told(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (None, WRONG):
        monkeypatch.setenv(PASSWORD_VARIABLE, name) if name else monkeypatch.delenv(PASSWORD_VARIABLE)
        said = refusal(lambda: take_store(tmp_path, database))
        assert named(said, database)
        assert "password is wrong" in said
        assert f"export {PASSWORD_VARIABLE}" in said
    assert list(tmp_path.iterdir()) == []


def test_the_password_may_stand_in_a_file(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE)
    monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path / "word"))
    said = refusal(lambda: take_store(tmp_path, database))
    assert said.startswith(f"{PASSWORD_FILE_VARIABLE} {tmp_path / 'word'}: cannot be read")
    (tmp_path / "word").write_text(f"{PASSWORD}\n")
    (root := tmp_path / "root").mkdir()
    take_store(root, database)
    assert open_store(root).get_artifacts() == []


def test_a_database_that_is_not_there_is_told(tmp_path: Path, own: PrivateServer, database: Server) -> None:
    with own.admin() as run:
        if own.kind == MYSQL:
            run("GRANT ALL ON nowhere.* TO ratchet@'%'")  # else it does not say that it is not there
    missing = dataclasses.replace(database, database="nowhere")
    said = refusal(lambda: take_store(tmp_path, missing))
    assert named(said, missing)
    assert "no such database" in said
    assert "CREATE DATABASE" in said


def test_a_user_without_rights_is_told_before_anything_is_made(
    tmp_path: Path, own: PrivateServer, database: Server
) -> None:
    with own.admin(database.database) as run:
        if own.kind == POSTGRESQL:
            run(f"ALTER DATABASE {database.database} OWNER TO postgres")
        else:
            run(f"REVOKE ALL ON {database.database}.* FROM ratchet@'%'")
            run(f"GRANT SELECT ON {database.database}.* TO ratchet@'%'")
    said = refusal(lambda: take_store(tmp_path, database))
    assert named(said, database)
    assert "may not use" in said
    assert "GRANT" in said
    assert list(tmp_path.iterdir()) == []


def test_a_user_who_may_only_read_is_told_where_tables_are(
    tmp_path: Path, own: PrivateServer, database: Server
) -> None:
    take_store(tmp_path, database)
    with own.admin(database.database) as run:
        if own.kind == POSTGRESQL:
            run("ALTER TABLE context OWNER TO postgres")
            run("GRANT SELECT ON context TO ratchet")
        else:
            run(f"REVOKE ALL ON {database.database}.* FROM ratchet@'%'")
            run(f"GRANT SELECT ON {database.database}.* TO ratchet@'%'")
    said = refusal(lambda: take_store(tmp_path, database))
    assert named(said, database)
    assert "may not use" in said


@pytest.mark.parametrize("kind", [POSTGRESQL, MYSQL])
def test_a_server_that_is_not_there_is_told(tmp_path: Path, kind: str) -> None:
    with socket.socket() as bound:  # nobody listens
        bound.bind(("127.0.0.1", 0))
        server = Server(kind, "127.0.0.1", bound.getsockname()[1], "mlmd", "ratchet")
        said = refusal(lambda: take_store(tmp_path, server))
    assert named(said, server)
    assert "cannot be reached" in said
    assert "start the server" in said


def test_a_schema_of_another_version_is_told(tmp_path: Path, own: PrivateServer, database: Server) -> None:
    take_store(tmp_path, database)
    with own.admin(database.database) as run:
        run("UPDATE MLMDEnv SET schema_version = 999")
    said = refusal(lambda: open_store(tmp_path))
    assert named(said, database)
    assert "999" in said
    assert "version" in said


def test_a_database_that_was_emptied_is_no_new_beginning(tmp_path: Path, own: PrivateServer, database: Server) -> None:
    take_store(tmp_path, database)
    with own.admin() as run:
        run(f"DROP DATABASE {database.database}")
    own.database(database.database)
    said = refusal(lambda: take_store(tmp_path, database))
    assert named(said, database)
    assert "does not know this root" in said
    assert "`ratchet doctor --repair`" in said
    assert "no tables" in refusal(lambda: open_store(tmp_path))


@pytest.mark.parametrize("start", [postgresql, at_night(mariadb)])
def test_a_server_that_dies_is_told_and_served_again_when_it_is_back(
    tmp_path: Path, start: Callable[[], contextlib.AbstractContextManager[PrivateServer]]
) -> None:
    with start() as server:
        database = server.database("mlmd")
        take_store(tmp_path, database)
        store = open_store(tmp_path)
        server.kill()
        with pytest.raises(errors.StatusError) as caught:  # as a step has it
            store.get_artifacts()
        told = told_of_server(tmp_path, caught.value)
        assert told is not None
        assert named(str(told), database)
        assert "cannot be reached" in str(told)
        assert told_of_server(tmp_path, KeyError("of a step")) is None
        with pytest.raises((StateError, errors.StatusError)) as typeless:  # on PostgreSQL its driver is asked first
            store.put_artifact_type(mlmd.ArtifactType(name="Other"))
        assert named(str(told_of_server(tmp_path, typeless.value) or typeless.value), database)
        with pytest.raises(RuntimeError) as unopened:
            open_client(connection_to(tmp_path))
        assert told_of_server(tmp_path, unopened.value) is not None
        assert named(refusal(lambda: open_store(tmp_path)), database)
        server.start()
        again = told_of_server(tmp_path, caught.value)  # before anybody looked
        assert again is not None
        assert named(str(again), database)
        assert "repeat, for it may have been restarted" in str(again)
        assert open_store(tmp_path).get_artifacts() == []


def test_a_root_keeps_the_kind_of_store_that_it_has(tmp_path: Path, database: Server) -> None:
    with_server, with_file = tmp_path / "server", tmp_path / "file"
    with_server.mkdir()
    take_store(with_server, database)
    said = refusal(lambda: take_store(with_server, None))
    assert f"keeps its ML Metadata in metadata.url {database.url}" in said
    assert "--metadata sqlite" in said
    blocked_root(with_file)
    said = refusal(lambda: take_store(with_file, database))
    assert "set metadata.url to null, or begin a new one" in said
    assert f"--metadata {database.url}" in said
    assert not (with_file / METADATA_FILE).exists()


def test_the_same_database_by_another_user_is_the_same_store(
    tmp_path: Path, own: PrivateServer, database: Server
) -> None:
    take_store(tmp_path, database)
    owner = store_of(tmp_path).owner
    with own.admin(database.database) as run:
        word = PASSWORD.replace("'", "''")
        if own.kind == POSTGRESQL:
            run(f"CREATE ROLE other_{database.database} LOGIN PASSWORD '{word}' IN ROLE ratchet")
        else:
            run(f"CREATE USER other_{database.database}@'%' IDENTIFIED BY '{word}'")
            run(f"GRANT ALL ON {database.database}.* TO other_{database.database}@'%'")
    other = dataclasses.replace(database, user=f"other_{database.database}")
    take_store(tmp_path, other)
    assert (store_of(tmp_path).server, store_of(tmp_path).owner) == (other, owner)
    said = refusal(lambda: take_store(tmp_path, own.database(f"{database.database}x")))
    assert "does not know this root" in said or "keeps its ML Metadata in" in said


def test_the_doctor_moves_a_root_to_a_server_and_back(tmp_path: Path, database: Server) -> None:
    world = blocked_root(tmp_path / "root")
    (world.root / "artifacts" / "DataGate" / "decision" / "70").mkdir(parents=True)
    doctor(world.root, True, NOW, store=WantedStore.of(database.url))
    store = store_of(world.root)
    assert store.server == database
    assert (world.root / "metadata.sqlite.broken-1").is_file()
    assert not (world.root / "metadata.sqlite").exists()
    take_store(world.root, database)
    doctor(world.root, True, NOW, store=WantedStore.of("sqlite"))
    assert store_of(world.root).server is None
    assert (world.root / "metadata.sqlite").is_file()
    assert (world.root / f"{METADATA_FILE}.broken-1").is_file()
    take_store(world.root, None)


def test_the_doctor_begins_anew_in_an_emptied_database_and_waits_for_one_that_is_away(
    tmp_path: Path, own: PrivateServer, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.pipeline.root.root_file import write_file
    from ratchet.schemas.artifacts.root_file import RootFile

    world = blocked_root(tmp_path / "root", database)
    settings = {"name": "digits", "metadata": {"url": database.url}}
    write_file(world.root, RootFile("digits", settings, "digits", str(world.root.resolve())))
    owner = store_of(world.root).owner
    monkeypatch.setenv(PASSWORD_VARIABLE, WRONG)
    report = doctor(world.root, True, NOW)
    kinds = {finding.kind for _, finding in report.findings if "metadata.url" in finding.what}
    assert kinds == {"access"}
    assert report.to_text().count(f"metadata.url {database.url}: ") == 1  # three checks ask the server
    assert "x   ML Metadata: as above" in report.to_text()
    [finding] = [one for one in report.to_json()["findings"] if one["kind"] == "access"]
    assert finding["fix"].startswith("correct the user; export")
    assert not report.healthy
    assert store_of(world.root).owner == owner
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    with own.admin() as run:
        run(f"DROP DATABASE {database.database}{' WITH (FORCE)' if own.kind == POSTGRESQL else ''}")
    own.database(database.database)
    doctor(world.root, True, NOW)
    assert store_of(world.root).server == database
    assert store_of(world.root).owner != owner
    take_store(world.root, database)


URLS = {
    "postgresql://ada:secret-word@db/mlmd": "holds a password",
    "mysql://ada@db/mlmd?password=secret-word": "holds a password or options",
    "sqlite:///x": "must begin with postgresql:// or mysql://",
    "postgresql://db/mlmd": "must name user and host",
    "postgresql://ada@db": "must name one database",
    "postgresql://ada@db/a/b": "must name one database",
    "postgresql://ada@db:port/mlmd": "holds a password or options|is no URL",
    "postgresql://ada@db/mlmd#x": "must end with the name",
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_none_is_refused_and_a_secret_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match=URLS[url]) as caught:
        load_settings({"metadata": {"url": url}}, (), "my.yaml")
    assert "secret-word" not in str(caught.value)
    assert "my.yaml" in str(caught.value)
    for misplaced in (url, [url], {"url": [url]}, {"url": {"url": url}}):
        with pytest.raises(ConfigError) as caught:
            load_settings({"metadata": misplaced}, ())
        assert "secret-word" not in str(caught.value)
    with pytest.raises(InputError) as also:
        WantedStore.of(url)
    assert "secret-word" not in str(also.value)


def test_a_password_on_the_command_line_is_refused_likewise() -> None:
    with pytest.raises(ConfigError, match=f"{PASSWORD_VARIABLE}") as caught:
        load_settings({}, ["metadata.url=postgresql://ada:secret-word@db/mlmd"])
    assert "secret-word" not in str(caught.value)


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    (tmp_path / METADATA_FILE).write_text('{"format": 1, "url": "postgresql://a:b@c/d", "owner": "0123456789ab"}')
    return tmp_path


def test_a_file_that_was_edited_to_hold_a_password_is_refused(torn: Path) -> None:
    with pytest.raises(StateError, match=f"{METADATA_FILE}: is torn .*`ratchet doctor --repair`"):
        store_of(torn)
