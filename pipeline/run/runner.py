"""TFX's LocalDagRunner, started with a run id of ours and questioned afterwards.

Importing this module starts TensorFlow and TFX.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ratchet.components.stack import environment

environment.prepare()

import absl.logging
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

from ratchet.components.detector.serving_check import started_early
from ratchet.components.stack.tfx_runs import CompiledPipeline, compile_pipeline
from ratchet.components.trainer.devices import check_device
from ratchet.components.trainer.model.features import check_model
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.pipeline import Locations, Wanted, create_pipeline
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to, read_run
from ratchet.pipeline.root.ml_metadata_sync import OverrideStore
from ratchet.pipeline.root.step_result import StepResult
from ratchet.pipeline.run.golden_cache import drop_damaged
from ratchet.pipeline.run.preflight import schema_file
from ratchet.schemas.artifacts.diagnosis import REJECTION_DIAGNOSIS_STEP
from ratchet.schemas.artifacts.review import REJECTION_STEP
from ratchet.schemas.data.dataset import GOLDEN_STEP


@dataclass(frozen=True)
class CompiledRun:
    """A pipeline ready to run.

    Attributes:
        pipeline: TFX's compiled form.
        connection: its ML Metadata store.
        run_name: what the run is called in there.
        steps: node ids in the order they run.
        behind_the_gate: those that run only when the data gate lets them.
        if_rejected: those that run only when it does not.
    """

    pipeline: CompiledPipeline
    connection: ConnectionConfig
    run_name: str
    steps: tuple[str, ...]
    behind_the_gate: frozenset[str]
    if_rejected: frozenset[str]


def check_first_model(settings: PipelineSettings) -> None:
    """Whether tf-models can build the model, which only TensorFlow knows; a retraining's has been built before.

    Raises:
        ConfigError: it cannot.
    """
    check_model(settings.model)


def check_trainer_device(settings: PipelineSettings) -> None:
    """Whether this machine, on which all steps run, has the device that the training insists on.

    Raises:
        ConfigError: it has not.
    """
    check_device(settings.training.require_device)


def compile_run(
    settings: PipelineSettings,
    root: str,
    data: str,
    golden: str,
    span: int,
    bootstrap: bool,
    run_id: str,
    command: str,
    golden_content: str = "",
    working_copy: str | None = None,
) -> CompiledRun:
    """Compiles the pipeline for one run; a run id that was used before resumes that run.

    Args:
        settings: what the steps are told.
        root: absolute path of the pipeline root, or its URI.
        data: directory of the `span-N` directories.
        golden: the golden set.
        span: the span to train on.
        bootstrap: whether this run may train a first model.
        run_id: names the run.
        command: what a person gave to start it.
        golden_content: `cache_key` of the golden set: a run whose is the same takes what an earlier one has stored;
            empty: it is stored again.
        working_copy: of a root in an object store, which holds the ML Metadata store; None: the root does.
    """
    here = Path(working_copy or root)
    store, connection = store_of(here), connection_to(here)
    golden_content = golden_content and store.run_name(golden_content)  # never what another root has stored
    locations = Locations.under(root, data, golden, settings.name, schema_file(settings))
    wanted = Wanted(
        span, int(bootstrap), int(settings.data_gate.accept_new_golden), command=command, golden_content=golden_content
    )
    pipeline = create_pipeline(settings, locations, wanted, connection)
    if golden_content:
        drop_damaged(here, golden_content)
    compiled = compile_pipeline(pipeline, store.run_name(run_id), cached=[GOLDEN_STEP] if golden_content else [])
    rejection = frozenset([REJECTION_DIAGNOSIS_STEP, REJECTION_STEP])
    conditional = compiled.conditional - rejection
    return CompiledRun(compiled, connection, store.run_name(run_id), compiled.steps, conditional, rejection)


def execute(compiled: CompiledRun) -> None:
    """Runs the steps; an exception of a step comes out as it is."""
    absl.logging.set_verbosity(absl.logging.INFO)
    with started_early():  # the check of what is to be served: by the evaluator, for many runs end before it
        compiled.pipeline.run()


def results(compiled: CompiledRun, run_id: str) -> dict[str, StepResult]:
    """How the steps of a run ended, by node id."""
    return read_run(compiled.connection, compiled.run_name)


def unbless(root: Path, run_id: str) -> None:
    """Takes back the evaluator's blessing of a candidate that was kept out of service after it."""
    OverrideStore(root).unbless(run_id)
