"""The root itself: who works in it, its place and its files, the clock, and what is no root."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.root.ml_metadata import open_store
from ratchet.pipeline.root.root_file import read_file
from ratchet.schemas.base.errors import InputError, StateError
from tests.faults import in_child
from tests.pipeline.doctor.faults import a_torn_pointer, kinds, look, mend
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot, tree


def test_files_of_living_processes_are_left(world: LifelikeRoot) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        half = world.file(f"x.{other.pid}.writing")
        half.write_text("{")
        staged = world.serving / f"unfinished-{socket.gethostname()}-{other.pid}-0123"
        staged.mkdir()
        assert mend(world).healthy
        assert half.exists()
        assert staged.exists()
    finally:
        other.kill()
        other.wait()


def test_nothing_is_mended_beside_a_retraining(world: LifelikeRoot) -> None:
    a_torn_pointer(world)
    with hold(world.root / "lock", "retraining"):
        assert "is retraining" not in look(world).to_text()  # this process holds it
        outcome = in_child(lambda: mend(world), world.root)
    assert outcome.kind == "BusyError"
    assert f"process {os.getpid()} on" in str(outcome.error)
    assert "is retraining; wait until it is done" in str(outcome.error)


def test_who_works_in_the_root_and_who_died_elsewhere_is_mentioned(world: LifelikeRoot) -> None:
    with hold(world.root / "lock", "retraining"):
        outcome = in_child(lambda: look(world).to_text(), world.root)
    assert f"process {os.getpid()} on {socket.gethostname()}" in outcome.value
    left = {"host": "elsewhere", "process": 7, "since": "2026-01-01", "command": "ratchet run"}
    (world.root / "lock").write_text(json.dumps(left))
    report = look(world)
    assert report.healthy
    assert "a process on elsewhere held it and died" in report.to_text()


def test_a_clock_that_is_behind_is_mentioned(world: LifelikeRoot) -> None:
    report = doctor(world.root, False, LATER.replace(year=2020))
    assert report.healthy
    assert kinds(report) == {"clock"}


def test_what_is_in_the_way_is_named_before_anything_else(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "runs")
    (world.root / "runs").write_text("")
    report = mend(world)
    assert report.exit_code == 1
    assert kinds(report) == {"place"}
    assert f"{world.root / 'runs'}: it is a file, and should be a directory" in report.to_text()


def test_what_cannot_be_read_is_named_with_its_owner(world: LifelikeRoot) -> None:
    from ratchet.pipeline.doctor.root_checks import check_places

    locked = world.file("served.json")
    [finding] = check_places(world.root, lambda path, mode: path != locked and os.access(path, mode))
    assert finding.where == str(locked)
    assert f"it belongs to {os.getuid()}" in finding.what
    assert "chown" in finding.fix


def test_a_moved_root_is_noticed(world: LifelikeRoot, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    world.root.rename(moved)
    report = doctor(moved, False, LATER)
    assert kinds(report) == {"moved"}
    assert str(world.root) in report.to_text()


def test_a_moved_root_without_ratchet_json_is_made_at_home(world: LifelikeRoot, tmp_path: Path) -> None:
    for file in (*(world.entry(f"versions/{name}.json") for name in (100, 200)), world.file("served.json")):
        values = json.loads(file.read_text())
        entry = values.get("served", values)
        entry["path"] = str(world.serving / entry["version"])  # as a version without relative paths wrote it
        file.write_text(json.dumps({**values, "format": 1} if "served" not in values else {**entry, "format": 1}))
    (world.root / "ratchet.json").unlink()
    moved = tmp_path / "moved"
    world.root.rename(moved)
    doctor(moved, True, LATER)
    written = read_file(moved)
    assert written is not None
    assert written.path == str(moved)
    uris = {artifact.uri for artifact in open_store(moved).get_artifacts()}
    assert uris
    assert all(uri.startswith(str(moved)) for uri in uris)


def test_a_newer_root_is_not_touched(world: LifelikeRoot) -> None:
    world.entry("versions/100.json").write_text('{"format": 99}')
    before = tree(world.root)
    with pytest.raises(StateError, match="written by a newer Ratchet"):
        mend(world)
    assert tree(world.root) == before


def test_what_is_no_root_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pipeline root"):
        doctor(tmp_path, True, LATER)
