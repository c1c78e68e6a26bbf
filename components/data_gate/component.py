"""The data gate as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.experimental import simple_artifacts

from ratchet.components.data_gate import executor
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.copy_settings import CopySettings


class DataGateSpec(ComponentSpec):
    """`decision` holds decision, evidence, page and TFDV's anomalies, and carries the custom properties passed (0 or 1)
    and verdict. `passage` is empty and carries `passed` alone: on Kubeflow, a step behind a condition cannot have the
    artifact of the condition as an ordinary input too.

    It has the type that TFX's own DistributionValidator gives its verdict, because Kubeflow's compiler
    refuses artifact types that are not importable from a top-level module.
    """

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "copies": ExecutionParameter(type=str),
        "accept_new_golden": ExecutionParameter(type=int),
        "artifacts": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "golden": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        "decision": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "passage": ChannelParameter(type=simple_artifacts.File),
    }


class DataGate(base_component.BaseComponent):
    """Decides whether a span may be trained on.

    Args:
        examples: the new span.
        golden: the golden set.
        statistics: of the span.
        schema: the curated schema.
        baseline: of the BaselineReader.
        settings: mode and limits.
        copies: what is done about copies of golden images.
        accept_new_golden: whether the golden set may be another than the one the baseline was accepted on, 0 or 1; it
            takes the place of the setting.
        artifacts: the artifacts directory of the pipeline root, where training images are found to be shown beside the
            span's; None: there is none.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        golden: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        baseline: types.BaseChannel,
        settings: DataGateSettings,
        copies: CopySettings,
        accept_new_golden: int | RuntimeParameter,
        artifacts: str | None = None,
    ) -> None:
        super().__init__(
            DataGateSpec(
                examples=examples,
                golden=golden,
                statistics=statistics,
                schema=schema,
                baseline=baseline,
                settings=settings_io.to_json(settings),
                copies=settings_io.to_json(copies),
                accept_new_golden=accept_new_golden,
                artifacts=artifacts or "",
                decision=types.Channel(type=standard_artifacts.ExampleAnomalies),
                passage=types.Channel(type=simple_artifacts.File),
            )
        )
