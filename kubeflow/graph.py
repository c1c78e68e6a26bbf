"""The pipeline as a job: that of one machine, between a step that begins a run and one that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as tfx_runner
from tfx.orchestration.pipeline import Pipeline

from ratchet.kubeflow.step.components import RunEnd, RunStart
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.pipeline import Locations, Wanted, create_steps, pipeline_of


@dataclass(frozen=True)
class Graph:
    """What TFX compiles.

    Attributes:
        pipeline: all steps but the last.
        last: the exit handler.
    """

    pipeline: Pipeline
    last: BaseNode


def create_graph(settings: PipelineSettings, root: str, schema_file: str) -> Graph:
    """Builds the job's pipeline; what differs from run to run are parameters of the job.

    Args:
        settings: what the steps are told.
        root: pipeline root.
        schema_file: the curated schema, as the containers see it.
    """
    asked = {
        "data": RuntimeParameter("data", str),
        "golden": RuntimeParameter("golden", str),
        "span": RuntimeParameter("span", int),
        "bootstrap": RuntimeParameter("bootstrap", int),
        "accept_new_golden": RuntimeParameter("accept_new_golden", int),
    }
    at = Locations.under(root, asked["data"], asked["golden"], settings.name, schema_file)
    places = {"root": at.root, "registry": at.registry, "serving": at.serving, "schema_file": schema_file}
    start = RunStart(places, asked, settings)
    with Cond(start.outputs["passage"].future()[0].custom_property("new") == 1):
        wanted = Wanted(asked["span"], asked["bootstrap"], asked["accept_new_golden"], start=start.outputs["start"])
        steps = create_steps(settings, at, wanted)
    return Graph(pipeline_of([start, *steps], settings, at), RunEnd(root, settings))


def compiled(graph: Graph, name: str, image: str) -> dict[str, Any]:
    """The PipelineJob that TFX's compiler makes of a graph.

    Args:
        graph: what to compile.
        name: for people.
        image: container image of all steps.
    """
    config = tfx_runner.KubeflowV2DagRunnerConfig(default_image=image, display_name=name, use_pipeline_spec_2_1=True)
    runner = tfx_runner.KubeflowV2DagRunner(config)
    runner.set_exit_handler(graph.last)
    return runner.run(graph.pipeline, write_out=False)
