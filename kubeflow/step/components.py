"""The first and the last step of a job, as TFX components."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.decorators import FinalStatusStr
from tfx.types import artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.experimental import simple_artifacts

from ratchet.components.stack.tfx_steps import run_id
from ratchet.kubeflow.step.begin import JobRequest, begin
from ratchet.kubeflow.step.end import JobEnd, StepFailedError, end, failures_in_a_row
from ratchet.kubeflow.step.local_view import local_view
from ratchet.kubeflow.step.pausing import pause_schedule
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.progress import LOGGER

Artifacts = dict[str, list[types.Artifact]]


class RunStartExecutor(base_executor.BaseExecutor):
    """Says which span it is about, and whether there is anything to do: `passage` carries `new` (0 or 1)."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        settings = settings_io.from_json(PipelineSettings, exec_properties["settings"])
        accepts = bool(exec_properties["accept_new_golden"])
        gate = dataclasses.replace(settings.data_gate, accept_new_golden=accepts)
        names = ("root", "registry", "serving", "data", "golden", "schema_file")
        request = JobRequest(
            run_id=run_id(self),
            span=int(exec_properties["span"]),
            bootstrap=bool(exec_properties["bootstrap"]),
            settings=dataclasses.replace(settings, data_gate=gate),
            **{name: exec_properties[name].rstrip("/") for name in names},
        )
        begun = begin(request)
        start = artifact_utils.get_single_instance(output_dict["start"])
        start.set_int_custom_property("span", begun.span.number)
        start.set_int_custom_property("version", begun.span.version)
        start.set_string_custom_property("directory", begun.span.directory)
        passage = artifact_utils.get_single_instance(output_dict["passage"])
        passage.set_int_custom_property("new", int(begun.new))
        for artifact in (start, passage):
            fileio.makedirs(artifact.uri)


class RunStartSpec(ComponentSpec):
    """`start` carries the custom properties span, version and directory; `passage` is empty and carries `new` alone: a
    step behind a condition cannot have the artifact of the condition as an ordinary input too."""

    PARAMETERS = {
        "root": ExecutionParameter(type=str),
        "registry": ExecutionParameter(type=str),
        "serving": ExecutionParameter(type=str),
        "data": ExecutionParameter(type=str),
        "golden": ExecutionParameter(type=str),
        "span": ExecutionParameter(type=int),
        "bootstrap": ExecutionParameter(type=int),
        "accept_new_golden": ExecutionParameter(type=int),
        "schema_file": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {
        "start": ChannelParameter(type=simple_artifacts.File),
        "passage": ChannelParameter(type=simple_artifacts.File),
    }


class RunStart(base_component.BaseComponent):
    """Looks at everything that a run needs before anything is read or trained.

    Args:
        places: `root`, `registry`, `serving` and `schema_file`.
        wanted: `data`, `golden`, `span`, `bootstrap` and `accept_new_golden`, parameters of the job.
        settings: of the pipeline.
    """

    SPEC_CLASS = RunStartSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RunStartExecutor)

    def __init__(self, places: dict[str, str], wanted: dict[str, RuntimeParameter], settings: PipelineSettings) -> None:
        super().__init__(
            RunStartSpec(
                **places,
                **wanted,
                settings=settings_io.to_json(settings),
                start=types.Channel(type=simple_artifacts.File),
                passage=types.Channel(type=simple_artifacts.File),
            )
        )


class RunEndExecutor(base_executor.BaseExecutor):
    """Fails where another step has, so that the console shows it once more with the reason."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        settings = settings_io.from_json(PipelineSettings, exec_properties["settings"])
        root, run = exec_properties["root"], run_id(self)
        try:
            result = end(JobEnd(run, root, _status(exec_properties["final_status"]), settings))
        except StepFailedError:
            limit = settings.kubeflow.stop_after_failures
            if limit is not None and failures_in_a_row(local_view(root)) >= limit:
                pause_schedule(settings.kubeflow.schedule, limit)
            raise
        if result is not None:
            LOGGER.info("run %s ended as %s: %s", run, result.verdict.value, result.first_reason)


class RunEndSpec(ComponentSpec):
    """Has no artifacts: an exit handler can have none."""

    PARAMETERS = {
        "root": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "final_status": ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {}


class RunEnd(base_component.BaseComponent):
    """The exit handler: runs when all other steps have ended, however that was.

    Args:
        root: pipeline root.
        settings: of the pipeline.
    """

    SPEC_CLASS = RunEndSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RunEndExecutor)

    def __init__(self, root: str, settings: PipelineSettings) -> None:
        super().__init__(RunEndSpec(root=root, settings=settings_io.to_json(settings), final_status=FinalStatusStr()))


def _status(text: str) -> dict[str, Any]:
    """What the runner says of the other steps; nothing where it says nothing that can be read."""
    try:
        status = json.loads(text or "{}")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}
