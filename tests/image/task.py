"""One task of a compiled job, as a runner gives it to a container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STARTS = "Starting executor"  # what TFX's entry point logs when all is imported and the work begins
TASK = "ImportSchemaGen"  # its work is to copy a file, so that its time is that of the start


def command_of(job: Path, directory: str) -> list[str]:
    """The command that imports the schema of the image.

    Args:
        job: a compiled job as JSON.
        directory: where in the container the outputs go.
    """
    spec: dict[str, Any] = json.loads(job.read_text(encoding="utf-8"))["pipelineSpec"]
    task = spec["components"]["tfx-dag"]["dag"]["tasks"][TASK]
    component = spec["components"][task["componentRef"]["name"]]
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    request = json.dumps(_executor_input(task, component, directory))
    arguments = [request if part == "{{$}}" else part for part in container["args"]]
    arguments[arguments.index("--root") + 1] = f"{directory}/root"  # where the step leaves its record; no bucket here
    return [*container["command"], *arguments]


def _executor_input(task: dict[str, Any], component: dict[str, Any], directory: str) -> dict[str, Any]:
    parameters = task["inputs"]["parameters"].items()
    kinds = component["outputDefinitions"]["artifacts"].items()
    artifacts = {
        key: {"artifacts": [{"name": key, "type": kind["artifactType"], "uri": f"{directory}/{key}"}]}
        for key, kind in kinds
    }
    return {
        "inputs": {"parameterValues": {key: value["runtimeValue"]["constant"] for key, value in parameters}},
        "outputs": {"artifacts": artifacts, "outputFile": f"{directory}/task/executor_output.json"},
    }
