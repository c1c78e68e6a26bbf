"""Runs of a root: torn results, and what later commands read of earlier runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from ratchet.pipeline.doctor.patient import here
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, Diagnosis
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from tests.builders import cause
from tests.pipeline.doctor.faults import look, mend
from tests.pipeline.doctor.lifelike import LifelikeRoot


def test_a_torn_result_of_a_run_without_a_decision_counts_as_interrupted(world: LifelikeRoot) -> None:
    run = world.begin(4, "ratchet run --span 4")
    (run / "result.json").write_text('{"verdict": ')
    report = mend(world)
    assert report.healthy
    assert "goes on with: ratchet run --span 4" in report.to_text()
    assert (run / "result.json.torn-1").is_file()


def test_a_result_that_is_made_again_has_the_cause_of_the_diagnosis_beside_it(world: LifelikeRoot) -> None:
    run = world.root / "runs" / "bad"
    (run / "diagnosis.json").write_text(DIAGNOSIS_FORMAT.write(Diagnosis(cause())))
    for told in (cause(), None):
        (run / "result.json").write_text('{"verdict": ')
        assert mend(world).healthy
        assert RUN_RESULT_FORMAT.read((run / "result.json").read_text(), "result.json").cause == told
        (run / "diagnosis.json").unlink(missing_ok=True)


def test_missing_training_images_are_reported_with_what_to_do(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "artifacts" / "DetectionExampleGen" / "examples" / "2")
    report = mend(world)
    assert report.exit_code == 1
    assert "training.retrain.replay=0" in report.to_text()


def test_training_images_are_found_by_a_place_below_the_artifacts(tmp_path: Path) -> None:
    assert here(tmp_path, "ExampleGen/examples/7") == tmp_path / "artifacts" / "ExampleGen" / "examples" / "7"
    assert here(tmp_path, "/old/artifacts/ExampleGen/examples/7") == here(tmp_path, "ExampleGen/examples/7")
    assert here(tmp_path, "/elsewhere/7") == Path("/elsewhere/7")


def test_a_candidate_that_can_no_longer_be_approved_is_mentioned(world: LifelikeRoot) -> None:
    shutil.rmtree(world.candidate("bad"))
    report = look(world)
    assert report.healthy
    assert "run bad, BLOCKED, cannot be approved" in report.to_text()
