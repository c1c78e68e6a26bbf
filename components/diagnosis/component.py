"""The diagnosis as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec
from tfx.types.experimental import simple_artifacts

from ratchet.components.diagnosis import executor


class DiagnosisSpec(ComponentSpec):
    """`diagnosis` holds `diagnosis.json`; its custom properties are `cause`, `probability` and `state`."""

    PARAMETERS = {}
    INPUTS = {
        "decision": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {"diagnosis": ChannelParameter(type=simple_artifacts.File)}


class Diagnosis(base_component.BaseComponent):
    """Says why mAP fell, from what other steps wrote; nothing that serves a model waits for it.

    Args:
        decision: of the DataGate.
        baseline: of the BaselineReader.
        model: the candidate; None where none was trained.
        evaluation: of the MapEvaluator; None where no candidate was trained.
    """

    SPEC_CLASS = DiagnosisSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        decision: types.BaseChannel,
        baseline: types.BaseChannel,
        model: types.BaseChannel | None = None,
        evaluation: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            DiagnosisSpec(
                decision=decision,
                baseline=baseline,
                model=model,
                evaluation=evaluation,
                diagnosis=types.Channel(type=simple_artifacts.File),
            )
        )
