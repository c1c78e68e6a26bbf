"""What is written into a job after TFX's compiler: on a small job, and without TFX."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ratchet.kubeflow.job import DAG, JobPlan, _show, complete_job, platform_spec
from ratchet.kubeflow.parameters import job_parameters
from ratchet.pipeline.config.kubeflow_settings import KubeflowSettings, StepResources, Toleration
from ratchet.schemas.base.errors import ConfigError

FILE = {"artifactType": {"instanceSchema": "title: tfx.File"}}


def component(name: str, parameters: list[str], outputs: list[str]) -> dict[str, Any]:
    return {
        "executorLabel": f"{name}_executor",
        "inputDefinitions": {"parameters": {key: {"parameterType": "NUMBER_INTEGER"} for key in parameters}},
        "outputDefinitions": {"artifacts": {key: copy.deepcopy(FILE) for key in outputs}},
    }


def compiled() -> dict[str, Any]:
    """A reader whose `bootstrap` is a parameter of the job, an evaluator, a page; and an exit handler."""
    names = ("Reader", "Evaluator", "Page", "RunEnd")
    tasks = {name: {"componentRef": {"name": name}, "inputs": {"parameters": {}}} for name in names}
    tasks["Reader"]["inputs"] = {"parameters": {"bootstrap": {"componentInputParameter": "bootstrap"}}}
    last = tasks.pop("RunEnd")
    components = {
        "Reader": component("Reader", ["bootstrap"], ["baseline"]),
        "Evaluator": component("Evaluator", [], ["evaluation"]),
        "Page": component("Page", [], ["page"]),
        "RunEnd": component("RunEnd", ["final_status"], []),
        DAG: {"dag": {"tasks": tasks}},
    }
    container = {"image": "all:1", "command": ["python", "-m", "tfx"], "args": ["--executor_class_path", "x"]}
    return {
        "runtimeConfig": {"gcsOutputDirectory": "gs://b/root/artifacts"},
        "pipelineSpec": {
            "root": {"dag": {"tasks": {DAG: {"componentRef": {"name": DAG}}, "RunEnd": last}}},
            "components": components,
            "deploymentSpec": {
                "executors": {f"{name}_executor": {"container": copy.deepcopy(container)} for name in names}
            },
        },
    }


def job(**settings: Any) -> dict[str, Any]:
    plan = JobPlan(
        "gs://b/root",
        job_parameters("gs://b/data", "gs://b/golden", bootstrap=True, accept_new_golden=False),
        KubeflowSettings(**settings),
        "RunEnd",
    )
    return complete_job(compiled(), plan)


def task(document: dict[str, Any], name: str) -> dict[str, Any]:
    spec = document["pipelineSpec"]
    return spec["root"]["dag"]["tasks"].get(name) or spec["components"][DAG]["dag"]["tasks"][name]


def container(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["pipelineSpec"]["deploymentSpec"]["executors"][f"{name}_executor"]["container"]


def test_what_was_compiled_is_left_alone() -> None:
    before = compiled()
    parameters = job_parameters("gs://b/data", "gs://b/golden", bootstrap=True, accept_new_golden=False)
    complete_job(before, JobPlan("gs://b/root", parameters, KubeflowSettings(), "RunEnd"))
    assert before == compiled()


def test_the_job_has_parameters_with_defaults_and_hands_them_to_the_graph() -> None:
    spec = job()["pipelineSpec"]
    own = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: (one["parameterType"], one["defaultValue"]) for name, one in own.items()} == {
        "span": ("NUMBER_INTEGER", 0),
        "bootstrap": ("BOOLEAN", True),
        "accept_new_golden": ("BOOLEAN", False),
        "data": ("STRING", "gs://b/data"),
        "golden": ("STRING", "gs://b/golden"),
    }
    assert all(one["isOptional"] and one["description"] for one in own.values())
    assert spec["components"][DAG]["inputDefinitions"]["parameters"] == own
    handed_on = spec["root"]["dag"]["tasks"][DAG]["inputs"]["parameters"]
    assert handed_on == {name: {"componentInputParameter": name} for name in own}


def test_a_step_takes_a_parameter_as_the_job_has_it() -> None:
    definitions = job()["pipelineSpec"]["components"]["Reader"]["inputDefinitions"]["parameters"]
    assert definitions["bootstrap"] == {"parameterType": "BOOLEAN"}


@pytest.mark.parametrize("name", ["Reader", "Evaluator", "Page", "RunEnd"])
def test_every_step_is_told_its_job_and_its_task_which_no_cache_has_seen_before(name: str) -> None:
    document = job()
    given = task(document, name)["inputs"]["parameters"]
    constants = {key: one["runtimeValue"]["constant"] for key, one in given.items() if "runtimeValue" in one}
    assert constants == {
        "ratchet_job": "{{$.pipeline_job_resource_name}}",
        "ratchet_job_id": "{{$.pipeline_job_uuid}}",
        "ratchet_task_id": "{{$.pipeline_task_uuid}}",
    }
    known = document["pipelineSpec"]["components"][name]["inputDefinitions"]["parameters"]
    assert all(known[key] == {"parameterType": "STRING"} for key in constants)


@pytest.mark.parametrize("name", ["Reader", "RunEnd"])
def test_every_step_is_tried_again_and_waits_twice_as_long_each_time(name: str) -> None:
    assert task(job(retries=3, backoff_s=30), name)["retryPolicy"] == {
        "maxRetryCount": 3,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }


def test_a_first_wait_longer_than_the_longest_is_the_longest() -> None:
    assert task(job(backoff_s=7200), "Reader")["retryPolicy"]["backoffMaxDuration"] == "7200s"


def test_a_step_is_entered_through_our_own_door_with_its_limit() -> None:
    document = job(time_limit_s=100, time_limits_s={"Evaluator": 7})
    assert container(document, "Reader")["command"] == ["python", "-m", "ratchet.kubeflow.run_step"]
    assert container(document, "Reader")["args"] == [
        *("--step", "Reader", "--root", "gs://b/root", "--time_limit_s", "100"),
        *("--executor_class_path", "x"),
    ]
    assert container(document, "Evaluator")["args"][:6][-1] == "7"


def test_a_step_has_the_image_and_the_machine_that_it_was_given_and_others_have_not() -> None:
    gpu = StepResources(cpu=8, memory_gib=32, accelerator="NVIDIA_TESLA_T4", accelerators=2)
    document = job(images={"Evaluator": "gpu:1"}, resources={"Evaluator": gpu, "Page": StepResources(cpu=0.5)})
    assert container(document, "Evaluator")["image"] == "gpu:1"
    assert container(document, "Evaluator")["resources"] == {
        "cpuLimit": 8,
        "memoryLimit": 34.36,
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "2"},
    }
    assert container(document, "Page")["resources"] == {"cpuLimit": 0.5}
    assert container(document, "Reader")["image"] == "all:1"
    assert "resources" not in container(document, "Reader")


@pytest.mark.parametrize(
    "settings",
    [
        {"images": {"Trainer": "x"}},
        {"resources": {"Trainer": StepResources()}},
        {"time_limits_s": {"Trainer": 1}},
    ],
)
def test_a_setting_for_a_step_that_there_is_not_names_those_there_are(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"'Trainer' is no step; the steps are Evaluator, Page, Reader, RunEnd"):
        job(**settings)


def test_consoles_show_the_page_and_compare_the_metrics() -> None:
    components = job()["pipelineSpec"]["components"]
    page = components["Page"]["outputDefinitions"]["artifacts"]
    assert page == {"page": {"artifactType": {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}}}
    evaluation = components["Evaluator"]["outputDefinitions"]["artifacts"]
    assert evaluation["metrics"]["artifactType"]["schemaTitle"] == "system.Metrics"
    assert evaluation["evaluation"] == FILE
    assert "metrics" not in components["Reader"]["outputDefinitions"]["artifacts"]


def test_the_tfma_report_is_shown_of_a_step_that_is_given_an_evaluation() -> None:
    given = {"inputDefinitions": {"artifacts": {"evaluation": FILE}}}
    steps = [{**inputs, "outputDefinitions": {"artifacts": {"page": FILE}}} for inputs in (given, {})]
    for step in steps:
        _show(step)
    assert [set(step["outputDefinitions"]["artifacts"]) for step in steps] == [{"page", "tfma"}, {"page"}]


def test_the_last_step_is_told_how_the_others_ended() -> None:
    known = job()["pipelineSpec"]["components"]["RunEnd"]["inputDefinitions"]["parameters"]
    assert known["final_status"] == {"parameterType": "TASK_FINAL_STATUS"}


def test_open_source_kubeflow_is_told_where_artifacts_go_which_is_minio_otherwise() -> None:
    assert job()["pipelineSpec"]["defaultPipelineRoot"] == "gs://b/root/artifacts"


def test_kubernetes_is_told_of_secrets_tolerations_and_nodes_of_every_pod() -> None:
    settings = KubeflowSettings(
        image_pull_secrets=("registry",),
        tolerations=(Toleration(key="gpu", value="true", effect="NoSchedule"),),
        node_selector={"pool": "training"},
    )
    platform = platform_spec(job(), settings)
    assert platform is not None
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == {"Reader_executor", "Evaluator_executor", "Page_executor", "RunEnd_executor"}
    assert executors["Page_executor"] == {
        "imagePullSecret": [{"secretName": "registry"}],
        "tolerations": [{"key": "gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}],
        "nodeSelector": {"labels": {"pool": "training"}},
    }


def test_without_any_of_that_there_is_no_second_document() -> None:
    assert platform_spec(job(), KubeflowSettings()) is None
