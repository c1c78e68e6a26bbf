"""Writes a data set as an Examples artifact."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from ratchet.components.example_gen.content import stored_digest
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.components.example_gen.settings import ReadingSettings
from ratchet.components.example_gen.spans import FoundSpan, find_span
from ratchet.components.stack.beam_executors import WatchedBeam
from ratchet.components.stack.tfx_steps import beam_pipeline
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.dataset import SPLITS
from ratchet.schemas.data.tfdv_schema import read_class_names


class Executor(WatchedBeam, base_beam_executor.BaseBeamExecutor):
    """Reads the annotations first, so that nothing is written for a data set that contradicts itself."""

    STEP = "DetectionExampleGen"

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        directory, span, version = exec_properties["directory"], 0, 1
        is_span = bool(exec_properties["is_span_base"])
        if is_span:
            # Whoever started the run has compared the digests; that all files are there costs a listing.
            span, version, directory = _chosen(input_dict) or find_span(
                directory, exec_properties["span"] or None, files=objects_for(directory, fileio), digests=False
            )
        request = GenRequest(
            directory=directory,
            span=span,
            version=version,
            strict=not is_span,
            eval_fraction=exec_properties["eval_fraction"],
            held_out_fraction=exec_properties["held_out_fraction"],
            group_by=exec_properties["group_by"] or None,
            class_names=read_class_names(exec_properties["schema_file"], fileio),
            reading=settings_io.from_json(ReadingSettings, exec_properties["reading"]).reading,
            exif=exec_properties["exif"],
        )
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        [info] = generate([(request, examples.uri)], beam_pipeline(self))
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples.set_int_custom_property("span", info.span)
        examples.set_int_custom_property("version", info.version)
        examples.set_string_custom_property("digest", info.digest)
        if exec_properties["content"]:
            examples.set_string_custom_property("content", exec_properties["content"])
            examples.set_string_custom_property("stored_digest", stored_digest(examples.uri, fileio))
        # No file_format: TFX has no name for plain TFRecords, and goes by the files' endings.
        examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")


def _chosen(input_dict: dict[str, list[types.Artifact]]) -> FoundSpan | None:
    """The span that the first step of the job has chosen, so that one that arrives meanwhile is not taken instead."""
    if not input_dict.get("start"):
        return None
    start = artifact_utils.get_single_instance(input_dict["start"])
    return FoundSpan(
        start.get_int_custom_property("span"),
        start.get_int_custom_property("version"),
        start.get_string_custom_property("directory"),
    )
