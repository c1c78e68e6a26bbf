"""The steps of the pipeline up to the data gate, called one after the other.

Importing this module starts TensorFlow.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

from ratchet.components.stack import environment

environment.prepare()

from tfx.dsl.io import fileio

from ratchet.components.data_gate.beam_looks import BeamLooks
from ratchet.components.data_gate.comparing import span_statistics
from ratchet.components.data_gate.examine import examine
from ratchet.components.data_gate.fact_rules import DetectorSight
from ratchet.components.data_gate.inputs import GateSources, ServedBaseline
from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.components.registry.registry import ServedModel
from ratchet.components.stack.beam_options import check_args
from ratchet.components.stack.beam_pipelines import WatchedPipeline
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import split_directory
from ratchet.schemas.data.facts import DataSetFacts
from ratchet.schemas.data.tfdv_schema import class_names, read_schema


@dataclass(frozen=True)
class CheckSteps:
    """What the steps are told.

    Attributes:
        settings: the configuration.
        directory: the data set to check.
        span: its number, or 0.
        version: of the span.
        golden: the golden set; None: there is none.
        schema_file: the curated schema.
        served: the served model; None: there is none.
        history: what was decided before.
        artifacts: the artifacts directory of the pipeline root, where the served model's training images may be.
    """

    settings: PipelineSettings
    directory: str
    span: int
    version: int
    golden: str | None
    schema_file: str
    served: ServedModel | None
    history: History
    artifacts: str | None = None


def run_steps(steps: CheckSteps, scratch: Path, out: Path) -> tuple[DataDecision, DataSetFacts]:
    """Reads the data, computes statistics, examines.

    Args:
        steps: what to do.
        scratch: directory for what is not kept.
        out: directory for the decision and its evidence.

    Returns:
        The decision, and what was counted in the span.

    Raises:
        InputError: something that the user gave cannot be used.
        StateError: the served model cannot be used.
    """
    beam = steps.settings.beam
    check_args(beam.beam_args, beam.job_server_args)
    schema = read_schema(steps.schema_file, fileio)
    data = steps.settings.data
    span = GenRequest(
        directory=steps.directory,
        span=steps.span,
        version=steps.version,
        strict=False,
        eval_fraction=data.eval_fraction,
        held_out_fraction=data.held_out_fraction,
        group_by=data.group_by,
        class_names=class_names(schema),
        reading=data.reading.reading,
        exif=data.exif,
    )
    requests = [(span, f"{scratch}/span")]
    if steps.golden is not None:
        whole = {"eval_fraction": 1.0, "held_out_fraction": 0.0, "group_by": None}
        whole["reading"] = data.golden_reading.reading
        golden = replace(span, directory=steps.golden, span=0, version=1, strict=True, **whole)
        requests.append((golden, f"{scratch}/golden"))
    LOGGER.info("reading %s", " and ".join(request.directory for request, _ in requests))
    beam_args = beam.step_args
    read, *_ = generate(requests, WatchedPipeline(beam_args, "reading"))
    LOGGER.info("computing statistics")
    statistics = span_statistics(split_directory(f"{scratch}/span", TRAIN_SPLIT) + "/*", schema, beam_args)
    (scratch / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    served, own = steps.served, steps.settings.training.run_fn
    inputs = GateSources(
        span=f"{scratch}/span",
        golden=f"{scratch}/golden" if steps.golden is not None else None,
        statistics=f"{scratch}/FeatureStats.pb",
        schema=steps.schema_file,
        baseline=ServedBaseline(served.path, served.version, served.golden_digest) if served else None,
        history=steps.history,
        sight=None if own else DetectorSight.of(dataclasses.asdict(steps.settings.model)),
        artifacts=steps.artifacts,
    )
    looker = BeamLooks(lambda: WatchedPipeline(beam_args, "looking at the images"), f"{scratch}/looks")
    decision = examine(inputs, steps.settings.data_gate, str(out), copies=steps.settings.data.copies, looker=looker)
    return decision, read.facts
