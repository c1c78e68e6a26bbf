"""Registration in Vertex AI as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.experimental import simple_artifacts

from ratchet.components.vertex_registry import executor
from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.schemas.base.settings import to_json


class VertexRegistrySpec(ComponentSpec):
    """`registration` holds `publication.json`: the Pusher's, with what came of the registration."""

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "pipeline": ExecutionParameter(type=str),
        "registry_directory": ExecutionParameter(type=str),
        "serving_directory": ExecutionParameter(type=str),
    }
    INPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}
    OUTPUTS = {"registration": ChannelParameter(type=simple_artifacts.File)}


class VertexRegistry(base_component.BaseComponent):
    """Registers what was pushed in Vertex AI's Model Registry, and deploys it where an endpoint is set.

    Args:
        pushed_model: of the Pusher.
        settings: where and with what.
        pipeline: name of the pipeline.
        registry: the registry's directory.
        serving: directory that holds the versions.
    """

    SPEC_CLASS = VertexRegistrySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        pushed_model: types.BaseChannel,
        settings: VertexRegistrySettings,
        pipeline: str,
        registry: str,
        serving: str,
    ) -> None:
        super().__init__(
            VertexRegistrySpec(
                pushed_model=pushed_model,
                settings=to_json(settings),
                pipeline=pipeline,
                registry_directory=registry,
                serving_directory=serving,
                registration=types.Channel(type=simple_artifacts.File),
            )
        )
