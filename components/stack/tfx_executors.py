"""TFX's own executors, where a step of ours has to be a subclass of one and to change what it keeps to itself."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.pusher import executor as tfx_pusher
from tfx.components.trainer import executor as tfx_trainer
from tfx.components.trainer.fn_args_utils import FnArgs

Artifacts = dict[str, list[types.Artifact]]


class PusherBase(tfx_pusher.Executor):
    """TFX's Pusher, to be told what was pushed."""

    def mark(self, pushed_model: types.Artifact, serving_directory: str, version: str | None) -> None:
        """Notes in the artifact where the model is served; None: it was not pushed."""
        if version is None:
            self._MarkNotPushed(pushed_model)
        else:
            self._MarkPushed(pushed_model, f"{serving_directory}/{version}", version)


class TrainerBase(tfx_trainer.GenericExecutor):
    """TFX's Trainer with more in run_fn's `custom_config`."""

    def more_config(self, inputs: Artifacts) -> dict[str, Any]:
        """What to add, by key, from the input artifacts."""
        raise NotImplementedError

    def _GetFnArgs(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        fn_args.custom_config.update(self.more_config(input_dict))
        return fn_args
