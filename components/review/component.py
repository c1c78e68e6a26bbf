"""The review page as a TFX component."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.experimental import simple_artifacts

from ratchet.components.review import executor


class ReviewSpec(ComponentSpec):
    """`page` holds `review.html`, and `tfma.html` where a candidate was measured."""

    PARAMETERS = {
        "pipeline": ExecutionParameter(type=str),
        "root": ExecutionParameter(type=str),
        "command": ExecutionParameter(type=str),
    }
    INPUTS = {
        "decision": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "golden": ChannelParameter(type=standard_artifacts.Examples),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
        "diagnosis": ChannelParameter(type=simple_artifacts.File),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel, optional=True),
        "registration": ChannelParameter(type=simple_artifacts.File, optional=True),
    }
    OUTPUTS = {"page": ChannelParameter(type=simple_artifacts.File)}


class Review(base_component.BaseComponent):
    """Writes one page that explains how the run ended.

    Args:
        decision: of the DataGate.
        examples: the span.
        golden: the golden set.
        baseline: of the BaselineReader.
        diagnosis: of the Diagnosis.
        pipeline: name of the pipeline.
        root: pipeline root, for the commands on the page.
        command: what started the run, to be given again; may be empty.
        model: the candidate; None where none was trained.
        evaluation: of the MapEvaluator; None where no candidate was trained.
        pushed_model: of the Pusher; None where no candidate was trained.
        registration: of VertexRegistry; None where nothing is registered.
    """

    SPEC_CLASS = ReviewSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        decision: types.BaseChannel,
        examples: types.BaseChannel,
        golden: types.BaseChannel,
        baseline: types.BaseChannel,
        diagnosis: types.BaseChannel,
        pipeline: str,
        root: str,
        command: str,
        model: types.BaseChannel | None = None,
        evaluation: types.BaseChannel | None = None,
        pushed_model: types.BaseChannel | None = None,
        registration: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            ReviewSpec(
                decision=decision,
                examples=examples,
                golden=golden,
                baseline=baseline,
                diagnosis=diagnosis,
                pipeline=pipeline,
                root=root,
                command=command,
                model=model,
                evaluation=evaluation,
                pushed_model=pushed_model,
                registration=registration,
                page=types.Channel(type=simple_artifacts.File),
            )
        )
