"""Steps that use Beam, watched: a base of our executors, and TFX's own StatisticsGen."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components import StatisticsGen as TfxStatisticsGen
from tfx.components.statistics_gen import executor as tfx_statistics
from tfx.dsl.components.base import base_beam_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from ratchet.components.stack.beam_limits import parted, with_limit
from ratchet.components.stack.beam_options import options_of
from ratchet.components.stack.beam_pipelines import WatchedPipeline
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, split_directory

if TYPE_CHECKING:
    _Base = base_beam_executor.BaseBeamExecutor
else:
    _Base = object


class WatchedBeam(_Base):
    """Beside TFX's executor as a base: its Beam pipelines are watched and have the time limit of the settings."""

    STEP = ""  # its name on runners that do not tell it

    def __init__(self, context: Any = None) -> None:
        args = list((context and context.beam_pipeline_args) or [])
        own, limit = parted(args)
        if context is not None and not _is_elsewhere(own):
            # TFX would build a package of itself for workers on other machines, which takes seconds a step.
            context.beam_pipeline_args = []
            super().__init__(context)
            self._beam_pipeline_args = args
            return
        if context is not None:
            context.beam_pipeline_args = own
        super().__init__(context)
        self._beam_pipeline_args = with_limit(self._beam_pipeline_args, limit)

    def _make_beam_pipeline(self) -> Any:
        return WatchedPipeline(self._beam_pipeline_args, _name_of(self))


class StatisticsExecutor(WatchedBeam, tfx_statistics.Executor):
    """TFX's, watched, and with features in one order: TFDV's hangs on which worker was done first."""

    STEP = "StatisticsGen"

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        for examples in input_dict["examples"]:
            _check_alone(examples)
        super().Do(input_dict, output_dict, exec_properties)
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        for split in artifact_utils.decode_split_names(statistics.split_names):
            [directory] = artifact_utils.get_split_uris([statistics], split)
            path = f"{directory}/{tfx_statistics.DEFAULT_FILE_NAME}"
            with fileio.open(path, "rb") as file:
                ordered = in_order(file.read())
            with fileio.open(path, "wb") as file:
                file.write(ordered)


def _check_alone(examples: types.Artifact) -> None:
    """TFX takes everything in a split's directory for TFRecord files of the data set."""
    stored = ExamplesArtifact.open(examples.uri, fileio)
    for split in artifact_utils.decode_split_names(examples.split_names):
        beside = stored.strangers(split)
        if beside:
            raise StateError(
                f"{split_directory(stored.uri, split)}: holds what ExampleGen did not write: "
                f"{', '.join(beside[:3])}; delete it, and run again"
            )


def in_order(serialized: bytes) -> bytes:
    """TFDV's statistics with the features of each data set in the order of their names."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized)
    for data_set in statistics.datasets:
        data_set.features.sort(key=lambda feature: tuple(feature.path.step))
    return statistics.SerializeToString(deterministic=True)


class StatisticsGen(TfxStatisticsGen):
    """TFX's, watched."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StatisticsExecutor)


def _is_elsewhere(args: list[str]) -> bool:
    """Whether the workers may lack what is installed here."""
    options = options_of(args)
    return options.runner is not None and "direct" not in options.runner.lower()


def _name_of(executor: WatchedBeam) -> str:
    """The step's id in the pipeline; on a cluster, which does not tell it, the name of what it is."""
    node = executor._context and executor._context.pipeline_node
    return node.node_info.id if node else (executor.STEP or type(executor).__name__)
