"""What comes after a push stands in the compiled pipeline only where it was asked for, and behind the Pusher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet.kubeflow.compile import main
from tests.kubeflow.update_golden import ARGUMENTS

pytestmark = pytest.mark.tensorflow

SET = (
    "vertex_registry.project=my-project",
    "vertex_registry.location=europe-west4",
    "vertex_registry.container.image=serving:1",
    "serving.status_url=http://serving:8501",
)


def compiled(directory: Path, *settings: str) -> dict[str, Any]:
    file = directory / "pipeline.yaml"
    given = [word for setting in settings for word in ("--set", setting)]
    assert main([*ARGUMENTS, "--target", "kfp", "--out", str(file), *given]) == 0
    return next(yaml.safe_load_all(file.read_text(encoding="utf-8")))


def all_tasks(spec: dict[str, Any]) -> dict[str, Any]:
    """The tasks of every DAG, by name."""
    dags = [spec["root"]["dag"], *(one["dag"] for one in spec["components"].values() if "dag" in one)]
    return {name: task for dag in dags for name, task in dag["tasks"].items()}


def test_a_registration_stands_behind_the_pusher_and_before_the_page(tmp_path: Path) -> None:
    spec = compiled(tmp_path, *SET)
    tasks = all_tasks(spec)
    assert "Pusher" in tasks["VertexRegistry"]["dependentTasks"]
    assert "VertexRegistry" in tasks["Review"]["dependentTasks"]
    assert tasks["VertexRegistry"].get("triggerPolicy") == tasks["Pusher"].get("triggerPolicy")
    [artifact] = tasks["Review"]["inputs"]["artifacts"]["registration"].values()
    assert artifact["producerTask"] == "VertexRegistry"
    assert "http://serving:8501" in str(tasks["Pusher"]["inputs"]["parameters"])
    executors = spec["deploymentSpec"]["executors"]
    arguments = executors["VertexRegistry_executor"]["container"]["args"]
    assert "ratchet.components.vertex_registry.executor.Executor" in arguments


def test_without_the_settings_there_is_neither(tmp_path: Path) -> None:
    tasks = all_tasks(compiled(tmp_path))
    assert "VertexRegistry" not in tasks
    assert "serving" not in str(tasks["Pusher"]["inputs"]["parameters"]["custom_config"])
