"""Compiled jobs, executed: every container's own command, on a Cloud Storage and on a disk, beside LocalDagRunner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.files import files_of, read_text
from ratchet.components.object_store.objects import list_below, write
from ratchet.components.registry.lease import lease_holder, release_lease
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storages import storage_of
from ratchet.kubeflow.compile import CompileRequest, compile_pipeline
from ratchet.kubeflow.step.job_lease import holder_of
from ratchet.kubeflow.step.places import remove_all
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.run.local import run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from tests.gcs.fixtures import Bucket
from tests.kubeflow.emulator import CACHED, FAILED, NOT_TRIGGERED, SKIPPED, SUCCEEDED, Ask, Emulator, JobState
from tests.nightly import NIGHTLY, by_night

pytestmark = pytest.mark.tensorflow

REPOSITORY = Path(__file__).resolve().parents[2]
# As little as still learns a little: what is shown is that every step does the same as on one machine.
SMALL = (
    *("training.bootstrap.steps=200", "training.retrain.min_steps=40", "training.retrain.max_steps=40"),
    *("training.validation.rounds=2", "evaluator.resamples=100", "evaluator.min_map=0.000001"),
    *("evaluator.margin=0.5", "evaluator.class_drop=1.0", "evaluator.min_golden_objects=1", "kubeflow.retries=1"),
)
A_FEW_STEPS = ("training.retrain.min_steps=8", "training.retrain.max_steps=8")
BEHIND_THE_GATE = ("DetectorTrainer", "MapEvaluator", "Diagnosis", "Pusher", "Review")
SPANS = ((1, "first"), (2, "second"), (3, "dark"))  # with the jobs on them


@dataclass
class Cluster:
    """A pipeline root and data that jobs work on.

    Attributes:
        base: what both lie below, a directory or a URI.
        emulator: runs the jobs.
        directory: for compiled jobs.
    """

    base: str
    emulator: Emulator
    directory: Path
    states: dict[str, JobState] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return f"{self.base}/root"

    def registry(self) -> Registry:
        return Registry(storage_of(f"{self.root}/registry", f"{self.root}/serving/digits"))

    def job(self, name: str, *settings: str, **ask: Any) -> JobState:
        """Runs a job to its end, or goes on with it."""
        file = self.directory / f"{name}.json"
        if not file.exists():
            request = CompileRequest(
                load_config("digits", [*SMALL, *settings]),
                "vertex",
                self.root,
                f"{self.base}/data",
                f"{self.base}/data/golden",
                "image:1",
            )
            compile_pipeline(request, file)
        replaced = {"/ratchet/schemas": str(REPOSITORY / "schemas")}
        self.states[name] = self.emulator.run(Ask(str(file), name, replaced=replaced, **ask))
        return self.states[name]

    def result(self, name: str) -> RunResult:
        """As the job left it beside its run."""
        return RUN_RESULT_FORMAT.read(read_text(f"{self.root}/runs/{name}/result.json"), name)

    def log(self, name: str, step: str) -> str:
        return Path(self.states[name].logs[step]).read_text()


def write_data(directory: Path) -> None:
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=40))
    write_digits(str(directory / "span-1"), DigitsOptions(span=1, images=160))
    write_digits(str(directory / "span-2"), DigitsOptions(span=2, images=160))
    write_digits(str(directory / "span-3"), DigitsOptions(span=3, images=80, lighting=0.33))


def upload(directory: Path, uri: str) -> None:
    files = [path for path in directory.rglob("*") if path.is_file()]
    in_pool(lambda file: write(f"{uri}/{file.relative_to(directory)}", file.read_bytes()), files)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("executed") / "data"
    write_data(directory)
    return directory


@pytest.fixture(scope="module")
def bucket(gcs_server: Any) -> Iterator[Bucket]:
    """One bucket for all jobs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in gcs_server.environment.items():
            patch.setenv(name, value)
        gcs_server.make_bucket("executed")
        yield Bucket(gcs_server, "executed")


@pytest.fixture(scope="module")
def emulator(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("logs"), bucket.environment)
    yield running
    running.close()


@pytest.fixture(scope="module")
def cloud(bucket: Bucket, emulator: Emulator, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    upload(data, bucket.uri("data"))
    return Cluster(bucket.uri(), emulator, tmp_path_factory.mktemp("jobs"))


@pytest.fixture(scope="module")
def told(cloud: Cluster) -> dict[str, JobState]:
    """The jobs of a few nights, in their order."""
    cloud.job("first", parameters={"span": 1, "bootstrap": True})
    cloud.job("first-again", parameters={"span": 1}, enable_caching=True)
    checkpoints = f"{cloud.root}/artifacts/checkpoints/*checkpoint"  # the file that says which one is whole
    cloud.job("second", parameters={"span": 2}, kill=("DetectorTrainer", checkpoints))
    cloud.job("dark", parameters={})
    cloud.job("dark-again", parameters={})
    return cloud.states


def test_a_first_model_is_trained_and_served(told: dict[str, JobState], cloud: Cluster) -> None:
    states = told["first"].states
    assert {name for name, state in states.items() if state != SUCCEEDED} == {"RejectionDiagnosis", "RejectionReview"}
    result = cloud.result("first")
    assert (result.verdict, result.span, result.run_id) == (Verdict.BOOTSTRAPPED, 1, "first")
    assert result.report == f"{cloud.root}/runs/first/review.html"
    first = cloud.registry().versions()[0]
    assert (first.run_id, first.version) == ("first", result.pushed_version)


def test_nothing_new_ends_a_job_at_its_first_step_whatever_is_cached(told: dict[str, JobState], cloud: Cluster) -> None:
    for name, decided in (("first-again", "first"), ("dark-again", "dark")):
        states = told[name].states
        assert (states["RunStart"], states["RunEnd"]) == (SUCCEEDED, SUCCEEDED)
        others = {state for step, state in states.items() if step not in ("RunStart", "RunEnd")}
        assert others == {SKIPPED, NOT_TRIGGERED}
        assert CACHED not in states.values()
        assert f"run {decided} of" in cloud.log(name, "RunEnd")
        assert not files_of(cloud.root).exists(f"{cloud.root}/runs/{name}")


def test_a_trainer_that_was_killed_is_tried_again_and_its_candidate_is_served(
    told: dict[str, JobState], cloud: Cluster
) -> None:
    assert told["second"].attempts["DetectorTrainer"] == 2
    assert "going on" in cloud.log("second", "DetectorTrainer")
    assert cloud.result("second").verdict is Verdict.PUSHED
    served = cloud.registry().served()
    assert served is not None
    assert served.run_id == "second"


def test_bad_data_are_rejected_before_anything_is_trained(told: dict[str, JobState], cloud: Cluster) -> None:
    states = told["dark"].states
    assert states["RejectionReview"] == SUCCEEDED
    assert {states[step] for step in BEHIND_THE_GATE} <= {SKIPPED, NOT_TRIGGERED}
    result = cloud.result("dark")
    assert (result.verdict, result.span) == (Verdict.DATA_REJECTED, 3)
    assert files_of(cloud.root).exists(result.report)


def test_it_comes_out_as_on_one_machine(told: dict[str, JobState], cloud: Cluster, data: Path, tmp_path: Path) -> None:
    for span, name in SPANS if NIGHTLY else SPANS[:1]:
        settings = load_config("digits", list(SMALL))
        local = run(RunRequest(settings, data, data / "golden", span, tmp_path / "root", bootstrap=span == 1))
        there = cloud.result(name)
        assert there.verdict is local.verdict
        assert [reason.rule for reason in there.reasons] == [reason.rule for reason in local.reasons]
        if local.map is not None:
            assert there.map == pytest.approx(local.map, abs=1e-6)
            assert there.baseline_map == (local.baseline_map and pytest.approx(local.baseline_map, abs=1e-6))


def test_consoles_have_metrics_and_the_page(told: dict[str, JobState], cloud: Cluster) -> None:
    [metrics] = told["second"].outputs["MapEvaluator"]["metrics"]
    result = cloud.result("second")
    assert metrics["metadata"]["mAP"] == pytest.approx(result.map)
    assert metrics["metadata"]["baseline_mAP"] == pytest.approx(result.baseline_map)
    assert metrics["metadata"]["difference"] == pytest.approx(result.delta)
    [page] = told["second"].outputs["Review"]["page"]
    assert page["uri"].endswith("/review.html")
    assert "<html" in read_text(page["uri"])


def test_a_page_proposes_commands_with_run_and_root(told: dict[str, JobState], cloud: Cluster) -> None:
    page = read_text(cloud.result("dark").report)
    assert "dark" in page
    assert "approve ''" not in page
    assert cloud.root in page


def test_the_lease_is_given_back(told: dict[str, JobState], cloud: Cluster) -> None:
    assert lease_holder(cloud.root) is None


@by_night  # tests/kubeflow/step and tests/components/registry tell both halves without a training
def test_of_two_jobs_over_one_model_one_waits_and_without_the_lease_one_loses(
    told: dict[str, JobState], cloud: Cluster, tmp_path: Path
) -> None:
    write_digits(str(tmp_path / "span-4"), DigitsOptions(span=4, images=160))
    upload(tmp_path, f"{cloud.base}/data")
    asked = {"span": 4}
    cloud.job("slow", "training.seed=1", *A_FEW_STEPS, parameters=asked, stop_before="Pusher")
    held = cloud.job("held", "training.seed=2", "kubeflow.retries=0", parameters=asked)
    assert (held.states["RunStart"], held.states["RunEnd"]) == (FAILED, FAILED)
    assert "job slow" in cloud.log("held", "RunStart")
    release_lease(cloud.root, holder_of("slow"))  # as after it has run out
    cloud.job("fast", "training.seed=3", *A_FEW_STEPS, parameters=asked)
    fast = cloud.result("fast")
    assert fast.verdict is Verdict.PUSHED, fast.reasons
    cloud.job("slow", parameters=asked)
    slow = cloud.result("slow")
    assert slow.verdict is Verdict.BLOCKED
    assert "baseline_changed" in [reason.rule for reason in slow.reasons if not reason.passed]
    served = cloud.registry().served()
    assert served is not None
    assert served.run_id == "fast"


@by_night  # tests/e2e blocks by rules on one machine, tests/kubeflow/step ends a job that was blocked
def test_a_candidate_below_the_bar_is_blocked(told: dict[str, JobState], cloud: Cluster) -> None:
    before = cloud.registry().served()
    cloud.job("blocked", "evaluator.min_map=0.99", *A_FEW_STEPS, parameters={"span": 2})
    assert cloud.result("blocked").verdict is Verdict.BLOCKED
    assert cloud.registry().served() == before


def test_no_object_stands_for_a_directory_below_the_served_models(told: dict[str, JobState], cloud: Cluster) -> None:
    names = [info.name for info in list_below(f"{cloud.root}/serving")]
    assert names
    assert not [name for name in names if name.endswith("/")]


@by_night  # every step reads and writes by the same functions on a disk, as the runs of tests/e2e show
def test_on_a_disk_that_all_containers_share_it_is_the_same(
    emulator: Emulator, told: dict[str, JobState], cloud: Cluster, data: Path, tmp_path: Path
) -> None:
    disk = Cluster(str(data.parent), emulator, tmp_path)
    disk.job("disk-first", parameters={"span": 1, "bootstrap": True})
    assert disk.result("disk-first").map == pytest.approx(cloud.result("first").map, abs=1e-6)
    again = disk.job("disk-first-again", parameters={"span": 1})
    assert again.states["DetectionExampleGen"] == SKIPPED
    remove_all(disk.root)
