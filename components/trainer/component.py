"""The stock TFX Trainer with two more inputs: the training data's statistics, and the baseline's digest.

The statistics end up inside the model, so that the next run can measure drift against exactly the
data the served model was trained on.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import TrainerSpec
from tfx.utils import json_utils

from ratchet.components.stack.tfx_executors import Artifacts, TrainerBase
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.dataset import TRAIN_SPLIT

RUN_FN = "ratchet.components.trainer.run_fn.run_fn"
OWN_RUN_FN = "ratchet.components.trainer.own.run.run_fn"  # calls the function that `training.run_fn` names


class Executor(TrainerBase):
    """Hands the path of the statistics and the baseline's digest to run_fn."""

    def more_config(self, inputs: Artifacts) -> dict[str, Any]:
        """See the base class."""
        [statistics] = artifact_utils.get_split_uris(inputs["statistics"], TRAIN_SPLIT)
        baseline = artifact_utils.get_single_instance(inputs["base_model"])
        return {
            "statistics": f"{statistics}/FeatureStats.pb",
            "baseline_digest": baseline.get_string_custom_property("digest"),
        }


class DetectorTrainerSpec(TrainerSpec):
    """The stock Trainer's contract plus `statistics`; `base_model` is required."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        "base_model": ChannelParameter(type=standard_artifacts.Model),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class DetectorTrainer(base_component.BaseComponent):
    """Fine-tunes the baseline, or trains a first model.

    Args:
        examples: the training span.
        statistics: of those examples.
        baseline: of the BaselineReader.
        settings: how to train.
        artifacts: directory of all artifacts, the same in every run: earlier spans are found in it, and `checkpoints/`
            in it holds the state of unfinished trainings.
    """

    SPEC_CLASS = DetectorTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        baseline: types.BaseChannel,
        settings: TrainerSettings,
        artifacts: str,
    ) -> None:
        super().__init__(
            DetectorTrainerSpec(
                examples=examples,
                statistics=statistics,
                base_model=baseline,
                train_args=trainer_pb2.TrainArgs(),
                eval_args=trainer_pb2.EvalArgs(),
                run_fn=RUN_FN if settings.training.run_fn is None else OWN_RUN_FN,
                custom_config=json_utils.dumps({"settings": settings_io.to_json(settings), "artifacts": artifacts}),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
