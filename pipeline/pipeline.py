"""The graph, in the order in which data flows; the same steps on every runner."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from google.protobuf import message
from tfx.components import Pusher, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2

from ratchet.components.data_gate.component import DataGate
from ratchet.components.diagnosis.component import Diagnosis
from ratchet.components.example_gen.component import DetectionExampleGen
from ratchet.components.map_evaluator.component import MapEvaluator
from ratchet.components.registry.component import BaselineReader
from ratchet.components.registry.executor import PusherExecutor
from ratchet.components.review.component import Review
from ratchet.components.trainer.component import DetectorTrainer
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.diagnosis import REJECTION_DIAGNOSIS_STEP
from ratchet.schemas.artifacts.review import REJECTION_STEP
from ratchet.schemas.data.dataset import EVAL_SPLIT, GOLDEN_STEP, HELD_OUT_SPLIT


@dataclass(frozen=True)
class Locations:
    """Where a pipeline reads and writes.

    Attributes:
        root: the pipeline root, with everything below.
        artifacts: everything TFX writes.
        data: directory of the `span-N` directories.
        golden: the golden set.
        registry: pointer files of what is served.
        serving: directory that TensorFlow Serving watches.
        schema_file: the curated schema, as the machine that runs the steps sees it.
    """

    root: str
    artifacts: str
    data: str
    golden: str
    registry: str
    serving: str
    schema_file: str

    @classmethod
    def under(cls, root: str, data: str, golden: str, name: str, schema_file: str) -> Locations:
        """The usual layout below one root."""
        return cls(root, f"{root}/artifacts", data, golden, f"{root}/registry", f"{root}/serving/{name}", schema_file)


def create_pipeline(
    settings: PipelineSettings,
    locations: Locations,
    span: int | None,
    bootstrap: bool,
    metadata_connection_config: message.Message | None = None,
    command: str = "",
    golden_content: str = "",
) -> Pipeline:
    """Builds the pipeline.

    Args:
        settings: what the steps are told.
        locations: where they read and write.
        span: the span to train on; None for the newest there is when the pipeline runs.
        bootstrap: whether this run may train a first model.
        metadata_connection_config: the ML Metadata store, on runners that do not bring their own.
        command: what a person gave to start this run, for the page at its end.
        golden_content: what the stored golden set depends on; empty on runners whose machine cannot see it.
    """
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=locations.artifacts,
        components=_steps(settings, locations, span, bootstrap, command, golden_content),
        # TFX's cache key leaves the code of our executors out, so a cached step could be a stale one. The golden set's
        # has it in `golden_content`; pipeline/run/runner.py lets that step alone be cached.
        enable_cache=False,
        beam_pipeline_args=list(settings.beam_args),
        metadata_connection_config=metadata_connection_config,
    )


def _steps(
    settings: PipelineSettings, at: Locations, span: int | None, bootstrap: bool, command: str, golden_content: str
) -> list[BaseNode]:
    examples = DetectionExampleGen.of_span(
        at.data,
        span,
        settings.data.eval_fraction,
        settings.data.held_out_fraction,
        settings.data.group_by,
        at.schema_file,
    )
    golden = DetectionExampleGen.of_golden_set(at.golden, at.schema_file, golden_content).with_id(GOLDEN_STEP)
    opinion = settings.evaluator.second_opinion
    baseline = BaselineReader(at.registry, at.serving, bootstrap, opinion.pushes_ago if opinion else 0)

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
    )
    known = {
        "decision": gate.outputs["decision"],
        "examples": examples.outputs["examples"],
        "golden": golden.outputs["examples"],
        "baseline": baseline.outputs["baseline"],
        "pipeline": settings.name,
        "root": at.root,
        "command": command,
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
            accept_new_golden=settings.data_gate.accept_new_golden,
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
            custom_config={"registry": at.registry},
            custom_executor_spec=ExecutorClassSpec(PusherExecutor),
        )
        review = Review(
            **known,
            diagnosis=diagnosis.outputs["diagnosis"],
            model=trainer.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
            pushed_model=pusher.outputs["pushed_model"],
        )
    return [
        examples, golden, baseline, schema, statistics, gate, rejection_diagnosis, rejection,
        trainer, evaluator, diagnosis, pusher, review,
    ]  # fmt: skip
