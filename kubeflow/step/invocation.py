"""What a container is called with, as KFP's ExecutorInput has it, between the runner and TFX's own entry point; pure.

Two things in it TFX does not know: parameters that name job and task, and artifacts that are there for consoles alone.
Both are taken out before TFX sees it, and what is for consoles is put into its answer.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.schemas.artifacts.review import REVIEW_FILE, TFMA_FILE

# Parameters of every step, and what fills them in: the whole value has to be the placeholder on open-source Kubeflow.
TOLD = {
    "ratchet_job": "{{$.pipeline_job_resource_name}}",
    "ratchet_job_id": "{{$.pipeline_job_uuid}}",
    "ratchet_task_id": "{{$.pipeline_task_uuid}}",
}
_FINAL_STATUS = "final_status"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Document = dict[str, Any]


@dataclass(frozen=True)
class Console:
    """An artifact for consoles.

    Attributes:
        schema: its type there.
        of: the output of the step that it shows.
        given: the input without which a step has nothing to show.
    """

    schema: str
    of: str
    given: str = ""


# A page takes the place of the output that it is, and the report that it links, which no console would follow, stands
# beside it; metrics stand beside the evaluation that they are from.
CONSOLE_OUTPUTS = {
    "page": Console("system.HTML", "page"),
    "tfma": Console("system.HTML", "page", given="evaluation"),
    "metrics": Console("system.Metrics", "evaluation"),
}
_TFX_TYPES = {"page": "tfx.File"}  # what TFX knows such an output as


@dataclass(frozen=True)
class Invocation:
    """One call of a step.

    Attributes:
        run_id: the job's name, which is the run's.
        job_id: what the runner calls the job besides.
        task_id: what it calls this task.
        request: the ExecutorInput that TFX is to see.
        asked: the ExecutorInput as it came.
    """

    run_id: str
    job_id: str
    task_id: str
    request: Document
    asked: Document

    @property
    def outputs(self) -> dict[str, str]:
        """URIs of the output artifacts, by output key."""
        return _uris(self.request.get("outputs", {}))

    @property
    def output_file(self) -> str:
        """Where the runner reads the answer."""
        return self.request["outputs"]["outputFile"]


def read_invocation(asked: Mapping[str, Any]) -> Invocation:
    """Takes apart what a container is called with.

    Args:
        asked: the ExecutorInput.
    """
    request = copy.deepcopy(dict(asked))
    parameters = request.get("inputs", {}).get("parameterValues", {})
    told = {name: str(parameters.pop(name, "")) for name in TOLD}
    told = {name: "" if text.startswith("{{") else text for name, text in told.items()}
    if isinstance(parameters.get(_FINAL_STATUS), Mapping):
        import json

        parameters[_FINAL_STATUS] = json.dumps(parameters[_FINAL_STATUS])
    outputs = request.get("outputs", {}).get("artifacts", {})
    for key in [key for key, console in CONSOLE_OUTPUTS.items() if console.of != key and key in outputs]:
        del outputs[key]
    for key, title in _TFX_TYPES.items():
        for artifact in outputs.get(key, {}).get("artifacts", []):
            if str(artifact.get("type", {}).get("schemaTitle", "")).startswith("system."):
                artifact["type"] = {"schemaTitle": title}
    return Invocation(
        run_id=_run_id(told["ratchet_job"], request),
        job_id=told["ratchet_job_id"],
        task_id=told["ratchet_task_id"],
        request=request,
        asked=dict(asked),
    )


def with_console(answer: Mapping[str, Any], invocation: Invocation, metrics: Mapping[str, float]) -> Document:
    """The answer of a step with what consoles show.

    Args:
        answer: the ExecutorOutput that TFX wrote.
        invocation: of the step.
        metrics: of its evaluation.
    """
    shown = copy.deepcopy(dict(answer))
    artifacts = shown.setdefault("artifacts", {})
    asked = invocation.asked.get("outputs", {}).get("artifacts", {})
    for artifact in artifacts.get("page", {}).get("artifacts", []):
        directory = artifact["uri"]
        artifact["uri"] = f"{directory}/{REVIEW_FILE}"
        if "tfma" in asked:
            artifacts["tfma"] = {"artifacts": [{**_named(asked["tfma"]), "uri": f"{directory}/{TFMA_FILE}"}]}
    if "metrics" in asked:
        artifacts["metrics"] = {"artifacts": [{**_named(asked["metrics"]), "metadata": dict(metrics)}]}
    return shown


def _named(wanted: Mapping[str, Any]) -> Document:
    [artifact] = wanted["artifacts"]
    return {key: artifact[key] for key in ("name", "uri") if key in artifact}


def answered_outputs(answer: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """URIs and custom properties of the artifacts in the answer of a step, by output key."""
    uris, properties = {}, {}
    for key, artifacts in answer.get("artifacts", {}).items():
        [artifact] = artifacts["artifacts"]
        uris[key] = artifact.get("uri", "")
        properties[key] = {name: _whole(value) for name, value in artifact.get("metadata", {}).items()}
    return uris, properties


def _whole(value: Any) -> Any:
    """A whole number as one: JSON of a Struct knows only floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _uris(outputs: Mapping[str, Any]) -> dict[str, str]:
    artifacts = outputs.get("artifacts", {})
    return {key: artifact["uri"] for key, each in artifacts.items() for artifact in each["artifacts"]}


def _run_id(job: str, request: Mapping[str, Any]) -> str:
    """The last part of the job's resource name; where the runner does not tell it, that of the place it writes to."""
    if not job:
        parts = request["outputs"]["outputFile"].split("/")
        job = parts[-3] if len(parts) > 2 else ""
    return _NOT_IN_A_NAME.sub("-", job.rpartition("/")[2]).strip("-.") or "unnamed"
