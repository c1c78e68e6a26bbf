"""Each fault, planted in a made root: it is seen, nothing is written without --repair, and it is mended with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ratchet.pipeline.doctor.findings import Report
from tests.faults import FAILING, FULL, in_child
from tests.nightly import spread
from tests.pipeline.doctor.faults import (
    FAULTS,
    Fault,
    a_lost_ml_metadata,
    a_lost_ratchet_json,
    a_lost_registry,
    a_lost_serving_directory,
    a_torn_pointer,
    a_torn_ratchet_json,
    a_version_that_was_never_recorded,
    damaged_files_of_the_served_version,
    decisions,
    look,
    lost_entries_and_pointer,
    mend,
    versions,
)
from tests.pipeline.doctor.lifelike import LifelikeRoot, lifelike_root, tree


def test_a_root_as_runs_leave_it_is_healthy_and_stays_untouched(world: LifelikeRoot) -> None:
    before = tree(world.root)
    assert look(world).findings == ()
    assert mend(world).findings == ()
    assert tree(world.root) == before


def test_a_repair_writes_the_index_of_runs_and_a_look_does_not(world: LifelikeRoot) -> None:
    index = world.root / "runs" / "index.html"
    look(world)
    assert not index.exists()
    mend(world)
    runs = [path.name for path in (world.root / "runs").iterdir() if path.is_dir()]
    assert runs
    assert all(run in index.read_text() for run in runs)


@pytest.mark.parametrize("fault", FAULTS)
def test_looking_finds_a_fault_and_writes_nothing(world: LifelikeRoot, fault: Fault) -> None:
    fault(world)
    before = {**tree(world.root), "locks": [path.stat().st_mtime_ns for path in world.root.rglob("lock")]}
    report = look(world)
    assert report.findings
    assert report.exit_code == (0 if fault is a_lost_ratchet_json else 1)
    assert {**tree(world.root), "locks": [path.stat().st_mtime_ns for path in world.root.rglob("lock")]} == before


@pytest.mark.parametrize("fault", FAULTS)
def test_repairing_brings_back_what_was_known_and_serves_the_same_model(world: LifelikeRoot, fault: Fault) -> None:
    known = (world.registry.served(), versions(world), decisions(world))
    fault(world)
    report = mend(world)
    assert report.healthy, report.to_text()
    assert any(finding.mended for _, finding in report.findings)
    assert (world.registry.served(), versions(world), decisions(world)) == known
    assert world.served_weights() == "good"
    assert all(world.registry.storage.holds(model.version, model.digest) for model in versions(world))
    assert look(world).healthy
    assert not any(finding.mended for _, finding in mend(world).findings)


@pytest.mark.parametrize(
    "fault",
    [
        a_torn_pointer,
        a_lost_registry,
        damaged_files_of_the_served_version,
        a_lost_serving_directory,
        a_version_that_was_never_recorded,
        a_lost_ml_metadata,
        a_torn_ratchet_json,
    ],
)
def test_killed_at_any_point_the_same_command_goes_on(world: LifelikeRoot, fault: Fault, tmp_path: Path) -> None:
    known = (world.registry.served(), versions(world), decisions(world))
    fault(world)
    whole = tmp_path / "whole"
    shutil.copytree(world.root, whole)
    points = len(in_child(lambda: mend(world).healthy, world.root).points)
    assert points > 3
    for point in spread(range(points), 5):
        shutil.rmtree(world.root)
        shutil.copytree(whole, world.root)
        in_child(lambda: mend(world).healthy, world.root, point)
        report = mend(world)
        assert report.healthy, f"point {point}: {report.to_text()}"
        assert (world.registry.served(), versions(world), decisions(world)) == known
        assert look(world).healthy


def test_two_worlds_are_alike(tmp_path: Path) -> None:
    """What is made again is held against what was there, so making it once more must give the same."""
    first, second = (lifelike_root(tmp_path / name) for name in ("a", "b"))
    assert [model.run_id for model in versions(first)] == [model.run_id for model in versions(second)]


def test_what_could_not_be_mended_is_not_called_mended(world: LifelikeRoot) -> None:
    """The disk fails in every repair, so all of it is found again."""
    a_torn_pointer(world)
    outcome = in_child(lambda: kept(mend(world)), world.root, 5, FAILING, lasting=True)
    assert outcome.value == [("pointer", False)]


def kept(report: Report) -> list[tuple[str, bool]]:
    return [(finding.kind, finding.mended) for _, finding in report.findings if finding.kind == "pointer"]


@pytest.mark.parametrize("fault", [a_lost_serving_directory, a_lost_ml_metadata, lost_entries_and_pointer])
def test_on_a_full_disk_it_ends_in_words_and_goes_on_when_there_is_room(
    world: LifelikeRoot, fault: Fault, tmp_path: Path
) -> None:
    fault(world)
    whole = tmp_path / "whole"
    shutil.copytree(world.root, whole)
    points = len(in_child(lambda: mend(world).healthy, world.root).points)
    for point in spread(range(points), 5):
        shutil.rmtree(world.root)
        shutil.copytree(whole, world.root)
        outcome = in_child(lambda: mend(world).healthy, world.root, point, FULL, lasting=True)
        assert outcome.kind in (None, "StateError"), f"{outcome.kind} {outcome.error}"
        assert mend(world).healthy, point
