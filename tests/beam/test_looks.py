"""The data gate's looks as a Beam pipeline: the same bits on every runner, and one error where something is wrong."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.beam.looks import World, make_world, save_served
from tests.beam.servers import Cluster, cluster
from tests.nightly import by_night

PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
# Beam's own threads that talked to a killed worker end with it.
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("looks"))


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def looks_of(world: World, examples: ExamplesArtifact | None = None) -> list[Any]:
    """A sample, and more images by id and name, of the span; of its validation images only what is asked for."""
    from ratchet.components.detector.kept_images import KeptImages
    from ratchet.components.detector.sampling import Look
    from ratchet.components.detector.served import load_detector

    examples = examples or world.span
    detector = load_detector("the served model", str(world.directory / "baseline" / "Format-Serving"), "")
    names = [f"{number}.jpg" for number in range(1, 91)]
    numbers = np.array([0, 2, 1])
    asked = KeptImages(image_ids=[3, 4], file_names=names[4:9], named=range(20, 40))
    sample = Look("sample", examples, (TRAIN_SPLIT,), 40, detector, 2, numbers, asked)
    embedded = Look("embedded", examples, (TRAIN_SPLIT,), 1000, detector)
    plain = Look("plain", examples, (TRAIN_SPLIT,), 20)
    rest = Look("rest", examples, (TRAIN_SPLIT, EVAL_SPLIT), 0, kept=KeptImages(file_names=names[:30]))
    return [sample, embedded, plain, rest]


def in_beam(looks: Sequence[Any], directory: Path) -> list[Any]:
    from ratchet.components.data_gate.beam_looks import BeamLooks
    from ratchet.components.stack.beam_pipelines import WatchedPipeline

    return BeamLooks(lambda: WatchedPipeline([], "Looks"), str(directory))(looks)


def in_process(looks: Sequence[Any], _: Path) -> list[Any]:
    from ratchet.components.detector.sampling import sample_images

    return [sample_images(look) for look in looks]


def content_of(look: Any, sample: Any) -> dict[str, Any]:
    """Everything that is known afterwards, by name."""
    names = [f"{number}.jpg" for number in range(1, 91)]
    found: dict[str, Any] = {
        "records": [record.file_name for record in sample.records],
        "named": look.kept.names,
        "kept": {name: look.kept[name][1] for name in names if name in look.kept},
    }
    for part in (sample.truth, sample.found):
        found |= {f"{type(part).__name__}.{key}": values for key, values in vars(part).items()}
    features = dataclasses.asdict(sample.sample)
    found |= {f"{kind}.{key}": values for kind in ("images", "objects") for key, values in features.pop(kind).items()}
    return found | features


def test_beam_sees_the_same_bits_as_this_process(world: World, tmp_path: Path) -> None:
    assert len(world.span.record_files(TRAIN_SPLIT)) == 2
    here, there = looks_of(world), looks_of(world)
    pairs = zip(zip(here, in_process(here, tmp_path)), zip(there, in_beam(there, tmp_path / "looks")))
    contents = [(content_of(*one), content_of(*other)) for one, other in pairs]
    for one, other in contents:
        assert one.keys() == other.keys()
        for name, values in one.items():
            if isinstance(values, np.ndarray):
                assert values.dtype == other[name].dtype, name
                assert np.array_equal(values, other[name], equal_nan=values.dtype.kind == "f"), name
            else:
                assert values == other[name], name
    sample, embedded, plain, rest = (one for one, _ in contents)
    assert len(sample["records"]) > 2 * 16  # batches of images of several files
    assert len(sample["DetectionColumns.scores"]) == 3 * len(sample["records"])
    assert embedded["embeddings"].shape[1] == 12
    assert embedded["embeddings"].std() > 0
    assert not len(plain["DetectionColumns.scores"])
    assert (rest["records"], len(rest["kept"])) == ([], 30)
    assert len(sample["named"]) > 10
    assert not (tmp_path / "looks").exists()


@pytest.mark.parametrize("looker", [in_process, in_beam])
def test_a_file_that_is_not_what_was_written_is_named_and_one_that_is_not_listed_not_read(
    world: World, tmp_path: Path, looker: Any
) -> None:
    shutil.copytree(world.span.uri, tmp_path / "span")
    stored = ExamplesArtifact.open(str(tmp_path / "span"), LOCAL_FILES)
    file, other, *_ = map(Path, stored.record_files(TRAIN_SPLIT))
    whole = file.read_bytes()
    (file.parent / "data_tfrecord-00000-of-00099").write_bytes(whole)
    (file.parent / "beam-temp-data_tfrecord-77").mkdir()
    plain = looks_of(world, stored)[2]
    [sample], [wanted] = looker([plain], tmp_path / "looks"), in_process([looks_of(world)[2]], tmp_path)
    assert [of.image_id for of in sample.records] == [of.image_id for of in wanted.records]
    for content, said in (
        (whole + other.read_bytes(), r"it holds \d+ images, but .*dataset\.json says \d+"),
        (whole[:-10], r"(it holds|cannot be read)"),
        (b"", r"it holds 0 images, but .*dataset\.json says \d+"),
        (None, r"(no such file|cannot be read \()"),
    ):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(StateError, match=rf"{file.name}: {said}.*restore it, or give the command with --anew"):
            looker([plain], tmp_path / "looks")


def test_a_model_that_returns_no_detections_is_the_same_error(world: World, tmp_path: Path) -> None:
    said = []
    for looker in (in_process, in_beam):
        sample, *_ = looks_of(world)
        with pytest.raises(StateError, match=r"the served model .*which must be within 1\.\.1") as caught:
            looker([dataclasses.replace(sample, num_classes=1)], tmp_path / "looks")
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_statistics_of_other_images_stop_the_data_gate(world: World, tmp_path: Path) -> None:
    """As of a file that lay beside those of the data set when StatisticsGen read all of them."""
    from ratchet.components.data_gate.examine import examine
    from ratchet.components.data_gate.settings import DataGateSettings
    from ratchet.schemas.artifacts.history import History
    from tests.beam.looks import gate_sources

    counted = tmp_path / "FeatureStats.pb"
    statistics = gate_sources(world, History())
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found: Any = statistics_pb2.DatasetFeatureStatisticsList  # pyright: ignore[reportAttributeAccessIssue]
    found = found.FromString(Path(statistics.statistics).read_bytes())
    found.datasets[0].num_examples += 16
    counted.write_bytes(found.SerializeToString())
    images = world.span.info.images[TRAIN_SPLIT]
    said = rf"FeatureStats\.pb: of {images + 16} images, but .*dataset\.json says {images}; .* --anew"
    with pytest.raises(StateError, match=said):
        examine(dataclasses.replace(statistics, statistics=str(counted)), DataGateSettings(), str(tmp_path / "out"))


def test_statistics_are_not_made_of_what_lies_beside_the_data_set(world: World, tmp_path: Path) -> None:
    from tests.beam.steps import run_statistics

    shutil.copytree(world.span.uri, tmp_path / "span")
    [file, *_] = map(Path, world.span.record_files(TRAIN_SPLIT))
    stale = tmp_path / "span" / "Split-train" / "data_tfrecord-00000-of-00099"
    shutil.copy(file, stale)
    with pytest.raises(StateError, match=rf"holds what ExampleGen did not write: {stale.name}; delete it"):
        run_statistics(tmp_path / "span", tmp_path / "statistics", [])
    with pytest.raises(StateError, match=rf"FeatureStats\.pb: .* {stale.name}; delete it, and run again"):
        ExamplesArtifact.open(str(tmp_path / "span"), LOCAL_FILES).check_counted(TRAIN_SPLIT, 1, "FeatureStats.pb")


@by_night
def test_the_data_gate_decides_the_same_on_every_runner(world: World, tmp_path: Path, external: Cluster) -> None:
    in_memory = world.judge(tmp_path / "in_memory", [])
    assert {"decision/decision.json", "decision/evidence.json", "decision/report.html"} <= in_memory.keys()
    assert not any("looks" in name for name in in_memory)
    for name, args in (("processes", PROCESSES), ("external", external.args)):
        assert world.judge(tmp_path / name, args) == in_memory, name


@by_night
@pytest.mark.parametrize("runner", ["processes", "external"])
def test_a_killed_worker_of_the_data_gate_ends_in_one_error(
    world: World, tmp_path: Path, external: Cluster, runner: str
) -> None:
    from ratchet.components.stack.beam_watch import WorkerDiedError, worker_processes
    from tests.beam.test_workers_die import once_begun

    model = save_served(tmp_path / "endless", world.directory, begun=tmp_path / "begun")

    def kill() -> None:
        found = external.pool_process.children() if runner == "external" else worker_processes()
        for worker in found:
            worker.kill()

    once_begun(tmp_path / "begun", kill)
    args = external.args if runner == "external" else PROCESSES
    with pytest.raises(WorkerDiedError, match=r"^DataGate: a .*worker.* died"):
        world.judge(tmp_path / "out", args, model=model)
    assert not worker_processes()


@by_night
def test_the_time_limit_of_a_step_holds_for_the_data_gate(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.components.stack.beam_watch import StepTimeError, worker_processes

    monkeypatch.setattr("ratchet.components.stack.beam_watch._MINUTE_S", 20.0)
    model = save_served(tmp_path / "endless", world.directory, begun=tmp_path / "begun")
    with pytest.raises(StepTimeError, match=r"^DataGate: .* which is beam\.step_time_limit_minutes"):
        world.judge(tmp_path / "out", [*PROCESSES, "--ratchet_step_time_limit_minutes=1"], model=model)
    assert not worker_processes()
