"""A working copy is fetched by generations and written back over them; kills and other machines lose nothing."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.components.registry.locking import BusyError
from ratchet.pipeline.root import working_copy
from ratchet.pipeline.root.holding import hold_root
from ratchet.pipeline.root.places import is_remote, uri_of
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.schemas.base.errors import StateError
from tests.gcs.fixtures import Bucket

RUN = "runs/span-1-aa-1"
FILES = ("request.json", "diagnosis.json", "result.json", "review.html", "tfma.html", "log.txt")


@pytest.fixture
def uri(gcs: Bucket, cache: Path) -> str:
    return gcs.uri("root")


def machine(uri: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WorkingCopy:
    """The copy of a machine with this name."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
    return WorkingCopy.of(uri)


def put(copy: WorkingCopy, name: str, text: str) -> None:
    path = copy.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def text(uri: str) -> str | None:
    found = objects.read(uri)
    return found.data.decode() if found else None


def below(uri: str) -> set[str]:
    return {one.name for one in objects.list_below(uri)}


def test_what_was_written_here_is_there_and_on_the_next_machine(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = machine(uri, "here", monkeypatch, tmp_path)
    put(here, "ratchet.json", "{}")
    for name in FILES:
        put(here, f"{RUN}/{name}", name)
    put(here, f"{RUN}/result.json.7.writing", "half")
    put(here, "notes.txt", "of this machine")
    here.write_back()
    assert below(uri) == {"ratchet.json", *(f"{RUN}/{name}" for name in FILES)}
    there = machine(uri, "there", monkeypatch, tmp_path)
    there.refresh()
    assert (there.directory / RUN / "diagnosis.json").read_text() == "diagnosis.json"
    (there.directory / RUN / "review.html").unlink()
    there.write_back()
    assert f"{RUN}/review.html" not in below(uri)
    here.refresh()
    assert not (here.directory / RUN / "review.html").exists()
    assert (uri_of(here.directory), is_remote(here.directory)) == (uri, True)


def test_what_another_machine_has_changed_is_not_overwritten(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, two = (machine(uri, name, monkeypatch, tmp_path) for name in ("one", "two"))
    put(one, "ratchet.json", "first")
    one.write_back()
    two.refresh()
    put(two, "ratchet.json", "of two")
    put(one, "ratchet.json", "of one")
    two.write_back()
    with pytest.raises(StateError, match="was changed by another machine since this command began"):
        one.write_back()
    assert text(f"{uri}/ratchet.json") == "of two"
    one.refresh()
    assert (one.directory / "ratchet.json").read_text() == "of two"
    assert [path.read_text() for path in (one.directory / "conflicts").iterdir()] == ["of one"]


@pytest.mark.parametrize("survived", range(5))
def test_a_kill_while_it_is_written_back_is_made_good_by_the_next_command(uri: str, cache: Path, survived: int) -> None:
    copy = WorkingCopy.of(uri)
    for name in FILES:
        put(copy, f"{RUN}/{name}", name)
    child = os.fork()
    if child == 0:
        _killed_after(copy, survived)
    os.waitpid(child, 0)
    written = below(uri)
    assert len(written) <= survived + 1
    if f"{RUN}/result.json" in written:
        assert written == {f"{RUN}/{name}" for name in FILES}
    copy.refresh()
    assert {name: (copy.directory / RUN / name).read_text() for name in FILES} == {name: name for name in FILES}
    copy.write_back()
    assert {name: text(f"{uri}/{RUN}/{name}") for name in FILES} == {name: name for name in FILES}
    assert not (copy.directory / "conflicts").exists()


def _killed_after(copy: WorkingCopy, survived: int) -> None:
    """One at a time, and the process ends when so many have been written and before that is noted."""
    write, done = objects.write, []

    def counted(*arguments: object) -> int:
        if len(done) == survived:
            write(*arguments)  # pyright: ignore[reportArgumentType]
            os._exit(9)
        done.append(None)
        return write(*arguments)  # pyright: ignore[reportArgumentType]

    working_copy._WRITERS = 1
    working_copy.objects.write = counted  # pyright: ignore[reportAttributeAccessIssue]
    try:
        copy.write_back()
    finally:
        os._exit(0)


def test_what_sqlite_had_half_written_is_taken_back_before_it_is_copied(uri: str, cache: Path) -> None:
    copy = WorkingCopy.of(uri)
    database = copy.directory / "metadata.sqlite"
    child = os.fork()
    if child == 0:
        store = sqlite3.connect(database, isolation_level=None)
        store.execute("PRAGMA cache_size = 1")
        store.execute("CREATE TABLE kept (value TEXT)")
        store.execute("BEGIN")
        store.executemany("INSERT INTO kept VALUES (?)", [("x" * 1000,)] * 500)
        os._exit(9)
    os.waitpid(child, 0)
    assert (copy.directory / "metadata.sqlite-journal").exists()
    copy.write_back()
    found = objects.read(f"{uri}/metadata.sqlite")
    assert found is not None
    other = copy.directory.parent / "other.sqlite"
    other.write_bytes(found.data)
    assert sqlite3.connect(other).execute("SELECT COUNT(*) FROM kept").fetchone() == (0,)


def test_one_machine_at_a_time_works_in_a_root(uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, two = (machine(uri, name, monkeypatch, tmp_path) for name in ("one", "two"))
    with hold_root(one.directory, "retraining"):
        put(one, f"{RUN}/request.json", "{}")
        with pytest.raises(BusyError, match="is retraining"), hold_root(two.directory, "retraining"):
            pass
    assert below(uri) == {f"{RUN}/request.json"}
    with hold_root(two.directory, "retraining"):
        assert (two.directory / RUN / "request.json").read_text() == "{}"


def test_what_was_done_before_an_error_is_written_back(uri: str, cache: Path) -> None:
    copy = WorkingCopy.of(uri)

    def crash() -> None:
        with hold_root(copy.directory, "retraining"):
            put(copy, f"{RUN}/log.txt", "a step crashed")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert below(uri) == {f"{RUN}/log.txt"}


def test_whoever_lost_the_lease_writes_nothing_back(uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = machine(uri, "one", monkeypatch, tmp_path)

    def lose() -> None:
        with hold_root(copy.directory, "retraining") as held:
            put(copy, f"{RUN}/log.txt", "late")
            assert held is not None
            held.lost.set()

    with pytest.raises(BusyError, match="another run has taken it over"):
        lose()
    assert f"{RUN}/log.txt" not in below(uri)


def test_the_same_machine_goes_on_at_once_after_a_kill(uri: str, cache: Path) -> None:
    copy = WorkingCopy.of(uri)
    child = os.fork()
    if child == 0:
        with hold_root(copy.directory, "retraining"):
            os._exit(9)
    os.waitpid(child, 0)
    assert objects.read(f"{uri}/lease.json") is not None
    with hold_root(copy.directory, "retraining"):
        pass
    assert objects.read(f"{uri}/lease.json") is None


def test_a_cache_that_cannot_be_written_is_one_sentence(uri: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = cache.parent.parent.parent / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.raises(StateError, match="name a directory that can in XDG_CACHE_HOME"):
        WorkingCopy.of(uri)
