"""A data set as TFX Examples."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.experimental import simple_artifacts

from ratchet.components.example_gen import executor
from ratchet.components.example_gen.settings import ReadingSettings
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.data.exif import Exif


class DetectionExampleGenSpec(ComponentSpec):
    """`examples` carries the custom properties span, version and digest; `dataset.json` lies beside its splits.

    With a `content` it carries that, and `stored_digest` of its files.
    """

    PARAMETERS = {
        "directory": ExecutionParameter(type=str),
        "is_span_base": ExecutionParameter(type=int),
        "span": ExecutionParameter(type=int),
        "eval_fraction": ExecutionParameter(type=float),
        "held_out_fraction": ExecutionParameter(type=float),
        "group_by": ExecutionParameter(type=str),
        "schema_file": ExecutionParameter(type=str),
        "reading": ExecutionParameter(type=str),
        "exif": ExecutionParameter(type=str),
        "content": ExecutionParameter(type=str),
    }
    INPUTS = {"start": ChannelParameter(type=simple_artifacts.File, optional=True)}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class DetectionExampleGen(base_beam_component.BaseBeamComponent):
    """Reads a data set in any format into the splits `train`, `eval` and `held_out`.

    It finds the span itself, when it runs, because open-source Kubeflow does not resolve TFX's
    `{SPAN}` patterns. Make one with `of_span` or `of_golden_set`.
    """

    SPEC_CLASS = DetectionExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        directory: str | RuntimeParameter,
        is_span_base: bool,
        span: int | RuntimeParameter,
        eval_fraction: float,
        held_out_fraction: float,
        group_by: str,
        schema_file: str,
        reading: ReadingSettings,
        exif: Exif,
        content: str = "",
        start: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            DetectionExampleGenSpec(
                directory=directory,
                is_span_base=int(is_span_base),
                span=span,
                eval_fraction=eval_fraction,
                held_out_fraction=held_out_fraction,
                group_by=group_by,
                schema_file=schema_file,
                reading=settings_io.to_json(reading),
                exif=exif,
                content=content,
                start=start,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )

    @classmethod
    def of_span(
        cls,
        base_directory: str | RuntimeParameter,
        span: int | RuntimeParameter,
        eval_fraction: float,
        held_out_fraction: float,
        group_by: str | None,
        schema_file: str,
        reading: ReadingSettings,
        exif: Exif,
        start: types.BaseChannel | None = None,
    ) -> DetectionExampleGen:
        """Reads the newest version of `span-N` below a directory.

        Args:
            base_directory: holds the `span-N` directories.
            span: N; 0 for the newest there is when the step runs.
            eval_fraction: share of images, 0..1, for validation.
            held_out_fraction: share of images, 0..1, that nothing is chosen by.
            group_by: attribute of images, the same value of which stays in one split; None: none.
            schema_file: the curated schema.
            reading: how a span is to be read.
            exif: what is done about images whose EXIF orientation is not 1.
            start: artifact whose custom properties `span`, `version` and `directory` say which was chosen before.
        """
        return cls(
            *(base_directory, True, span, eval_fraction, held_out_fraction, group_by or "", schema_file, reading, exif),
            start=start,
        )

    @classmethod
    def of_golden_set(
        cls,
        directory: str | RuntimeParameter,
        schema_file: str,
        reading: ReadingSettings,
        exif: Exif,
        content: str = "",
    ) -> DetectionExampleGen:
        """Reads the golden set; all of it is for evaluation.

        Args:
            directory: where it is.
            schema_file: the curated schema.
            reading: how it is to be read.
            exif: what is done about images whose EXIF orientation is not 1.
            content: `content.cache_key` of it: part of TFX's cache key, which knows neither data nor code; empty where
                that is not known, then the step must not be cached.
        """
        return cls(directory, False, 0, 1.0, 0.0, "", schema_file, reading, exif, content)
