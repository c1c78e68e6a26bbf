"""Compiled jobs, executed: every container's own command, on a Cloud Storage and on a disk, beside LocalDagRunner.

Every time the first job runs; the others take minutes and are `make jobs`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.object_store.files import files_of, read_text
from ratchet.components.object_store.objects import list_below
from ratchet.components.registry.lease import lease_holder, release_lease
from ratchet.kubeflow.step.job_lease import holder_of
from ratchet.kubeflow.step.places import remove_all
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.run.local import run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import RunResult
from tests.kubeflow.emulator import CACHED, FAILED, NOT_TRIGGERED, SKIPPED, SUCCEEDED, Emulator, JobState
from tests.kubeflow.executed.conftest import Cluster, Stories, upload
from tests.kubeflow.executed.two_roots import SMALL
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow

A_FEW_STEPS = ("training.retrain.min_steps=8", "training.retrain.max_steps=8")
BEHIND_THE_GATE = ("DetectorTrainer", "MapEvaluator", "Diagnosis", "Pusher", "Review")
SPANS = ((1, "first"), (2, "second"), (3, "dark"))  # with the jobs on them


@pytest.fixture(scope="session")
def first(cloud: Cluster) -> JobState:
    """The job that trains a first model: every step but those of a rejection."""
    return cloud.job("first", parameters={"span": 1, "bootstrap": True})


@pytest.fixture(scope="session")
def told(cloud: Cluster, first: JobState) -> dict[str, JobState]:
    """The jobs of a few nights, in their order; `make jobs` has them all."""
    cloud.job("first-again", parameters={"span": 1}, enable_caching=True)
    checkpoints = f"{cloud.root}/artifacts/checkpoints/*checkpoint"  # the file that says which one is whole
    cloud.job("second", parameters={"span": 2}, kill=("DetectorTrainer", checkpoints))
    cloud.job("dark", parameters={})
    cloud.job("dark-again", parameters={})
    return cloud.states


def test_a_first_model_is_trained_and_served(first: JobState, cloud: Cluster) -> None:
    states = first.states
    assert {name for name, state in states.items() if state != SUCCEEDED} == {"RejectionDiagnosis", "RejectionReview"}
    result = cloud.result("first")
    assert (result.verdict, result.span, result.run_id) == (Verdict.BOOTSTRAPPED, 1, "first")
    assert result.report == f"{cloud.root}/runs/first/review.html"
    version = cloud.registry().versions()[0]
    assert (version.run_id, version.version) == ("first", result.pushed_version)


@by_night
def test_nothing_new_ends_a_job_at_its_first_step_whatever_is_cached(told: dict[str, JobState], cloud: Cluster) -> None:
    for name, decided in (("first-again", "first"), ("dark-again", "dark")):
        states = told[name].states
        assert (states["RunStart"], states["RunEnd"]) == (SUCCEEDED, SUCCEEDED)
        others = {state for step, state in states.items() if step not in ("RunStart", "RunEnd")}
        assert others == {SKIPPED, NOT_TRIGGERED}
        assert CACHED not in states.values()
        assert f"run {decided} of" in cloud.log(name, "RunEnd")
        assert not files_of(cloud.root).exists(f"{cloud.root}/runs/{name}")


@by_night
def test_a_trainer_that_was_killed_is_tried_again_and_its_candidate_is_served(
    told: dict[str, JobState], cloud: Cluster
) -> None:
    assert told["second"].attempts["DetectorTrainer"] == 2
    assert "going on" in cloud.log("second", "DetectorTrainer")
    assert cloud.result("second").verdict is Verdict.PUSHED
    served = cloud.registry().served()
    assert served is not None
    assert served.run_id == "second"


@by_night
def test_bad_data_are_rejected_before_anything_is_trained(told: dict[str, JobState], cloud: Cluster) -> None:
    states = told["dark"].states
    assert states["RejectionReview"] == SUCCEEDED
    assert {states[step] for step in BEHIND_THE_GATE} <= {SKIPPED, NOT_TRIGGERED}
    result = cloud.result("dark")
    assert (result.verdict, result.span) == (Verdict.DATA_REJECTED, 3)
    assert files_of(cloud.root).exists(result.report)


def the_same(there: RunResult, run: RunResult) -> None:
    assert there.verdict is run.verdict
    assert [reason.rule for reason in there.reasons] == [reason.rule for reason in run.reasons]
    assert (there.map, run.map) == (None, None) or there.map == pytest.approx(run.map, abs=1e-6)
    assert there.baseline_map == (run.baseline_map and pytest.approx(run.baseline_map, abs=1e-6))


@by_night
def test_a_first_model_comes_out_as_that_of_ratchet_run(
    told: dict[str, JobState], cloud: Cluster, stories: Stories
) -> None:
    job = cloud.result("first")
    assert job.map is not None
    the_same(job, stories.result("first"))


@by_night
def test_it_comes_out_as_on_one_machine(told: dict[str, JobState], cloud: Cluster, data: Path, tmp_path: Path) -> None:
    for span, name in SPANS:
        settings = load_config("digits", list(SMALL))
        request = RunRequest(settings, data, data / "golden", span, tmp_path / "root", bootstrap=span == 1)
        the_same(cloud.result(name), run(request))


@by_night
def test_consoles_have_metrics_and_the_page(told: dict[str, JobState], cloud: Cluster) -> None:
    [metrics] = told["second"].outputs["MapEvaluator"]["metrics"]
    result = cloud.result("second")
    assert metrics["metadata"]["mAP"] == pytest.approx(result.map)
    assert metrics["metadata"]["baseline_mAP"] == pytest.approx(result.baseline_map)
    assert metrics["metadata"]["difference"] == pytest.approx(result.delta)
    [page] = told["second"].outputs["Review"]["page"]
    assert page["uri"].endswith("/review.html")
    assert "<html" in read_text(page["uri"])
    [report] = told["second"].outputs["Review"]["tfma"]
    assert report["uri"].endswith("/tfma.html")
    assert "<title>TFMA report" in read_text(report["uri"])
    assert read_text(f"{cloud.root}/runs/second/tfma.html") == read_text(report["uri"])


@by_night
def test_a_page_proposes_commands_with_run_and_root(told: dict[str, JobState], cloud: Cluster) -> None:
    page = read_text(cloud.result("dark").report)
    assert "dark" in page
    assert "approve ''" not in page
    assert cloud.root in page


def test_the_lease_is_given_back(first: JobState, cloud: Cluster) -> None:
    assert lease_holder(cloud.root) is None


@by_night
def test_of_two_jobs_over_one_model_one_waits_and_without_the_lease_one_loses(
    told: dict[str, JobState], cloud: Cluster, tmp_path: Path
) -> None:
    write_digits(str(tmp_path / "span-4"), DigitsOptions(span=4, images=160))
    upload(tmp_path, f"{cloud.base}/data")
    asked = {"span": 4}
    # A few steps learn so little that an interval might decide nothing; what decides here is who comes first.
    settings = (*A_FEW_STEPS, "evaluator.tolerance=null")
    cloud.job("slow", "training.seed=1", *settings, parameters=asked, stop_before="Pusher")
    held = cloud.job("held", "training.seed=2", "kubeflow.retries=0", parameters=asked)
    assert (held.states["RunStart"], held.states["RunEnd"]) == (FAILED, FAILED)
    assert "job slow" in cloud.log("held", "RunStart")
    release_lease(cloud.root, holder_of("slow"))  # as after it has run out
    cloud.job("fast", "training.seed=3", *settings, parameters=asked)
    fast = cloud.result("fast")
    assert fast.verdict is Verdict.PUSHED, fast.reasons
    cloud.job("slow", parameters=asked)
    slow = cloud.result("slow")
    assert slow.verdict is Verdict.BLOCKED
    assert [reason.rule for reason in slow.reasons if not reason.passed] == ["baseline_changed"]
    served = cloud.registry().served()
    assert served is not None
    assert served.run_id == "fast"


@by_night
def test_a_candidate_below_the_bar_is_blocked(told: dict[str, JobState], cloud: Cluster) -> None:
    before = cloud.registry().served()
    cloud.job("blocked", "evaluator.min_map=0.99", *A_FEW_STEPS, parameters={"span": 2})
    assert cloud.result("blocked").verdict is Verdict.BLOCKED
    assert cloud.registry().served() == before


def test_no_object_stands_for_a_directory_below_the_served_models(first: JobState, cloud: Cluster) -> None:
    names = [info.name for info in list_below(f"{cloud.root}/serving")]
    assert names
    assert not [name for name in names if name.endswith("/")]


@by_night
def test_on_a_disk_that_all_containers_share_it_is_the_same(
    emulator: Emulator, told: dict[str, JobState], cloud: Cluster, data: Path, tmp_path: Path
) -> None:
    disk = Cluster(str(data.parent), emulator, tmp_path)
    disk.job("disk-first", parameters={"span": 1, "bootstrap": True})
    assert disk.result("disk-first").map == pytest.approx(cloud.result("first").map, abs=1e-6)
    again = disk.job("disk-first-again", parameters={"span": 1})
    assert again.states["DetectionExampleGen"] == SKIPPED
    remove_all(disk.root)
