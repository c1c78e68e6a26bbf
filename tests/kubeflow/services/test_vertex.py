"""Jobs and schedules on Vertex AI, against its published API on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.kubeflow import schedule, submit
from ratchet.kubeflow.schedules import ScheduleRef, pause
from tests.components.services.http_fake import RefusedError, Running
from tests.kubeflow.services.compiled import write_json
from tests.kubeflow.update_golden import GOLDEN

if TYPE_CHECKING:
    from tests.kubeflow.services.vertex_fake import VertexAI

pytestmark = pytest.mark.tensorflow  # Google's client takes many seconds to import

PARENT = "projects/my-project/locations/europe-west4"
KEY = "projects/my-project/locations/europe-west4/keyRings/r/cryptoKeys/k"
EVERYTHING = (
    *("--service-account", "trainer@my-project.iam.gserviceaccount.com", "--network", "projects/12/global/networks/n"),
    *("--encryption-spec-key-name", KEY, "--label", "team=vision", "--failure-policy", "slow"),
    *("--parameter", "span=7", "--parameter", "bootstrap=false"),
)


@pytest.fixture
def served() -> Iterator[tuple[Running, VertexAI]]:
    from tests.kubeflow.services.vertex_fake import vertex_ai

    with vertex_ai() as running:
        yield running


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_json(tmp_path)


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text("secret-1", encoding="utf-8")
    return str(file)


def at(running: Running, token: str) -> list[str]:
    place = ["--project", "my-project", "--location", "europe-west4"]
    return [*place, "--endpoint", running.url, "--token-file", token]


def creating(pipeline: Path, *more: str) -> list[str]:
    return ["create", "--pipeline", str(pipeline), "--name", "nightly", "--cron", "0 3 * * *", *more]


def test_a_job_says_all_that_was_given(
    served: tuple[Running, VertexAI], pipeline: Path, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from google.cloud import aiplatform_v1

    running, held = served
    given = ["--pipeline", str(pipeline), "--job-id", "digits-7", *EVERYTHING, *at(running, token)]
    assert submit.main(given) == 0
    job: Any = aiplatform_v1.PipelineJob(held.jobs[f"{PARENT}/pipelineJobs/digits-7"])
    assert job.service_account == "trainer@my-project.iam.gserviceaccount.com"
    assert (job.network, job.encryption_spec.kms_key_name) == ("projects/12/global/networks/n", KEY)
    assert dict(job.labels) == {"tfx_runner": "kubeflow_v2", "team": "vision"}
    config = job.runtime_config
    assert config.gcs_output_directory == "gs://bucket/ratchet/artifacts"
    assert {name: int(value) for name, value in config.parameter_values.items()} == {"span": 7, "bootstrap": 0}
    assert config.failure_policy.name == "PIPELINE_FAILURE_POLICY_FAIL_SLOW"
    assert not job.pipeline_spec["root"]["dag"]["tasks"]["A"]["cachingOptions"]["enableCache"]
    assert {asked.authorization for asked in running.asked} == {"Bearer secret-1"}
    assert f"{PARENT}/pipelineJobs/digits-7" in capsys.readouterr().out


def test_the_sdk_makes_the_same_job_of_the_file(served: tuple[Running, VertexAI], pipeline: Path, token: str) -> None:
    from google.cloud import aiplatform

    running, held = served
    given = ["--pipeline", str(pipeline), "--job-id", "digits-7", *EVERYTHING, *at(running, token)]
    assert submit.main(given) == 0
    job: Any = aiplatform.PipelineJob(
        display_name="digits",
        template_path=str(pipeline),
        job_id="digits-7",
        pipeline_root="gs://bucket/ratchet/artifacts",
        parameter_values={"span": 7, "bootstrap": 0},
        enable_caching=False,
        encryption_spec_key_name=KEY,
        labels={"tfx_runner": "kubeflow_v2", "team": "vision"},
        failure_policy="slow",
        project="my-project",
        location="europe-west4",
        credentials=_anonymous(),
    )
    theirs, ours = job._gca_resource, held.jobs[f"{PARENT}/pipelineJobs/digits-7"]
    ours.service_account = ours.network = ""  # which the SDK adds when it sends
    assert type(theirs).pb(theirs) == ours


def test_the_compiled_pipeline_is_taken_and_the_sdk_loads_it(served: tuple[Running, VertexAI], token: str) -> None:
    from google.cloud import aiplatform

    running, held = served
    compiled = GOLDEN / "pipeline.json"
    assert submit.main(["--pipeline", str(compiled), "--job-id", "digits-1", *at(running, token)]) == 0
    job: Any = aiplatform.PipelineJob(
        display_name="digits",
        template_path=str(compiled),
        job_id="digits-1",
        enable_caching=False,
        labels=json.loads(compiled.read_text(encoding="utf-8"))["labels"],  # which the SDK leaves in the file
        failure_policy="fast",
        project="my-project",
        location="europe-west4",
        credentials=_anonymous(),
    )
    theirs, ours = job._gca_resource, held.jobs[f"{PARENT}/pipelineJobs/digits-1"]
    assert type(theirs).pb(theirs) == ours


def _anonymous() -> Any:
    from google.auth import credentials

    return credentials.AnonymousCredentials()


@pytest.mark.parametrize("command", ["submit", "schedule"])
def test_a_dry_run_prints_what_goes_out_and_sends_nothing(
    served: tuple[Running, VertexAI], pipeline: Path, token: str, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    running, held = served
    held.tries_until_context = 1
    if command == "submit":
        module = submit
        given = ["--pipeline", str(pipeline), "--job-id", "digits-7", "--experiment", "nightly"]
    else:
        module, given = schedule, creating(pipeline, "--time-zone", "Europe/Prague", "--paused")
    assert module.main([*given, *EVERYTHING, *at(running, "no-such-file"), "--dry-run"]) == 0
    assert running.asked == []
    printed = capsys.readouterr().out
    assert module.main([*given, *EVERYTHING, *at(running, token)]) == 0
    context = f"{PARENT}/metadataStores/default/contexts/run-1"
    known = printed.replace("PIPELINE_RUN_CONTEXT", context).replace("SCHEDULE_ID", "1000")
    assert json.loads(known) == running.shown()


def test_a_schedule_runs_one_at_a_time_and_queues_nothing(
    served: tuple[Running, VertexAI], pipeline: Path, token: str
) -> None:
    running, held = served
    given = creating(pipeline, "--time-zone", "Europe/Prague", "--end-time", "2028-01-01T00:00:00Z", "--paused")
    assert schedule.main([*given, *at(running, token)]) == 0
    assert [name for name, _ in held.requests] == ["ListSchedules", "CreateSchedule", "PauseSchedule"]
    made = held.requests[1][1].schedule
    assert (made.cron, made.max_concurrent_run_count) == ("TZ=Europe/Prague 0 3 * * *", 1)
    assert not made.allow_queueing
    assert made.create_pipeline_job_request.pipeline_job.runtime_config.gcs_output_directory
    assert [one["state"] for one in held.schedules.values()] == ["PAUSED"]


def test_it_is_paused_resumed_listed_and_deleted(
    served: tuple[Running, VertexAI], pipeline: Path, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    where = ["--target", "vertex", *at(running, token)]
    for name in ("nightly", "weekly"):
        assert schedule.main([*creating(pipeline, "--name", name), *at(running, token)]) == 0
    assert schedule.main([*creating(pipeline), *at(running, token)]) == 2
    assert "has that name; delete it first" in capsys.readouterr().err
    another = f"{PARENT}/schedules/1002"  # names are not unique there
    held.schedules[another] = {**held.schedules[f"{PARENT}/schedules/1000"], "name": another}
    for change, state in (("pause", "PAUSED"), ("resume", "ACTIVE")):
        assert schedule.main([change, "--name", "nightly", *where]) == 0
        states = {(one["displayName"], one["state"]) for one in held.schedules.values()}
        assert states == {("nightly", state), ("weekly", "ACTIVE")}
    capsys.readouterr()
    assert schedule.main(["list", *where]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["nightly", "weekly", "nightly"]
    assert schedule.main(["delete", "--name", "1001", *where]) == 0
    assert {one["displayName"] for one in held.schedules.values()} == {"nightly"}
    assert schedule.main(["delete", "--name", "weekly", *where]) == 2
    assert "has no such schedule" in capsys.readouterr().err


def test_a_run_pauses_its_own_schedule(served: tuple[Running, VertexAI], pipeline: Path, token: str) -> None:
    from ratchet.components.services.rest import sender

    running, held = served
    assert schedule.main([*creating(pipeline), *at(running, token)]) == 0
    ref = ScheduleRef("vertex", f"{running.url}/europe-west4", "my-project", "nightly")
    assert pause(ref, sender(dict)) == [f"{PARENT}/schedules/1000"]
    assert held.schedules[f"{PARENT}/schedules/1000"]["state"] == "PAUSED"


def test_a_job_is_shown_in_its_experiment(served: tuple[Running, VertexAI], pipeline: Path, token: str) -> None:
    running, held = served
    held.tries_until_context = 1
    for job in ("a", "b"):  # the second time it is there
        given = ["--pipeline", str(pipeline), "--experiment", "nightly", "--job-id", job]
        assert submit.main([*given, *at(running, token)]) == 0
    contexts = f"{PARENT}/metadataStores/default/contexts"
    assert held.experiments == {f"{contexts}/nightly": [f"{contexts}/run-1"] * 2}


def test_a_job_that_is_there_is_not_made_twice(
    served: tuple[Running, VertexAI], pipeline: Path, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    given = ["--pipeline", str(pipeline), "--job-id", "a", *at(running, token)]
    assert [submit.main(given), submit.main(given)] == [0, 1]
    assert "is there already" in capsys.readouterr().err
    assert len(held.jobs) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "roles/aiplatform.user"), (401, "gcloud auth"), (404, "check project"), (503, "again later")],
)
def test_a_refusal_names_address_status_and_role(
    served: tuple[Running, VertexAI],
    pipeline: Path,
    token: str,
    capsys: pytest.CaptureFixture[str],
    status: int,
    said: str,
) -> None:
    running, _ = served
    running.fail["POST"] = RefusedError(status, "no\u202e way")
    assert submit.main(["--pipeline", str(pipeline), *at(running, token)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"POST {running.url}/v1/{PARENT}/pipelineJobs: {status} no\\u202e way; " in error
    assert said in error


def test_the_fake_refuses_what_the_api_does_not_have(served: tuple[Running, VertexAI]) -> None:
    from tests.components.services.http_fake import Asked
    from tests.kubeflow.services.vertex_fake import request_of

    for body, wrong in (
        ({"displayName": "a", "cronn": "x"}, "cronn"),
        ({"cron": "* * * * *", "maxConcurrentRunCount": "1"}, "display_name"),
        ({"displayName": "a", "cron": "x", "maxConcurrentRunCount": "1", "state": "PAUSED"}, "state"),
    ):
        with pytest.raises(Exception, match=wrong):
            request_of(Asked("POST", f"/v1/{PARENT}/schedules", body, None))
    with pytest.raises(AssertionError, match="the API has no"):
        request_of(Asked("POST", f"/v1/{PARENT}/schedule", {}, None))


def test_neither_help_nor_a_dry_run_loads_googles_client(pipeline: Path) -> None:
    import subprocess

    code = (
        "import sys\nfrom ratchet.kubeflow import schedule, submit\n"
        f"given = ['--pipeline', {str(pipeline)!r}, '--project', 'p', '--location', 'l', '--dry-run']\n"
        "assert submit.main(given) == 0\n"
        "slow = [n for n in ('google.cloud.aiplatform', 'google.auth', 'kfp', 'tensorflow') if n in sys.modules]\n"
        "sys.exit(str(slow) if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
