"""Examines a span and writes the decision that everything costly hangs on."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from ratchet.components.data_gate.beam_looks import BeamLooks
from ratchet.components.data_gate.examine import examine
from ratchet.components.data_gate.inputs import GateSources, ServedBaseline
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.stack.beam_executors import WatchedBeam
from ratchet.components.stack.outputs import empty_outputs
from ratchet.components.stack.tfx_steps import beam_pipeline
from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import TRAIN_SPLIT


class Executor(WatchedBeam, base_beam_executor.BaseBeamExecutor):
    """Succeeds whatever it decides: TFX deletes what a failed step wrote, and the evidence must stay.

    The custom property `passed` (0 or 1) is what the steps below hang on.
    """

    STEP = "DataGate"

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        settings = dataclasses.replace(
            settings_io.from_json(DataGateSettings, exec_properties["settings"]),
            accept_new_golden=bool(exec_properties["accept_new_golden"]),
        )
        empty_outputs(output_dict)
        baseline = artifact_utils.get_single_instance(input_dict["baseline"])
        [statistics] = artifact_utils.get_split_uris(input_dict["statistics"], TRAIN_SPLIT)
        history = f"{baseline.uri}/{HISTORY_FILE}"
        sources = GateSources(
            span=artifact_utils.get_single_uri(input_dict["examples"]),
            golden=artifact_utils.get_single_uri(input_dict["golden"]),
            statistics=f"{statistics}/FeatureStats.pb",
            schema=io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"])),
            baseline=_baseline(baseline),
            history=HISTORY_FORMAT.read(io_utils.read_string_file(history), history),
            artifacts=exec_properties.get("artifacts") or None,
        )
        output = artifact_utils.get_single_instance(output_dict["decision"])
        copies = settings_io.from_json(CopySettings, exec_properties["copies"])
        looker = BeamLooks(lambda: beam_pipeline(self), f"{output.uri}/looks")
        decision = examine(sources, settings, output.uri, copies=copies, looker=looker)
        output.split_names = artifact_utils.encode_split_names([TRAIN_SPLIT])
        output.set_string_custom_property("verdict", decision.verdict.value)
        passage = artifact_utils.get_single_instance(output_dict["passage"])
        fileio.makedirs(passage.uri)
        for artifact in (output, passage):
            artifact.set_int_custom_property("passed", int(decision.passed))


def _baseline(artifact: types.Artifact) -> ServedBaseline | None:
    if not artifact.get_int_custom_property("has_baseline"):
        return None
    return ServedBaseline(
        directory=path_utils.serving_model_path(artifact.uri),
        version=artifact.get_string_custom_property("version"),
        golden_digest=artifact.get_string_custom_property("golden_digest"),
    )
