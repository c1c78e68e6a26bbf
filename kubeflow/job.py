"""What TFX's compiler leaves out of a job, written into what it made: a plain document; pure.

Retries, time limits, resources and images a step; defaults of the job's parameters; what a step is told of the job that
it belongs to; what consoles show of it; where open-source Kubeflow puts artifacts and pods.

Every task is given the ids of its job and of itself as parameters. Both runners fill them in, and both have them in the
key of their cache: so no step is taken from the cache, whatever whoever submits the job asks for. That is meant: a step
reads what is served, what was delivered, what others have decided, and none of it is in such a key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.kubeflow.parameters import JobParameter
from ratchet.kubeflow.step.invocation import CONSOLE_OUTPUTS, TOLD, Console
from ratchet.pipeline.config.kubeflow_settings import KubeflowSettings, StepResources
from ratchet.schemas.base.errors import ConfigError

DAG = "tfx-dag"  # what TFX calls the graph beside an exit handler
ENTRY = ["python", "-m", "ratchet.kubeflow.run_step"]
_LONGEST_WAIT_S = 3600
_VERSION = "0.0.1"  # of the schemas of system.HTML and system.Metrics

Document = dict[str, Any]


@dataclass(frozen=True)
class JobPlan:
    """What is written into a job.

    Attributes:
        root: pipeline root.
        parameters: of the job.
        settings: how steps run.
        last_step: the exit handler's name.
    """

    root: str
    parameters: tuple[JobParameter, ...]
    settings: KubeflowSettings
    last_step: str


def complete_job(compiled: Mapping[str, Any], plan: JobPlan) -> Document:
    """A job with all that TFX's compiler leaves out.

    Args:
        compiled: the PipelineJob that TFX made.
        plan: what to write into it.

    Raises:
        ConfigError: a setting names a step that there is not.
    """
    job = copy.deepcopy(dict(compiled))
    spec = job["pipelineSpec"]
    _check_names(spec, plan.settings)
    _pass_parameters(spec, plan.parameters)
    for name, task in _tasks(spec):
        _tell(spec, name, task)
        task["retryPolicy"] = _retry_policy(plan.settings)
        _show(spec["components"][name])
        _run_as(_container(spec, name), name, plan)
    status = spec["components"][plan.last_step]["inputDefinitions"]["parameters"]["final_status"]
    status["parameterType"] = "TASK_FINAL_STATUS"
    spec["defaultPipelineRoot"] = job["runtimeConfig"]["gcsOutputDirectory"]
    return job


def platform_spec(job: Mapping[str, Any], settings: KubeflowSettings) -> Document | None:
    """What Kubernetes is told of the pods of a job: the second document of its YAML; None where there is nothing.

    Source: kubernetes_platform/proto/kubernetes_executor_config.proto of kubeflow/pipelines.
    """
    pod: Document = {}
    if settings.image_pull_secrets:
        pod["imagePullSecret"] = [{"secretName": name} for name in settings.image_pull_secrets]
    if settings.tolerations:
        pod["tolerations"] = [_toleration(one.key, one.operator, one.value, one.effect) for one in settings.tolerations]
    if settings.node_selector:
        pod["nodeSelector"] = {"labels": dict(settings.node_selector)}
    if not pod:
        return None
    executors = dict.fromkeys(sorted(job["pipelineSpec"]["deploymentSpec"]["executors"]), pod)
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _toleration(key: str, operator: str, value: str | None, effect: str | None) -> Document:
    given = {"key": key, "operator": operator, "value": value, "effect": effect}
    return {name: text for name, text in given.items() if text is not None}


def step_names(spec: Mapping[str, Any]) -> list[str]:
    """The steps of a compiled pipeline, the exit handler among them."""
    return sorted(name for name, _ in _tasks(spec))


def _tasks(spec: Mapping[str, Any]) -> Iterator[tuple[str, Document]]:
    for name, task in spec["root"]["dag"]["tasks"].items():
        if name == DAG:
            yield from spec["components"][DAG]["dag"]["tasks"].items()
        else:
            yield name, task


def _container(spec: Document, name: str) -> Document:
    return spec["deploymentSpec"]["executors"][spec["components"][name]["executorLabel"]]["container"]


def _check_names(spec: Document, settings: KubeflowSettings) -> None:
    known = step_names(spec)
    given = {"images": settings.images, "resources": settings.resources, "time_limits_s": settings.time_limits_s}
    for setting, values in given.items():
        for name in values:
            if name not in known:
                raise ConfigError(f"kubeflow.{setting}: {name!r} is no step; the steps are {', '.join(known)}")


def _pass_parameters(spec: Document, parameters: Sequence[JobParameter]) -> None:
    """Gives the job's parameters defaults, and hands them on to the graph, which TFX forgets beside an exit handler."""
    definitions = {one.name: _definition(one) for one in parameters}
    spec["root"].setdefault("inputDefinitions", {})["parameters"] = copy.deepcopy(definitions)
    spec["components"][DAG].setdefault("inputDefinitions", {})["parameters"] = copy.deepcopy(definitions)
    handed_on = {one.name: {"componentInputParameter": one.name} for one in parameters}
    spec["root"]["dag"]["tasks"][DAG].setdefault("inputs", {})["parameters"] = handed_on
    kinds = {one.name: one.kind for one in parameters}
    for name, task in _tasks(spec):
        for key, given in task.get("inputs", {}).get("parameters", {}).items():
            if "componentInputParameter" in given:  # a truth value is one on the way, too
                own = spec["components"][name]["inputDefinitions"]["parameters"][key]
                own["parameterType"] = kinds[given["componentInputParameter"]]


def _definition(parameter: JobParameter) -> Document:
    return {
        "parameterType": parameter.kind,
        "defaultValue": parameter.default,
        "isOptional": True,
        "description": parameter.description,
    }


def _tell(spec: Document, name: str, task: Document) -> None:
    """Names job and task to the step; see this module's first lines."""
    given = task.setdefault("inputs", {}).setdefault("parameters", {})
    known = spec["components"][name].setdefault("inputDefinitions", {}).setdefault("parameters", {})
    for key, placeholder in TOLD.items():
        known[key] = {"parameterType": "STRING"}
        given[key] = {"runtimeValue": {"constant": placeholder}}


def _retry_policy(settings: KubeflowSettings) -> Document:
    return {
        "maxRetryCount": settings.retries,
        "backoffDuration": f"{settings.backoff_s}s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": f"{max(settings.backoff_s, _LONGEST_WAIT_S)}s",
    }


def _show(component: Document) -> None:
    """Makes consoles show a step's pages, and its metrics beside those of other runs."""
    outputs = component.get("outputDefinitions", {}).get("artifacts", {})
    inputs = component.get("inputDefinitions", {}).get("artifacts", {})
    for key, console in CONSOLE_OUTPUTS.items():
        if console.of in outputs and (not console.given or console.given in inputs):
            outputs[key] = _system_artifact(console)


def _system_artifact(console: Console) -> Document:
    return {"artifactType": {"schemaTitle": console.schema, "schemaVersion": _VERSION}}


def _run_as(container: Document, name: str, plan: JobPlan) -> None:
    settings = plan.settings
    container["command"] = list(ENTRY)
    limit_s = settings.time_limits_s.get(name, settings.time_limit_s)
    container["args"] = ["--step", name, "--root", plan.root, "--time_limit_s", str(limit_s), *container["args"]]
    if name in settings.images:
        container["image"] = settings.images[name]
    if name in settings.resources:
        container["resources"] = _resources(settings.resources[name])


def _resources(wanted: StepResources) -> Document:
    resources: Document = {}
    if wanted.cpu is not None:
        resources["cpuLimit"] = wanted.cpu
    if wanted.memory_gib is not None:
        # In GB of 10^9 bytes, as ResourceSpec has it.
        resources["memoryLimit"] = round(wanted.memory_gib * 2**30 / 1e9, 3)
    if wanted.accelerator is not None:
        resources["accelerator"] = {"type": wanted.accelerator, "count": str(wanted.accelerators)}
    return resources
