"""`doctor` on a root in Cloud Storage: what it finds on this machine it finds there, and mends it there."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")

from ratchet.components.object_store import objects
from ratchet.components.registry.lease import take_lease
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.pipeline.doctor.faults import FAULTS, kinds
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot, lifelike_root
from tests.pipeline.remote.conftest import Twins

Make = Callable[[Path], Twins]
# Of files of this machine alone: an object is whole or not there, and nobody can be asked whether a process lives.
LOCAL = {"half_a_file", "a_staged_model_of_a_dead_process", "a_version_of_half_a_model", "an_older_ml_metadata"}

VERSION = "1800000000"


@pytest.fixture
def world(tmp_path: Path) -> LifelikeRoot:
    return lifelike_root(tmp_path / "root")


def at(uri: str) -> Path:
    copy = WorkingCopy.of(uri)
    copy.refresh()
    return copy.directory


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.__name__ not in LOCAL], ids=lambda one: one.__name__)
def test_what_is_mended_here_is_mended_there(
    world: LifelikeRoot, twins: Make, fault: Callable[[LifelikeRoot], None]
) -> None:
    fault(world)
    both = twins(world.root)
    local, remote = doctor(world.root, False, LATER), doctor(at(both.uri), False, LATER)
    assert kinds(remote) - {"moved"} == kinds(local) - {"moved"}
    assert doctor(world.root, True, LATER).healthy == doctor(at(both.uri), True, LATER).healthy is True
    again = doctor(at(both.uri), False, LATER)
    assert again.healthy
    assert kinds(again) == kinds(doctor(world.root, False, LATER))


def test_ml_metadata_that_is_older_than_the_artifacts_counts_on(world: LifelikeRoot, twins: Make) -> None:
    both = twins(world.root)
    objects.write(f"{both.uri}/artifacts/DetectorTrainer/model/999/Format-Serving/saved_model.pb", b"")
    assert "ml-metadata" in kinds(doctor(at(both.uri), False, LATER))
    assert doctor(at(both.uri), True, LATER).healthy
    assert "ml-metadata" not in kinds(doctor(at(both.uri), False, LATER))


def test_half_a_version_is_named_and_left_alone(world: LifelikeRoot, twins: Make) -> None:
    both = twins(world.root)
    objects.write(f"{both.uri}/serving/digits/{VERSION}/variables/data", b"half")
    report = doctor(at(both.uri), True, LATER)
    assert report.healthy
    assert "half-version" in kinds(report)
    assert objects.read(f"{both.uri}/serving/digits/{VERSION}/variables/data") is not None


def first_and_unrecorded(root: Path) -> LifelikeRoot:
    """What the old step that recorded decisions left behind: a first model, evaluated and served; an empty registry."""
    world = LifelikeRoot(root)
    world.run("first", Verdict.BOOTSTRAPPED)
    evaluation = root / "artifacts" / "MapEvaluator" / "evaluation" / "1" / EVALUATION_FILE
    measured = EVALUATION_FORMAT.read(evaluation.read_text(), EVALUATION_FILE)
    digest = model_digest(str(world.serving / "100"), LOCAL_FILES)
    evaluation.write_text(EVALUATION_FORMAT.write(dataclasses.replace(measured, candidate_digest=digest)))
    blessed = root / "artifacts" / "MapEvaluator" / "blessing" / "1" / "BLESSED"
    blessed.parent.mkdir(parents=True)
    blessed.write_text("")
    shutil.rmtree(root / "registry")
    shutil.rmtree(root / "runs")
    for name in ("metadata.sqlite", "ratchet.json"):
        (root / name).unlink()
    return world


def test_a_first_model_that_was_never_recorded_is_recorded_if_it_is_proven(tmp_path: Path, twins: Make) -> None:
    first_and_unrecorded(tmp_path / "unrecorded")
    both = twins(tmp_path / "unrecorded")
    code, out, _ = both.of(both.uri, "doctor")
    assert code == 1
    assert "version 100 is served and was never recorded" in out
    assert doctor(at(both.uri), True, LATER).healthy
    code, out, _ = both.of(both.uri, "status")
    assert (code, out.splitlines()[0]) == (0, "served   version 100, ROOT/serving/digits/100")
    assert "as the first model" in out
    assert objects.read(f"{both.uri}/serving/digits/100/saved_model.pb") is not None


@pytest.mark.parametrize(
    "lost",
    [
        "artifacts/MapEvaluator/blessing/1/BLESSED",
        "artifacts/MapEvaluator/evaluation/1/evaluation.json",
        "artifacts/DetectorTrainer/model/1/Format-Serving/variables/data",
    ],
)
def test_without_the_proof_it_is_set_aside(tmp_path: Path, twins: Make, lost: str) -> None:
    first_and_unrecorded(tmp_path / "unrecorded")
    (tmp_path / "unrecorded" / lost).unlink()
    both = twins(tmp_path / "unrecorded")
    assert doctor(at(both.uri), True, LATER).healthy
    assert {one.name.partition("-")[0] for one in objects.list_below(f"{both.uri}/serving/digits")} == {"set"}


def test_other_bytes_than_those_that_were_measured_are_set_aside(tmp_path: Path, twins: Make) -> None:
    world = first_and_unrecorded(tmp_path / "unrecorded")
    (world.serving / "100" / "variables" / "data").write_text("altered")
    both = twins(tmp_path / "unrecorded")
    assert doctor(at(both.uri), True, LATER).healthy
    assert {one.name.partition("-")[0] for one in objects.list_below(f"{both.uri}/serving/digits")} == {"set"}


def test_a_lease_is_told_with_its_age_and_one_that_ran_out_is_in_nobodys_way(world: LifelikeRoot, twins: Make) -> None:
    both = twins(world.root)
    take_lease(both.uri, "job 7", now=LATER - datetime.timedelta(hours=2))
    code, out, _ = both.of(both.uri, "doctor")
    assert code == 0
    assert "job 7" in out
    assert "has run out" in out
    assert doctor(at(both.uri), True, LATER).healthy
    take_lease(both.uri, "job 8")
    code, _, err = both.of(both.uri, "doctor", "--repair")
    assert code == 2
    assert "job 8" in err
    assert "wait until it is done" in err
    assert "now      job 8 on" in both.of(both.uri, "status")[1]


def test_a_torn_lease_is_set_aside(world: LifelikeRoot, twins: Make) -> None:
    both = twins(world.root)
    objects.write(f"{both.uri}/lease.json", b"{")
    assert both.of(both.uri, "status")[0] == 0
    code, out, _ = both.of(both.uri, "doctor")
    assert code == 1
    assert "ROOT/lease.json: no run can begin" in out
    assert doctor(at(both.uri), True, LATER).healthy
    assert objects.read(f"{both.uri}/lease.json") is None
    assert objects.read(f"{both.uri}/lease.json.torn-1") is not None


def test_without_repair_nothing_is_written(world: LifelikeRoot, twins: Make) -> None:
    world.file("served.json").write_text("{")
    both = twins(world.root)
    before = {one.name: one.generation for one in objects.list_below(both.uri)}
    code, out, _ = both.of(both.uri, "doctor")
    assert code == 1
    assert "ROOT/registry/served.json" in out
    assert {one.name: one.generation for one in objects.list_below(both.uri)} == before
    code, out, _ = both.of(both.uri, "doctor", "--repair")
    assert (code, out.splitlines()[-1][:14]) == (0, "ROOT: healthy,")
    assert objects.read(f"{both.uri}/registry/served.json.torn-1") is not None
