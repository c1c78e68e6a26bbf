"""How TFX compiles a pipeline and runs it on this machine, below its documented LocalDagRunner."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from absl import logging
from ml_metadata.errors import UnimplementedError
from ml_metadata.metadata_store.metadata_store import ListOptions, MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.input_resolution import channel_resolver
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2

from ratchet.components.stack.mlmd_client import open_client


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
        with _executions_asked_for():
            connection = _connection(self.ir)
            if isinstance(connection, mlmd.ConnectionConfig) and connection.HasField("postgresql"):
                _run_on_postgresql(self.ir, connection)
            else:
                LocalDagRunner().run_with_ir(self.ir)


class _Metadata(metadata.Metadata):
    """TFX's own opens a client that PostgreSQL refuses most texts of: mlmd_client.py."""

    def __enter__(self) -> _Metadata:
        self._store = open_client(self.connection_config)
        self._users += 1
        return self


def _connection(ir: pipeline_pb2.Pipeline) -> Any:
    config = runner_utils.extract_local_deployment_config(ir).metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))


def _run_on_postgresql(ir: pipeline_pb2.Pipeline, connection: mlmd.ConnectionConfig) -> None:
    """As LocalDagRunner does (TFX 1.16), which lets nobody choose the client."""
    deployment = runner_utils.extract_local_deployment_config(ir)
    for node in ir.nodes:
        step = node.pipeline_node
        name = step.node_info.id
        logging.info("Component %s is running.", name)
        launcher.Launcher(
            pipeline_node=step,
            mlmd_connection=_Metadata(connection),
            pipeline_info=ir.pipeline_info,
            pipeline_runtime_spec=ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, name),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
        ).launch()
        logging.info("Component %s is finished.", name)


@contextlib.contextmanager
def _executions_asked_for() -> Iterator[None]:
    """Lets TFX ask ML Metadata for the executions that are in all of some contexts, and for no others.

    Its resolver of inputs would fetch all that the pipeline ever had, for each input of each step, and cut: after a
    thousand runs ten thousand executions forty times; so would its launcher where ML Metadata cannot filter. Where a
    version of TFX does it otherwise, nothing is changed.
    """
    with contextlib.ExitStack() as stack:
        for module, name, ask in (
            (channel_resolver, "_get_executions_by_all_contexts", _executions_in_all),
            (execution_lib, "get_executions_associated_with_all_contexts", _executions_of_handle),
        ):
            whole = getattr(module, name, None)
            if whole is not None:
                setattr(module, name, ask)
                stack.callback(setattr, module, name, whole)
        yield


def _executions_of_handle(metadata_handle: Any, contexts: Iterable[mlmd.Context]) -> list[mlmd.Execution]:
    return _executions_in_all(metadata_handle.store, list(contexts))


def _executions_in_all(store: MetadataStore, contexts: Sequence[mlmd.Context]) -> list[mlmd.Execution]:
    if not contexts:
        return []
    query = " AND ".join(f"contexts_{place}.id = {context.id}" for place, context in enumerate(contexts))
    try:
        found = store.get_executions(list_options=ListOptions(filter_query=query))
    except UnimplementedError:  # ML Metadata 1.21 has no filters any more
        found = _executions_unfiltered(store, contexts)
    return sorted(found, key=lambda execution: execution.id)


def _executions_unfiltered(store: MetadataStore, contexts: Sequence[mlmd.Context]) -> list[mlmd.Execution]:
    """Where one of the contexts is a run, which has as many executions as there are steps, nothing else is fetched."""
    run = next((one for one in contexts if one.type == constants.PIPELINE_RUN_CONTEXT_TYPE_NAME), None)
    if run is not None:
        wanted = {one.id for one in contexts}
        found = store.get_executions_by_context(run.id)
        return [one for one in found if wanted <= {each.id for each in store.get_contexts_by_execution(one.id)}]
    first, *others = ({one.id: one for one in store.get_executions_by_context(each.id)} for each in contexts)
    return [one for number, one in first.items() if all(number in other for other in others)]


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
