"""What a job on Kubeflow Pipelines or Vertex AI is told besides the pipeline's own settings: docs/kubeflow.md."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Optional

from pydantic import Field

from ratchet.schemas.base.settings import settings

_DAY_S = 86_400


@settings
class StepResources:
    """What a step's machine must have; what is not given is left to the cluster.

    Attributes:
        cpu: cores.
        memory_gib: GiB.
        accelerator: its type, as the runner calls it: `NVIDIA_TESLA_T4` on Vertex AI, `nvidia.com/gpu` on Kubeflow.
        accelerators: how many of it.
    """

    cpu: Annotated[Optional[float], Field(gt=0)] = None
    memory_gib: Annotated[Optional[float], Field(gt=0)] = None
    accelerator: Optional[str] = None
    accelerators: Annotated[int, Field(ge=1)] = 1


@settings
class Toleration:
    """A Kubernetes toleration; open-source Kubeflow only."""

    key: str
    operator: str = "Equal"
    value: Optional[str] = None
    effect: Optional[str] = None


@settings
class KubeflowSettings:
    """How steps run on a cluster. Steps are named as in the pipeline: `DetectorTrainer`.

    Attributes:
        images: another container image for a step, such as one with CUDA for the DetectorTrainer.
        resources: what a step's machine must have.
        retries: how often a failed or preempted step is tried again.
        backoff_s: how long the first of these waits; each next one twice as long.
        time_limit_s: how long a step may take.
        time_limits_s: the same for single steps.
        image_pull_secrets: names of Kubernetes secrets; open-source Kubeflow only.
        tolerations: of all steps; open-source Kubeflow only.
        node_selector: labels that a node must have; open-source Kubeflow only.
        stop_after_failures: after so many failed runs in a row the schedule is paused; None: never.
        schedule: what is paused then: `projects/P/locations/L/schedules/ID` on Vertex AI, the id of the recurring run
            on Kubeflow; None: `stop_after_failures` only tells.
    """

    images: dict[str, str] = dataclasses.field(default_factory=dict)
    resources: dict[str, StepResources] = dataclasses.field(default_factory=dict)
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    backoff_s: Annotated[int, Field(ge=1)] = 60
    time_limit_s: Annotated[int, Field(ge=1)] = _DAY_S
    time_limits_s: dict[str, Annotated[int, Field(ge=1)]] = dataclasses.field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[str, str] = dataclasses.field(default_factory=dict)
    stop_after_failures: Annotated[Optional[int], Field(ge=1)] = None
    schedule: Optional[str] = None
