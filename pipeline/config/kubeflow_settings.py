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
        cpu: cores of the processor.
        memory_gib: memory in GiB.
        accelerator: type of its GPUs, as the runner calls it: `NVIDIA_TESLA_T4` on Vertex AI, `nvidia.com/gpu` on
            Kubeflow; None: no GPU.
        accelerators: GPUs of that type.
    """

    cpu: Annotated[Optional[float], Field(gt=0)] = None
    memory_gib: Annotated[Optional[float], Field(gt=0)] = None
    accelerator: Optional[str] = None
    accelerators: Annotated[int, Field(ge=1)] = 1


@settings
class Toleration:
    """A Kubernetes toleration; open-source Kubeflow only.

    Attributes:
        key: that of the taint that is tolerated.
        operator: `Equal` or `Exists`.
        value: that of the taint, for `Equal`.
        effect: that of the taint, such as `NoSchedule`; None: every effect.
    """

    key: str
    operator: str = "Equal"
    value: Optional[str] = None
    effect: Optional[str] = None


@settings
class KubeflowSettings:
    """How steps run on a cluster: docs/kubeflow.md. Steps are named as in the pipeline: `DetectorTrainer`.

    Attributes:
        images: steps with another container image than the pipeline's, such as one with CUDA:
            `{DetectorTrainer: REGISTRY/ratchet:gpu}`.
        resources: what the machines of single steps must have.
        retries: how often a failed or preempted step is tried again.
        backoff_s: seconds that the first of these waits; each next one twice as long.
        time_limit_s: seconds that a step may take.
        time_limits_s: the same for single steps.
        image_pull_secrets: names of the Kubernetes secrets with which images are pulled; open-source Kubeflow only.
        tolerations: those of all steps; open-source Kubeflow only.
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
