"""The data gate as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.data_gate import executor
from components.data_gate.settings import DataGateSettings
from schemas import settings as settings_io


class SpanDecision(artifact.Artifact):
    """`decision.json`, and the custom property `passed`."""

    TYPE_NAME = "SpanDecision"


class DataGateSpec(ComponentSpec):
    """What has to be known to judge a span before training."""

    PARAMETERS = {"settings": ExecutionParameter(type=str)}
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "golden": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {"decision": ChannelParameter(type=SpanDecision)}


class DataGate(base_component.BaseComponent):
    """Decides whether a span may be trained on.

    Args:
        examples: the new span.
        golden: the golden set.
        statistics: of the span.
        schema: the curated schema.
        anomalies: of the ExampleValidator.
        baseline: of the BaselineReader.
        settings: mode and limits.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        golden: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        anomalies: types.BaseChannel,
        baseline: types.BaseChannel,
        settings: DataGateSettings,
    ) -> None:
        super().__init__(
            DataGateSpec(
                examples=examples,
                golden=golden,
                statistics=statistics,
                schema=schema,
                anomalies=anomalies,
                baseline=baseline,
                settings=settings_io.to_json(settings),
                decision=types.Channel(type=SpanDecision),
            )
        )
