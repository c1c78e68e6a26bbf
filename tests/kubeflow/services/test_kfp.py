"""Runs and schedules on Kubeflow Pipelines, against its published API on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.kubeflow import kfp_api, schedule, submit
from ratchet.kubeflow.compiled import read_compiled, without_caching
from ratchet.kubeflow.schedules import ScheduleRef, pause
from tests.components.services.http_fake import RefusedError, Running
from tests.kubeflow.services.compiled import write_yaml
from tests.kubeflow.services.kfp_fake import Kubeflow, kubeflow
from tests.kubeflow.update_golden import GOLDEN

pytestmark = pytest.mark.tensorflow  # kfp takes seconds to import

ROOT = "gs://bucket/ratchet/artifacts"


@pytest.fixture
def served() -> Iterator[tuple[Running, Kubeflow]]:
    with kubeflow() as running:
        yield running


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_yaml(tmp_path)


def submitting(pipeline: Path, running: Running, *more: str) -> list[str]:
    return ["--pipeline", str(pipeline), "--host", running.url, "--pipeline-root", ROOT, *more]


def creating(pipeline: Path, running: Running, *more: str) -> list[str]:
    return ["create", "--name", "nightly", "--cron", "0 3 * * *", *submitting(pipeline, running, *more)]


def test_a_run_says_its_root_and_its_parameters_and_lets_nothing_be_cached(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    told = ("--parameter", "span=7", "--parameter", "bootstrap=true", "--service-account", "trainer", "--name", "r")
    assert submit.main(submitting(pipeline, running, "--experiment", "nightly", *told)) == 0
    [run] = held.held["runs"]
    assert run["runtime_config"] == {"pipeline_root": ROOT, "parameters": {"span": 7, "bootstrap": 1}}
    assert (run["display_name"], run["service_account"], run["experiment_id"]) == ("r", "trainer", "experiments-1")
    assert held.held["experiments"][0]["display_name"] == "nightly"
    spec = run["pipeline_spec"]
    assert spec["root"]["dag"]["tasks"]["A"]["cachingOptions"] == {"enableCache": False}
    assert spec["components"]["inner"]["dag"]["tasks"]["C"]["cachingOptions"] == {"enableCache": False}
    assert "run runs-1" in capsys.readouterr().out


def test_a_second_run_is_in_the_experiment_that_is_there(served: tuple[Running, Kubeflow], pipeline: Path) -> None:
    running, held = served
    held.held["experiments"] += [{"display_name": f"other-{n}", "experiment_id": f"e{n}"} for n in range(5)]
    for _ in range(2):
        assert submit.main(submitting(pipeline, running)) == 0
    assert [one["display_name"] for one in held.held["experiments"][5:]] == ["Default"]
    assert len(held.held["runs"]) == 2


@pytest.mark.parametrize("command", ["submit", "schedule"])
def test_a_dry_run_prints_what_goes_out_and_sends_nothing(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    running, _ = served
    module, words = {"submit": (submit, submitting), "schedule": (schedule, creating)}[command]
    given = words(pipeline, running, "--parameter", "span=3", *(["--name", "r"] if command == "submit" else []))
    assert module.main([*given, "--dry-run"]) == 0
    assert running.asked == []
    printed = json.loads(capsys.readouterr().out)
    assert module.main(given) == 0
    assert json.loads(json.dumps(printed).replace("EXPERIMENT_ID", "experiments-1")) == running.shown()


def test_the_sdk_sends_the_same_run(served: tuple[Running, Kubeflow], pipeline: Path) -> None:
    import kfp

    running, held = served
    assert submit.main(submitting(pipeline, running, "--name", "r", "--parameter", "span=3")) == 0
    client: Any = kfp.Client(host=running.url, namespace="kubeflow")
    client.create_run_from_pipeline_package(
        str(pipeline),
        arguments={"span": 3},
        run_name="r",
        experiment_name="Default",
        pipeline_root=ROOT,
        enable_caching=False,
    )
    ours, theirs = ({key: value for key, value in run.items() if key != "run_id"} for run in held.held["runs"])
    # The SDK leaves the tasks of inner DAGs as they were compiled.
    assert theirs["pipeline_spec"]["components"]["inner"]["dag"]["tasks"]["C"].pop("cachingOptions")
    assert ours["pipeline_spec"]["components"]["inner"]["dag"]["tasks"]["C"].pop("cachingOptions")
    assert parsed(ours.pop("pipeline_spec")) == parsed(theirs.pop("pipeline_spec"))
    assert ours == theirs


def test_the_compiled_pipeline_is_taken_and_the_sdk_loads_it(served: tuple[Running, Kubeflow]) -> None:
    import kfp

    running, held = served
    compiled = GOLDEN / "pipeline.yaml"
    assert submit.main(submitting(compiled, running, "--name", "r")) == 0
    client: Any = kfp.Client(host=running.url, namespace="kubeflow")
    client.create_run_from_pipeline_package(
        str(compiled), run_name="r", experiment_name="Default", pipeline_root=ROOT, enable_caching=False
    )
    ours, theirs = (run["pipeline_spec"].get("pipeline_spec", run["pipeline_spec"]) for run in held.held["runs"])
    assert parsed(without_caching(theirs)) == parsed(ours)


def parsed(spec: Any) -> Any:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    kinds: Any = pipeline_spec_pb2
    return json_format.ParseDict(spec, kinds.PipelineSpec())


def test_a_schedule_runs_one_at_a_time_and_makes_up_for_nothing(
    served: tuple[Running, Kubeflow], pipeline: Path
) -> None:
    running, held = served
    assert schedule.main(creating(pipeline, running, "--start-time", "2027-01-15T03:00:00+01:00", "--paused")) == 0
    [made] = held.held["recurringruns"]
    assert (made["max_concurrency"], made["no_catchup"], made["mode"]) == ("1", True, "DISABLE")
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *", "start_time": "2027-01-15T02:00:00Z"}}
    assert made["runtime_config"]["pipeline_root"] == ROOT


def test_it_is_paused_resumed_listed_and_deleted(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    assert schedule.main(creating(pipeline, running)) == 0
    where = ["--target", "kfp", "--host", running.url]
    for change, state in (("pause", "DISABLED"), ("resume", "ENABLED")):
        assert schedule.main([change, "--name", "nightly", *where]) == 0
        assert held.held["recurringruns"][0]["status"] == state
    capsys.readouterr()
    assert schedule.main(["list", *where]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert listed == {"name": "nightly", "id": "recurringruns-1", "cron": "0 0 3 * * *", "state": "ENABLED"}
    assert schedule.main(["delete", "--name", "recurringruns-1", *where]) == 0
    assert held.held["recurringruns"] == []


def test_a_run_pauses_its_own_schedule(served: tuple[Running, Kubeflow], pipeline: Path) -> None:
    running, held = served
    assert schedule.main(creating(pipeline, running)) == 0
    made = held.held["recurringruns"][0]  # names are not unique there
    held.held["recurringruns"] += [{**made, "recurring_run_id": f"another-{n}"} for n in range(2)]
    assert len(pause(ScheduleRef("kfp", running.url, "", "nightly"))) == 3
    assert {one["status"] for one in held.held["recurringruns"]} == {"DISABLED"}


def test_a_second_schedule_of_that_name_would_be_two_at_a_time(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    assert [schedule.main(creating(pipeline, running)) for _ in range(2)] == [0, 2]
    assert "has a recurring run of that name; delete it first" in capsys.readouterr().err
    assert len(held.held["recurringruns"]) == 1


def test_a_schedule_that_is_not_there_is_named_with_those_that_are(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, held = served
    assert schedule.main(creating(pipeline, running)) == 0
    assert schedule.main(["pause", "--target", "kfp", "--host", running.url, "--name", "hourly"]) == 2
    assert "has no such recurring run; it has nightly" in capsys.readouterr().err
    assert schedule.main(["list", "--target", "kfp", "--host", running.url, "--experiment", "none"]) == 0
    assert len(held.held["experiments"]) == 1  # a look makes nothing


def test_the_platforms_part_goes_along(served: tuple[Running, Kubeflow], tmp_path: Path) -> None:
    running, held = served
    assert submit.main(submitting(write_yaml(tmp_path, platform=True), running)) == 0
    assert sorted(held.held["runs"][0]["pipeline_spec"]) == ["pipeline_spec", "platform_spec"]


def test_a_refusal_names_address_status_and_role(
    served: tuple[Running, Kubeflow], pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, _ = served
    running.fail["POST"] = RefusedError(403, "User cannot\ncreate runs")
    assert submit.main(submitting(pipeline, running)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"POST {running.url}/apis/v2beta1/experiments: 403 User cannot create runs; " in error
    assert "kubeflow-edit" in error


def test_a_token_comes_from_the_file_and_goes_nowhere_unencrypted(
    served: tuple[Running, Kubeflow], pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running, _ = served
    token = tmp_path / "token"
    token.write_text("secret-1\n", encoding="utf-8")
    assert submit.main(submitting(pipeline, running, "--token-file", str(token))) == 0
    assert {asked.authorization for asked in running.asked} == {"Bearer secret-1"}
    far = ["--pipeline", str(pipeline), "--host", "http://kubeflow.example.org", "--pipeline-root", ROOT]
    assert submit.main([*far, "--token-file", str(token)]) == 2
    error = capsys.readouterr().err
    assert "unencrypted" in error
    assert "secret" not in error


def test_a_run_that_failed_is_no_run_of_that_name(served: tuple[Running, Kubeflow], pipeline: Path) -> None:
    running, held = served
    place = kfp_api.Place(running.url, None, "Default")
    start = kfp_api.Start(read_compiled(pipeline), "digits-span-7", {"span": 7}, ROOT, None)
    from ratchet.components.services.rest import sender

    send = sender(dict)
    assert kfp_api.find_run(place, "digits-span-7", send) is None
    made = kfp_api.create_run(place, start, send)
    assert kfp_api.find_run(place, "digits-span-7", send) == made
    held.held["runs"][0]["state"] = "FAILED"
    assert kfp_api.find_run(place, "digits-span-7", send) is None
