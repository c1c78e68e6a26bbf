"""The end of the registry at which a run begins, as a TFX component; the other end is TFX's Pusher."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ratchet.components.registry import executor


class BaselineReaderSpec(ComponentSpec):
    """`baseline` carries the custom properties has_baseline (0 or 1), golden_uses (JSON: decisions by golden set),
    high_water_marks (JSON: `HighWaterMark` by golden set) and, with a baseline, version, digest and golden_digest."""

    PARAMETERS = {
        "registry_directory": ExecutionParameter(type=str),
        "serving_directory": ExecutionParameter(type=str),
        "bootstrap": ExecutionParameter(type=int),
        "pushes_ago": ExecutionParameter(type=int),
    }
    INPUTS = {}
    OUTPUTS = {"baseline": ChannelParameter(type=standard_artifacts.Model)}


class BaselineReader(base_component.BaseComponent):
    """Emits the served model as this run's baseline.

    Args:
        registry_directory: where the pointer files are.
        serving_directory: the directory TensorFlow Serving watches.
        bootstrap: whether this run may be the first.
        pushes_ago: how far back the earlier model lies that a candidate is held against; 0: against none but the
            served one.
    """

    SPEC_CLASS = BaselineReaderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.BaselineReaderExecutor)

    def __init__(self, registry_directory: str, serving_directory: str, bootstrap: bool, pushes_ago: int) -> None:
        super().__init__(
            BaselineReaderSpec(
                registry_directory=registry_directory,
                serving_directory=serving_directory,
                bootstrap=int(bootstrap),
                pushes_ago=pushes_ago,
                baseline=types.Channel(type=standard_artifacts.Model),
            )
        )
