"""How TFX compiles a pipeline and runs it on this machine, below its documented LocalDagRunner."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2


@dataclass(frozen=True)
class CompiledPipeline:
    """A pipeline that was compiled for one run.

    Attributes:
        ir: TFX's compiled form.
    """

    ir: pipeline_pb2.Pipeline

    @property
    def steps(self) -> tuple[str, ...]:
        """Node ids in the order they run."""
        return tuple(node.pipeline_node.node_info.id for node in self.ir.nodes)

    @property
    def conditional(self) -> frozenset[str]:
        """Node ids of the steps that run only under a condition."""
        nodes = [node.pipeline_node for node in self.ir.nodes]
        return frozenset(node.node_info.id for node in nodes if node.inputs.conditionals)

    def run(self) -> None:
        """Runs the steps; an exception of a step comes out as it is."""
        LocalDagRunner().run_with_ir(self.ir)


def compile_pipeline(pipeline: Pipeline, run_id: str, cached: Collection[str] = ()) -> CompiledPipeline:
    """Compiles a pipeline for one run; LocalDagRunner would name the run after the clock.

    Args:
        pipeline: with a metadata connection.
        run_id: names the run; one that was used before resumes that run.
        cached: node ids of the steps that TFX may take from an earlier run, whatever the pipeline says of the others.
    """
    ir = compiler.Compiler().compile(pipeline)
    for node in ir.nodes:
        if node.pipeline_node.node_info.id in cached:
            node.pipeline_node.execution_options.caching_options.enable_cache = True
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    return CompiledPipeline(ir)
