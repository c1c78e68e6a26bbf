"""TFX's own way into a step of Kubeflow and Vertex AI."""

from __future__ import annotations

from collections.abc import Sequence


def run_step(arguments: Sequence[str]) -> None:
    """Runs the executor that a container is called for.

    Args:
        arguments: of the container, as TFX's compiler writes them, with an ExecutorInput.
    """
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    kubeflow_v2_run_executor.main(kubeflow_v2_run_executor._parse_flags(["run_executor", *arguments]))
