"""A small compiled pipeline with the parameters of ours, for both runners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

PARAMETERS: dict[str, Any] = {
    "span": ("NUMBER_INTEGER", 0),
    "bootstrap": ("NUMBER_INTEGER", 0),
    "accept_new_golden": ("STRING", "false"),
    "data": ("STRING", "gs://bucket/spans"),
    "share": ("NUMBER_DOUBLE", 0.5),
    "quiet": ("BOOLEAN", False),
    "names": ("LIST", []),
}


def spec() -> dict[str, Any]:
    """A PipelineSpec of two tasks, one of which says that it is cached, and an inner DAG with another."""
    declared = {name: {"parameterType": kind, "defaultValue": value} for name, (kind, value) in PARAMETERS.items()}
    component = {"executorLabel": "exec", "inputDefinitions": {"parameters": {"span": {"parameterType": "STRING"}}}}

    def task(name: str, **more: Any) -> dict[str, Any]:
        return {"taskInfo": {"name": name}, "componentRef": {"name": "step"}, **more}

    return {
        "pipelineInfo": {"name": "digits"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.16.0",
        "components": {
            "step": component,
            "inner": {"dag": {"tasks": {"C": task("C", cachingOptions={"enableCache": True})}}},
        },
        "deploymentSpec": {"executors": {"exec": {"container": {"image": "image:1", "command": ["true"]}}}},
        "root": {
            "inputDefinitions": {"parameters": declared},
            "dag": {
                "tasks": {
                    "A": task("A", cachingOptions={"enableCache": True}),
                    "B": {"taskInfo": {"name": "B"}, "componentRef": {"name": "inner"}},
                }
            },
        },
    }


def write_json(directory: Path) -> Path:
    """For Vertex AI."""
    job = {
        "displayName": "digits",
        "labels": {"tfx_runner": "kubeflow_v2"},
        "pipelineSpec": spec(),
        "runtimeConfig": {"gcsOutputDirectory": "gs://bucket/ratchet/artifacts"},
    }
    file = directory / "pipeline.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    return file


def write_yaml(directory: Path, platform: bool = False) -> Path:
    """For Kubeflow Pipelines."""
    documents = [spec()]
    if platform:
        documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec": {}}}}}})
    file = directory / "pipeline.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return file
