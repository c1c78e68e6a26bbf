"""The end of the registry at which a run begins, as a TFX component; the other end is TFX's Pusher."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ratchet.components.registry import executor


class BaselineReaderSpec(ComponentSpec):
    """`baseline` carries the custom properties has_baseline (0 or 1) and, with a baseline, version, digest and
    golden_digest; what grows with the years lies in files beside the model: history, golden sets, references."""

    PARAMETERS = {
        "registry_directory": ExecutionParameter(type=str),
        "serving_directory": ExecutionParameter(type=str),
        "bootstrap": ExecutionParameter(type=int),
        "pushes_ago": ExecutionParameter(type=int),
        "replays": ExecutionParameter(type=int, optional=True),
        "artifacts": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {}
    OUTPUTS = {"baseline": ChannelParameter(type=standard_artifacts.Model)}


class BaselineReader(base_component.BaseComponent):
    """Emits the served model as this run's baseline.

    Args:
        registry_directory: where the pointer files are.
        serving_directory: the directory TensorFlow Serving watches.
        bootstrap: whether this run may be the first, 0 or 1.
        pushes_ago: how far back the earlier model lies that a candidate is held against; 0: against none but the
            served one.
        replays: whether a retraining replays what the served model was trained on, so that it has to be there.
        artifacts: the artifacts directory of the pipeline root; None: there is none.
    """

    SPEC_CLASS = BaselineReaderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.BaselineReaderExecutor)

    def __init__(
        self,
        registry_directory: str,
        serving_directory: str,
        bootstrap: int | RuntimeParameter,
        pushes_ago: int,
        replays: bool = False,
        artifacts: str | None = None,
    ) -> None:
        super().__init__(
            BaselineReaderSpec(
                registry_directory=registry_directory,
                serving_directory=serving_directory,
                bootstrap=bootstrap,
                pushes_ago=pushes_ago,
                replays=int(replays),
                artifacts=artifacts or "",
                baseline=types.Channel(type=standard_artifacts.Model),
            )
        )
