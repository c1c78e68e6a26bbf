"""Pointer, entries, decisions and the log of a root: made again from each other, never from what could be wrong."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.entry_file import in_files
from tests.pipeline.doctor.faults import (
    a_lost_ml_metadata,
    a_lost_registry,
    a_torn_pointer,
    decisions,
    kinds,
    look,
    mend,
    versions,
)
from tests.pipeline.doctor.lifelike import LifelikeRoot


def test_a_pushed_version_whose_entry_alone_is_lost_is_recorded_again(world: LifelikeRoot) -> None:
    known = versions(world)
    (world.root / "runs" / "good" / "result.json").unlink()
    world.entry("versions/200.json").unlink()
    world.file("served.json").unlink()
    assert mend(world).healthy
    assert versions(world) == known


def test_nothing_is_pointed_to_where_the_last_version_cannot_be_had(world: LifelikeRoot) -> None:
    a_torn_pointer(world)
    shutil.rmtree(world.serving / "200")
    for directory in ("DetectorTrainer", "BaselineReader"):
        shutil.rmtree(world.root / "artifacts" / directory, ignore_errors=True)
    report = mend(world)
    assert report.exit_code == 1
    assert "ratchet rollback --to VERSION" in report.to_text()
    world.roll_back("100")
    assert world.served_weights() == "first"
    assert mend(world).healthy


def test_an_edited_log_is_restored_from_ml_metadata(world: LifelikeRoot) -> None:
    world.approve()
    world.roll_back()
    log = world.file("overrides.jsonl")
    whole = log.read_text()
    for damaged in (whole.replace("Ana", "Eva", 1), whole.splitlines()[0] + "\n", whole[:-30], ""):
        log.write_text(damaged)
        assert "overrides" in kinds(look(world))
        assert mend(world).healthy
        assert log.read_text() == whole


def test_a_log_that_nothing_has_whole_is_left(world: LifelikeRoot) -> None:
    world.approve()
    log = world.file("overrides.jsonl")
    log.write_text(log.read_text().replace("Ana", "Eva"))
    a_lost_ml_metadata(world)
    before = log.read_text()
    assert mend(world).exit_code == 1
    assert log.read_text() == before


def test_lost_entries_of_approvals_and_rollbacks_come_back(world: LifelikeRoot) -> None:
    world.approve()
    world.roll_back("100")
    known = (world.registry.served(), versions(world))
    shutil.rmtree(world.root / "registry")
    assert mend(world).healthy
    assert (world.registry.served(), versions(world)) == known


def test_a_torn_decision_that_cannot_be_told_is_set_aside(world: LifelikeRoot) -> None:
    file = world.entry("decisions/0123456789abcdef.json")
    file.write_text("{")
    assert mend(world).healthy
    assert not file.exists()
    assert file.with_name("0123456789abcdef.json.torn-1").read_text() == "{"


@pytest.mark.parametrize("end", [0, 40, -200])
def test_a_torn_index_keeps_the_lines_that_are_whole_and_the_others_are_made_again(
    world: LifelikeRoot, end: int
) -> None:
    known = (world.registry.served(), versions(world), decisions(world))
    for part in ("versions", "decisions"):
        index = world.file(f"{part}/index.json")
        index.write_text(index.read_text()[:end])
    assert "index" in kinds(look(world))
    assert mend(world).healthy
    assert (world.registry.served(), versions(world), decisions(world)) == known
    assert world.file("versions/index.json.torn-1").exists() or end == 0


def test_a_root_of_an_earlier_version_with_a_file_an_entry_is_healthy_and_mended_as_well(world: LifelikeRoot) -> None:
    in_files(world.root)
    assert look(world).healthy
    known = (versions(world), decisions(world))
    world.file("versions/100.json").write_text("{")
    assert mend(world).healthy
    assert (versions(world), decisions(world)) == known


def test_a_lost_registry_leaves_what_is_served_where_it_is(world: LifelikeRoot) -> None:
    """Nothing tells what was decided, but results say what was in service: it stays there until a person decides."""
    a_lost_registry(world)
    a_lost_ml_metadata(world)
    assert mend(world).exit_code == 1
    assert world.versions == ["100", "200"]


def test_a_decision_is_not_made_again_from_an_evaluation_that_was_changed(world: LifelikeRoot) -> None:
    [made] = [one for one in decisions(world) if one.run_id == "bad"]
    file = Path(made.evaluation, "evaluation.json")
    world.decision_file("bad").unlink()
    file.write_text(file.read_text().replace("0.53", "0.99"))
    assert mend(world).exit_code == 1
    assert "bad" not in {one.run_id for one in decisions(world)}


def test_a_rollback_whose_every_trace_but_the_log_is_lost_comes_back(world: LifelikeRoot) -> None:
    version = world.roll_back("100")
    shutil.rmtree(world.serving / version)
    world.entry(f"versions/{version}.json").unlink()
    world.file("served.json").unlink()
    assert mend(world).healthy
    served = world.registry.pointer().served
    assert served is not None
    assert (served.version, served.restores) == (version, "100")
    assert world.served_weights() == "first"
    assert [model.blessed for model in versions(world)] == [True, False, True]


def test_nothing_is_pointed_to_that_no_decision_let_into_service(world: LifelikeRoot) -> None:
    """The entry and the files of a version are there, and the only decision on its run was a no."""
    shutil.copytree(world.candidate("bad"), world.serving / "300")
    [made] = [one for one in decisions(world) if one.run_id == "bad"]
    newest = versions(world)[-1]
    forged = dataclasses.replace(newest, version="300", digest=made.model_digest, run_id="bad")
    world.registry.record_version(forged)
    for pointer in ("behind", "lost"):
        if pointer == "lost":
            world.file("served.json").unlink()
        report = mend(world)
        assert report.exit_code == 1
        assert "there is no decision by which version 300 was pushed" in report.to_text()
    assert not world.file("served.json").exists()


def test_nothing_is_pointed_to_while_the_log_is_damaged(world: LifelikeRoot) -> None:
    world.approve()
    world.file("served.json").unlink()
    log = world.file("overrides.jsonl")
    log.write_text(log.read_text().replace("Ana", "Eva"))
    a_lost_ml_metadata(world)
    assert mend(world).exit_code == 1
    assert not world.file("served.json").exists()


def test_what_was_torn_stays_beside_what_is_made_again(world: LifelikeRoot) -> None:
    damaged = [world.file("served.json"), world.decision_file("bad"), world.root / "runs" / "bad" / "result.json"]
    for file in damaged:
        file.write_text("{ torn")
    assert mend(world).healthy
    for file in damaged:
        assert [kept.read_text() for kept in file.parent.glob(f"{file.name}.torn-*")] == ["{ torn"]
        assert file.read_text() != "{ torn"
