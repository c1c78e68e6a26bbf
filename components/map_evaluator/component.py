"""The mAP evaluator as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ratchet.components.map_evaluator import executor
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.copy_settings import CopySettings


class MapEvaluatorSpec(ComponentSpec):
    """Outputs have the names and types of the stock Evaluator, which Pusher and resolvers know."""

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "copies": ExecutionParameter(type=str),
        "accept_new_golden": ExecutionParameter(type=int),
        "artifacts": ExecutionParameter(type=str),
    }
    INPUTS = {
        "golden": ChannelParameter(type=standard_artifacts.Examples),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class MapEvaluator(base_beam_component.BaseBeamComponent):
    """Measures candidate and baseline on golden set and span, and blesses the candidate, or does not.

    Args:
        golden: the golden set, which decides.
        examples: the span that the candidate was trained on, which explains.
        model: the candidate.
        baseline: of the BaselineReader.
        settings: what the candidate must reach.
        copies: what is done about copies of golden images.
        accept_new_golden: whether the golden set may be another than the one the baseline was accepted on, 0 or 1.
        artifacts: directory of all artifacts, the same in every run: earlier spans are found in it.
    """

    SPEC_CLASS = MapEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        golden: types.BaseChannel,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline: types.BaseChannel,
        settings: EvaluatorSettings,
        copies: CopySettings,
        accept_new_golden: int | RuntimeParameter,
        artifacts: str,
    ) -> None:
        super().__init__(
            MapEvaluatorSpec(
                golden=golden,
                examples=examples,
                model=model,
                baseline_model=baseline,
                settings=settings_io.to_json(settings),
                copies=settings_io.to_json(copies),
                accept_new_golden=accept_new_golden,
                artifacts=artifacts,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
