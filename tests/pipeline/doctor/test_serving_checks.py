"""What lies in the serving directory: interrupted publications, lost and unknown versions, odd names."""

from __future__ import annotations

import dataclasses
import shutil

from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.registry_entries import Intent, Pointer
from tests.pipeline.doctor.faults import kinds, look, mend, versions
from tests.pipeline.doctor.lifelike import LifelikeRoot


def test_a_publication_that_was_interrupted_is_completed(world: LifelikeRoot) -> None:
    begun(world, str(world.candidate("bad")))
    assert "publication" in kinds(look(world))
    assert mend(world).healthy
    assert world.registry.pointer().served_as == ("300", versions(world)[-1].digest)
    assert world.served_weights() == "bad"


def test_a_publication_whose_files_are_gone_is_taken_back(world: LifelikeRoot) -> None:
    begun(world, str(world.root / "nowhere"))
    assert mend(world).healthy
    assert world.served_weights() == "good"


def test_what_was_interrupted_before_its_decision_is_set_aside_and_named(world: LifelikeRoot) -> None:
    world.run("killed", Verdict.PUSHED, pushed=False)
    shutil.copytree(
        world.root / "artifacts" / "DetectorTrainer" / "model" / "4" / "Format-Serving", world.serving / "400"
    )
    report = mend(world)
    assert report.healthy
    assert "the candidate of run killed, which was interrupted" in report.to_text()
    assert (world.serving / "set-aside-400-1" / "saved_model.pb").is_file()
    assert world.registry.served() is not None


def test_a_rollback_target_that_cannot_be_had_is_no_longer_one(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "100")
    shutil.rmtree(world.root / "artifacts" / "DetectorTrainer" / "model" / "1")
    assert "marks the version as not blessed" in look(world).to_text()
    assert [model.blessed for model in versions(world)] == [True, True]
    assert mend(world).healthy
    assert [model.blessed for model in versions(world)] == [False, True]


def test_a_version_whose_files_were_pruned_is_no_fault(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "100")
    report = look(world)
    assert report.healthy
    assert "restores them from" in report.to_text()
    assert mend(world).healthy
    world.approve()
    again = world.roll_back("200")
    shutil.rmtree(world.serving / "200")
    assert look(world).findings == ()  # the served version is the same model
    assert world.registry.pointer().served_as == (again, versions(world)[-1].digest)


def test_absurd_names_are_reported(world: LifelikeRoot) -> None:
    (world.serving / "500").write_text("")
    (world.serving / "notes").mkdir()
    (world.serving / "99999999999999999999").mkdir()
    report = mend(world)
    assert {finding.where for _, finding in report.findings if finding.is_left} == {str(world.serving / "500")}
    assert (world.serving / "notes").exists()
    assert (world.serving / "99999999999999999999").exists()  # no number that TensorFlow Serving could read


def begun(world: LifelikeRoot, source: str) -> None:
    """A publication of the blocked candidate that was claimed, and no more."""
    pointer = world.registry.pointer()
    assert pointer.served is not None
    [made] = [one for one in world.registry.decisions() if one.run_id == "bad"]
    pushed = dataclasses.replace(made, run_id="fourth", verdict="PUSHED", reason=None, rule=None)
    model = dataclasses.replace(
        pointer.served, version="300", path=str(world.serving / "300"), digest=made.model_digest, run_id="fourth"
    )
    intent = Intent(model, "unfinished-gone", source, decision=pushed)
    world.registry.swap(pointer, Pointer(pointer.served, intent))
