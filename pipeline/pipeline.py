"""The graph, in the order in which data flows; the same steps on every runner."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from google.protobuf import message
from tfx import types
from tfx.components import Pusher
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2

from ratchet.components.data_gate.component import DataGate
from ratchet.components.diagnosis.component import Diagnosis
from ratchet.components.example_gen.component import DetectionExampleGen
from ratchet.components.map_evaluator.component import MapEvaluator
from ratchet.components.registry.component import BaselineReader
from ratchet.components.registry.executor import PusherExecutor
from ratchet.components.review.component import Review
from ratchet.components.stack.beam_executors import StatisticsGen
from ratchet.components.trainer.component import DetectorTrainer
from ratchet.components.vertex_registry.component import VertexRegistry
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.diagnosis import REJECTION_DIAGNOSIS_STEP
from ratchet.schemas.artifacts.review import REJECTION_STEP
from ratchet.schemas.base.settings import to_json
from ratchet.schemas.data.dataset import EVAL_SPLIT, GOLDEN_STEP, HELD_OUT_SPLIT

Text = str | RuntimeParameter
Number = int | RuntimeParameter


@dataclass(frozen=True)
class Locations:
    """Where a pipeline reads and writes.

    Attributes:
        root: the pipeline root, with everything below.
        artifacts: everything TFX writes.
        data: directory of the `span-N` directories.
        golden: the golden set; on Kubeflow a parameter of the job, as `data` is.
        registry: pointer files of what is served.
        serving: directory that TensorFlow Serving watches.
        schema_file: the curated schema, as the machine that runs the steps sees it.
    """

    root: str
    artifacts: str
    data: Text
    golden: Text
    registry: str
    serving: str
    schema_file: str

    @classmethod
    def under(cls, root: str, data: Text, golden: Text, name: str, schema_file: str) -> Locations:
        """The usual layout below one root."""
        return cls(root, f"{root}/artifacts", data, golden, f"{root}/registry", f"{root}/serving/{name}", schema_file)


@dataclass(frozen=True)
class Wanted:
    """What is asked of one run; on Kubeflow parameters of the job.

    Attributes:
        span: the span to train on; 0 for the newest there is when the pipeline runs.
        bootstrap: whether this run may train a first model.
        accept_new_golden: whether the golden set may be another than the one the baseline was accepted on.
        command: what a person gave to start this run, for the page at its end.
        golden_content: what the stored golden set depends on; empty on runners whose machine cannot see it.
        start: of a first step that has chosen the span; None where the caller has.
    """

    span: Number
    bootstrap: Number
    accept_new_golden: Number
    command: str = ""
    golden_content: str = ""
    start: types.BaseChannel | None = None


def create_pipeline(
    settings: PipelineSettings,
    locations: Locations,
    wanted: Wanted,
    metadata_connection_config: message.Message | None = None,
) -> Pipeline:
    """Builds the pipeline of one run.

    Args:
        settings: what the steps are told.
        locations: where they read and write.
        wanted: what is asked of the run.
        metadata_connection_config: the ML Metadata store, on runners that do not bring their own.
    """
    return pipeline_of(create_steps(settings, locations, wanted), settings, locations, metadata_connection_config)


def pipeline_of(
    steps: list[BaseNode],
    settings: PipelineSettings,
    locations: Locations,
    metadata_connection_config: message.Message | None = None,
) -> Pipeline:
    """Puts steps together; see `create_pipeline`."""
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=locations.artifacts,
        components=steps,
        # TFX's cache key leaves the code of our executors out, so a cached step could be a stale one. The golden set's
        # has it in `golden_content`; pipeline/run/runner.py lets that step alone be cached.
        enable_cache=False,
        beam_pipeline_args=list(settings.beam.step_args),
        metadata_connection_config=metadata_connection_config,
    )


def create_steps(settings: PipelineSettings, at: Locations, wanted: Wanted) -> list[BaseNode]:
    """The steps, in the order in which data flows.

    Args:
        settings: what the steps are told.
        at: where they read and write.
        wanted: what is asked of the run.
    """
    examples = DetectionExampleGen.of_span(
        at.data,
        wanted.span,
        settings.data.eval_fraction,
        settings.data.held_out_fraction,
        settings.data.group_by,
        at.schema_file,
        settings.data.reading,
        settings.data.exif,
        wanted.start,
    )
    golden = DetectionExampleGen.of_golden_set(
        *(at.golden, at.schema_file, settings.data.golden_reading, settings.data.exif, wanted.golden_content)
    ).with_id(GOLDEN_STEP)
    opinion = settings.evaluator.second_opinion
    training = settings.trainer.training
    replays = training.run_fn is None and training.retrain.replay > 0  # another trainer takes what is still there
    pushes_ago = opinion.pushes_ago if opinion else 0
    baseline = BaselineReader(at.registry, at.serving, wanted.bootstrap, pushes_ago, replays, at.artifacts)

    schema = ImportSchemaGen(schema_file=at.schema_file)
    statistics = StatisticsGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        stats_options=tfdv.StatsOptions(experimental_filter_read_paths=True),  # leaves the image bytes unread
        exclude_splits=[EVAL_SPLIT, HELD_OUT_SPLIT],  # a small span may have nothing in it
    )
    gate = DataGate(
        examples=examples.outputs["examples"],
        golden=golden.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        baseline=baseline.outputs["baseline"],
        settings=settings.data_gate,
        copies=settings.data.copies,
        accept_new_golden=wanted.accept_new_golden,
        artifacts=at.artifacts,
    )
    known = {
        "decision": gate.outputs["decision"],
        "examples": examples.outputs["examples"],
        "golden": golden.outputs["examples"],
        "baseline": baseline.outputs["baseline"],
        "pipeline": settings.name,
        "root": at.root,
        "command": wanted.command,
    }
    with Cond(gate.outputs["passage"].future()[0].custom_property("passed") == 0):
        rejection_diagnosis = Diagnosis(
            decision=gate.outputs["decision"], baseline=baseline.outputs["baseline"]
        ).with_id(REJECTION_DIAGNOSIS_STEP)
        rejection = Review(**known, diagnosis=rejection_diagnosis.outputs["diagnosis"]).with_id(REJECTION_STEP)
    with Cond(gate.outputs["passage"].future()[0].custom_property("passed") == 1):
        trainer = DetectorTrainer(
            examples=examples.outputs["examples"],
            statistics=statistics.outputs["statistics"],
            baseline=baseline.outputs["baseline"],
            settings=settings.trainer,
            artifacts=at.artifacts,
        )
        evaluator = MapEvaluator(
            golden=golden.outputs["examples"],
            examples=examples.outputs["examples"],
            model=trainer.outputs["model"],
            baseline=baseline.outputs["baseline"],
            settings=settings.evaluator,
            copies=settings.data.copies,
            accept_new_golden=wanted.accept_new_golden,
            artifacts=at.artifacts,
        )
        diagnosis = Diagnosis(
            decision=gate.outputs["decision"],
            baseline=baseline.outputs["baseline"],
            model=trainer.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
        )
        pusher = Pusher(
            model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            push_destination=pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=at.serving)
            ),
            custom_config={"registry": at.registry, **_after_push(settings)},
            custom_executor_spec=ExecutorClassSpec(PusherExecutor),
        )
        registration = None
        if settings.vertex_registry.project is not None:
            registration = VertexRegistry(
                pusher.outputs["pushed_model"], settings.vertex_registry, settings.name, at.registry, at.serving
            )
        review = Review(
            **known,
            diagnosis=diagnosis.outputs["diagnosis"],
            model=trainer.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
            pushed_model=pusher.outputs["pushed_model"],
            registration=registration.outputs["registration"] if registration else None,
        )
    return [
        examples, golden, baseline, schema, statistics, gate, rejection_diagnosis, rejection,
        trainer, evaluator, diagnosis, pusher, *([registration] if registration else []), review,
    ]  # fmt: skip


def _after_push(settings: PipelineSettings) -> dict[str, str]:
    """What the Pusher is told of the server that is to serve the model; nothing where it has nothing to do with it."""
    if settings.serving.status_url is None and settings.serving.model_config is None:
        return {}
    return {"name": settings.name, "serving": to_json(settings.serving)}
