"""Beam's options are checked before a run starts, and what a job for Dataflow would be is known without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.schemas.base.errors import ConfigError
from tests.beam.steps import CATEGORIES, CLASSES, tiny_span

pytestmark = pytest.mark.tensorflow
IMAGE = "registry.example/ratchet:1"
DATAFLOW = [
    "--runner=DataflowRunner",
    "--project=p",
    "--region=europe-west1",
    "--temp_location=gs://bucket/tmp",
    "--max_num_workers=20",
]
LIMIT_BYTES = 10_000_000  # of a job's graph, on Dataflow


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--direct_num_wrkers=2"], r"is no option of Beam; did you mean --direct_num_workers\?"),
        (["--direct_running_mode multi_processing"], "option and value are one text with `=` between, or two texts"),
        (["--direct_running_mode=many"], "invalid choice: 'many'"),
        (["--runner=Flnk"], r"Beam has no such runner; did you mean Flink\?"),
        (["--checkpointing_interval=9"], "belongs in beam.job_server_args"),
        (["word"], "word is no option of Beam"),
        (["--help"], "--help is no option of Beam"),
        (["--runner=PortableRunner", "--environment_type=EXTERNALL"], r"no such environment; did you mean EXTERNAL\?"),
        (["--runner=PortableRunner", "--environment_type=EXTERNAL"], "--environment_config= is no HOST:PORT"),
        (
            ["--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=localhost"],
            "--environment_config=localhost is no HOST:PORT of a worker pool",
        ),
        (
            ["--runner=PortableRunner", "--job_endpoint=localhost", "--environment_type=LOOPBACK"],
            "--job_endpoint=localhost: no HOST:PORT",
        ),
        (DATAFLOW, "give beam.setup_file or beam.sdk_container_image"),
        (["--runner=FlinkRunner", "--flink_master=h:1"], "give beam.setup_file or beam.sdk_container_image"),
        ([*DATAFLOW, "--setup_file=/nowhere/setup.py"], "beam.setup_file = /nowhere/setup.py: no such file"),
    ],
)
def test_what_beam_would_not_take_is_one_error(args: list[str], said: str) -> None:
    from ratchet.components.stack.beam_options import check_args

    with pytest.raises(ConfigError, match=said) as caught:
        check_args(args)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("args", "unchecked"),
    [
        ([], []),
        (["--direct_running_mode", "multi_processing", "--direct_num_workers=2"], []),
        ([*DATAFLOW, f"--sdk_container_image={IMAGE}"], []),
        (["--runner=flink", "--flink_master=[local]"], []),
        (["--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=h:1"], []),
        (
            [
                *("--runner=PortableRunner", "--job_endpoint=[::1]:8099", "--environment_type=EXTERNAL"),
                "--environment_option=external_service_address=h:1",
            ],
            [],
        ),
        (["--runner=PrismRunner", "--own=1"], ["--own=1"]),
    ],
)
def test_what_beam_takes_passes(args: list[str], unchecked: list[str]) -> None:
    from ratchet.components.stack.beam_options import check_args

    check_args(args, unchecked)


@pytest.fixture(scope="module")
def setup_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("package") / "setup.py"
    file.write_text("from setuptools import setup\nsetup(name='ratchet-workers', version='7', py_modules=[])\n")
    return file


def built(add: Any, args: list[str]) -> tuple[Any, list[Any]]:
    """The job as it would be sent: Beam's portable graph, and what would be staged beside it."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dataflow.internal.apiclient import get_container_image_from_options
    from apache_beam.transforms.environments import DockerEnvironment, python_sdk_dependencies

    options = PipelineOptions(args)

    class _BuiltError(Exception):
        """Instead of a run."""

    class Unrun(beam.Pipeline):
        def __exit__(self, *_: Any) -> None:
            raise _BuiltError

    # Without runner, which would ask Google for credentials.
    pipeline = Unrun(options=PipelineOptions())
    with pytest.raises(_BuiltError):
        add(pipeline)
    staged = python_sdk_dependencies(options, tmp_dir=None)
    environment = DockerEnvironment.from_container_image(get_container_image_from_options(options), artifacts=staged)
    return pipeline.to_runner_api(default_environment=environment), list(staged)


def example_gen(span: Path, out: Path) -> Any:
    from ratchet.components.example_gen.generate import GenRequest, generate

    request = GenRequest(str(span), 1, 1, False, 0.2, 0.1, None, None)
    return lambda pipeline: generate([(request, str(out))], pipeline)


def evaluator(out: Path) -> Any:
    from ratchet.components.map_evaluator.beam_evaluation import DataPart, Evaluators, add_data_set
    from ratchet.schemas.data.records import LabelMap

    files = tuple(f"gs://bucket/examples/data-{number:05}-of-02000.gz" for number in range(2000))
    evaluators = Evaluators({"candidate": "gs://bucket/model"}, LabelMap(CLASSES, CATEGORIES), (), batch_size=16)

    def add(pipeline: Any) -> None:
        with pipeline:
            add_data_set(pipeline, DataPart("golden", files, 1_000_000), evaluators, str(out), str(out / "lines"))

    return add


@pytest.mark.parametrize("step", ["example_gen", "evaluator"])
@pytest.mark.parametrize("brought", ["setup_file", "image"])
def test_a_job_for_dataflow_is_small_and_brings_this_package(
    tmp_path: Path, setup_file: Path, step: str, brought: str
) -> None:
    from ratchet.components.stack.beam_options import check_args

    option = f"--setup_file={setup_file}" if brought == "setup_file" else f"--sdk_container_image={IMAGE}"
    args = [*DATAFLOW, option]
    check_args(args)
    add = (
        evaluator(tmp_path) if step == "evaluator" else example_gen(tiny_span(tmp_path / "span", 60), tmp_path / "out")
    )
    job, staged = built(add, args)
    assert 0 < job.ByteSize() < LIMIT_BYTES
    images = [environment.payload for environment in job.components.environments.values()]
    if brought == "image":
        assert any(IMAGE.encode() in payload for payload in images)
    else:
        assert any(b"workflow.tar.gz" in artifact.role_payload for artifact in staged)
        assert any(
            b"workflow.tar.gz" in d.role_payload for e in job.components.environments.values() for d in e.dependencies
        )


def test_the_options_reach_every_step_that_uses_beam_and_each_is_watched(tmp_path: Path) -> None:
    from ratchet.components.stack.beam_executors import WatchedBeam
    from ratchet.pipeline.config.pipeline_settings import load_settings
    from ratchet.pipeline.pipeline import Locations, Wanted, create_pipeline

    settings = load_settings({"beam": {"workers": 3, "step_time_limit_minutes": 7}}, ())
    at = Locations.under(str(tmp_path), "/spans", "/golden", "detector", "/schema.pbtxt")
    steps: list[Any] = create_pipeline(settings, at, Wanted(1, 0, 0)).components
    told = {
        step.id: step.executor_spec
        for step in steps
        if tuple(getattr(step.executor_spec, "beam_pipeline_args", ())) == settings.beam.step_args
    }
    assert set(told) == {"DetectionExampleGen", "GoldenExampleGen", "StatisticsGen", "DataGate", "MapEvaluator"}
    assert all(issubclass(spec.executor_class, WatchedBeam) for spec in told.values())


def test_statistics_have_their_features_in_the_order_of_their_names() -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    from ratchet.components.stack.beam_executors import in_order

    statistics: Any = statistics_pb2.DatasetFeatureStatisticsList()  # pyright: ignore[reportAttributeAccessIssue]
    data_set = statistics.datasets.add()
    for name in ("image/width", "image/encoded", "box/class"):
        data_set.features.add().path.step.append(name)
    found = type(statistics).FromString(in_order(statistics.SerializeToString())).datasets[0].features
    assert [feature.path.step[0] for feature in found] == ["box/class", "image/encoded", "image/width"]
