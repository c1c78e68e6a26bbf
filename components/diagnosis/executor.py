"""Reads the records of a run, and writes why mAP fell."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from ratchet.components.diagnosis.reading import RunPlaces, diagnosis_at
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE, DIAGNOSIS_FORMAT

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Succeeds whatever it is given: a run must not end because it could not be explained."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        del exec_properties
        output = artifact_utils.get_single_instance(output_dict["diagnosis"])
        diagnosis = diagnosis_at(_places(input_dict), fileio)
        fileio.makedirs(output.uri)
        io_utils.write_string_file(f"{output.uri}/{DIAGNOSIS_FILE}", DIAGNOSIS_FORMAT.write(diagnosis))
        output.set_string_custom_property("cause", diagnosis.cause.title)
        output.set_float_custom_property("probability", float(diagnosis.cause.probability))
        output.set_string_custom_property("state", diagnosis.cause.state.value)


def _places(artifacts: Artifacts) -> RunPlaces:
    baseline = artifact_utils.get_single_instance(artifacts["baseline"])
    has_baseline = bool(baseline.get_int_custom_property("has_baseline"))
    return RunPlaces(
        decision=artifact_utils.get_single_uri(artifacts["decision"]),
        candidate=path_utils.serving_model_path(artifacts["model"][0].uri) if artifacts.get("model") else None,
        baseline=path_utils.serving_model_path(baseline.uri) if has_baseline else None,
        evaluation=artifacts["evaluation"][0].uri if artifacts.get("evaluation") else None,
    )
