"""Several roots in one database: the same names and run ids, and each sees only what is its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ratchet.components.stack.mlmd_server import Server
from ratchet.components.stack.run_names import name_in_store
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.retention.artifacts import RunArtifactStore
from ratchet.pipeline.root.claim import begin_on_server, move_on_server, take_store
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to, read_run
from ratchet.pipeline.root.ml_metadata_sync import OverrideStore
from ratchet.pipeline.root.same_store import recorded_place
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from ratchet.schemas.base.errors import StateError
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root
from tests.servers.test_stores import executed

Twins = tuple[ServedRoot, ServedRoot]


@pytest.fixture
def twins(tmp_path: Path, database: Server) -> Twins:
    return blocked_root(tmp_path / "one", database), blocked_root(tmp_path / "two", database)


def approved(world: ServedRoot) -> str:
    return approve(ApproveRequest("bad", world.root, "Ana", "checked", "2026-12-31"), NOW).version


def told_blessed(world: ServedRoot) -> list[str]:
    return [run.run_id for run in read_told(world.root, world.root).runs if run.is_blessed]


def test_runs_of_the_same_name_are_kept_apart(twins: Twins) -> None:
    one, two = twins
    executed(one, "good")
    assert list(read_run(connection_to(one.root), store_of(one.root).run_name("good"))) == ["DataGate"]
    assert read_run(connection_to(two.root), store_of(two.root).run_name("good")) == {}
    assert "artifacts/DataGate/decision/7" in RunArtifactStore(one.root).of_run("good").artifacts
    assert "artifacts/DataGate/decision/7" not in RunArtifactStore(two.root).of_run("good").artifacts


def test_what_a_person_does_in_one_root_changes_nothing_of_the_other(twins: Twins) -> None:
    one, two = twins
    assert approved(one) == approved(two)  # two versions of one name, each told once
    assert [len(read_told(world.root, world.root).lines) for world in twins] == [1, 1]
    before = told_blessed(two)
    OverrideStore(one.root).unbless("good")
    assert (told_blessed(one), told_blessed(two)) == ([run for run in before if run != "good"], before)


def test_a_rollback_takes_no_blessing_of_the_other_root_back(twins: Twins) -> None:
    from ratchet.pipeline.serving.rollback import RollbackRequest, rollback

    one, two = twins
    rollback(RollbackRequest(one.root, "Ana", "checked", "100"), NOW)
    assert told_blessed(one) == ["first"]
    assert told_blessed(two) == ["first", "good"]


def test_the_doctor_of_a_root_sees_none_of_the_others_runs(twins: Twins) -> None:
    one, two = twins
    models = {run.run_id: run.model for run in read_told(two.root, two.root).runs}
    assert set(models) == {"first", "good", "bad"}
    assert all(str(model).startswith(str(two.root)) for model in models.values())
    assert read_told(one.root, one.root).runs != read_told(two.root, two.root).runs


def test_a_root_that_is_moved_takes_only_its_own_artifacts_along(twins: Twins, tmp_path: Path) -> None:
    one, two = twins
    approved(one)
    theirs = {one.uri for one in two.store.get_artifacts() if one.uri.startswith(str(two.root.resolve()))}
    (elsewhere := tmp_path / "elsewhere").mkdir()
    shutil.rmtree(elsewhere)
    one.root.rename(elsewhere)
    two.root.rename(one.root)  # the other one takes its place on the disk, before either is told
    assert move_on_server(elsewhere) == str(one.root.resolve())
    now = {artifact.uri for artifact in one.store.get_artifacts()}
    assert {uri for uri in now if uri.startswith(str(two.root.resolve()))} == theirs
    assert not any(uri.startswith(f"{one.root.resolve()}/") for uri in now)
    assert move_on_server(one.root) == str(two.root.resolve())
    assert recorded_place(elsewhere) == str(elsewhere.resolve())
    assert move_on_server(elsewhere) is None


def test_a_copy_of_a_root_is_refused_until_it_has_a_store_of_its_own(twins: Twins, tmp_path: Path) -> None:
    one, _ = twins
    server = store_of(one.root).server
    assert server is not None
    copy = tmp_path / "copy"
    shutil.copytree(one.root, copy)
    for refused in (lambda: take_store(copy, server), lambda: move_on_server(copy)):
        with pytest.raises(StateError, match=rf"copy: is a copy of {one.root.resolve()}.*move {METADATA_FILE} away"):
            refused()
    (copy / METADATA_FILE).unlink()
    begun = begin_on_server(copy, server)
    take_store(copy, server)
    assert begun.owner != store_of(one.root).owner
    take_store(one.root, server)


def test_a_root_that_joins_lets_all_count_above_its_own_disk(twins: Twins, tmp_path: Path) -> None:
    one, _ = twins
    server = store_of(one.root).server
    assert server is not None
    (tmp_path / "three" / "artifacts" / "DataGate" / "decision" / "900").mkdir(parents=True)
    begin_on_server(tmp_path / "three", server)
    assert executed(one, "good") > 900


def test_the_names_of_a_run_are_told_apart_by_the_id_alone() -> None:
    names = {name_in_store("span-1-ab-1", owner) for owner in ("0" * 12, "1" * 12, "")}
    assert len(names) == 3
