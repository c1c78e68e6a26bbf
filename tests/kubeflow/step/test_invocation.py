"""What is taken out of a container's call before TFX sees it, and put into its answer."""

from __future__ import annotations

import copy
import json
from typing import Any

from ratchet.kubeflow.step.invocation import answered_outputs, read_invocation, with_console

JOB = "projects/1/locations/europe-west4/pipelineJobs/digits-20261129"


def asked(job: str = JOB, **parameters: Any) -> dict[str, Any]:
    base = "gs://b/root/artifacts/1/digits-7/Review_9"
    told = {"ratchet_job": job, "ratchet_job_id": "42", "ratchet_task_id": "9"}
    outputs = {
        "page": {"type": {"schemaTitle": "system.HTML"}, "name": "n/page", "uri": f"{base}/page"},
        "evaluation": {"type": {"instanceSchema": "x"}, "name": "n/evaluation", "uri": f"{base}/evaluation"},
        "metrics": {"type": {"schemaTitle": "system.Metrics"}, "name": "n/metrics", "uri": f"{base}/metrics"},
        "tfma": {"type": {"schemaTitle": "system.HTML"}, "name": "n/tfma", "uri": f"{base}/tfma"},
    }
    return {
        "inputs": {"parameterValues": {**told, "root": "gs://b/root", **parameters}, "artifacts": {}},
        "outputs": {
            "artifacts": {key: {"artifacts": [one]} for key, one in outputs.items()},
            "outputFile": f"{base}/executor_output.json",
        },
    }


def test_tfx_sees_neither_the_names_of_the_job_nor_what_is_for_consoles() -> None:
    request = read_invocation(asked()).request
    assert request["inputs"]["parameterValues"] == {"root": "gs://b/root"}
    assert set(request["outputs"]["artifacts"]) == {"page", "evaluation"}
    [page] = request["outputs"]["artifacts"]["page"]["artifacts"]
    assert page["type"] == {"schemaTitle": "tfx.File"}


def test_what_came_is_left_alone() -> None:
    call = asked(final_status={"state": "SUCCEEDED"})
    before = copy.deepcopy(call)
    read_invocation(call)
    assert call == before


def test_the_run_is_named_as_its_job() -> None:
    invocation = read_invocation(asked())
    assert (invocation.run_id, invocation.job_id, invocation.task_id) == ("digits-20261129", "42", "9")


def test_a_runner_that_fills_nothing_in_names_the_run_by_the_place_of_its_answer() -> None:
    call = asked(job="{{$.pipeline_job_resource_name}}")
    call["inputs"]["parameterValues"]["ratchet_job_id"] = "{{$.pipeline_job_uuid}}"
    invocation = read_invocation(call)
    assert (invocation.run_id, invocation.job_id) == ("digits-7", "")


def test_a_name_that_is_no_name_of_a_directory_becomes_one() -> None:
    assert read_invocation(asked(job="Nightly run: Ada's / digits")).run_id == "digits"
    assert read_invocation(asked(job="../..")).run_id == "unnamed"
    assert read_invocation(asked(job="Ada's run")).run_id == "Ada-s-run"


def test_how_others_ended_is_text_whether_the_runner_gives_text_or_an_object() -> None:
    status = {"state": "FAILED", "error": {"message": "out of memory"}}
    for given in (status, json.dumps(status)):
        said = read_invocation(asked(final_status=given)).request["inputs"]["parameterValues"]["final_status"]
        assert json.loads(said) == status


def test_the_answer_names_the_page_itself_and_has_the_metrics() -> None:
    call = asked()
    answer = {
        "artifacts": {
            "page": {"artifacts": [{"name": "n/page", "uri": "gs://b/p", "metadata": {}}]},
            "evaluation": {"artifacts": [{"name": "n/evaluation", "uri": "gs://b/e", "metadata": {}}]},
        }
    }
    shown = with_console(answer, read_invocation(call), {"mAP": 0.5})
    assert shown["artifacts"]["page"]["artifacts"][0]["uri"] == "gs://b/p/review.html"
    [metrics] = shown["artifacts"]["metrics"]["artifacts"]
    [wanted] = call["outputs"]["artifacts"]["metrics"]["artifacts"]
    assert metrics == {"name": "n/metrics", "uri": wanted["uri"], "metadata": {"mAP": 0.5}}
    assert shown["artifacts"]["tfma"] == {"artifacts": [{"name": "n/tfma", "uri": "gs://b/p/tfma.html"}]}
    assert not {"metrics", "tfma"} & set(answer["artifacts"])


def test_what_a_step_has_made_is_read_from_its_answer_with_whole_numbers_whole() -> None:
    answer = {"artifacts": {"decision": {"artifacts": [{"uri": "gs://b/d", "metadata": {"passed": 1.0, "x": 0.5}}]}}}
    uris, properties = answered_outputs(answer)
    assert uris == {"decision": "gs://b/d"}
    assert properties == {"decision": {"passed": 1, "x": 0.5}}
    assert type(properties["decision"]["passed"]) is int
