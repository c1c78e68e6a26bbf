"""The golden set is stored once, and whatever happens to it, the same command stores it again."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.pipeline.root.ml_metadata import open_store, relocate
from ratchet.pipeline.run.golden_cache import drop_damaged
from tests.builders import write_span


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_span(tmp_path_factory.mktemp("data") / "golden")


@pytest.fixture(scope="module")
def stored(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which the golden set was stored by a run; only that step ran."""
    root = tmp_path_factory.mktemp("stored")
    run_golden_step(root, golden, "first", "content")
    return root


@pytest.fixture
def root(stored: Path, tmp_path: Path) -> Path:
    """Another such root, for one test; its ML Metadata names its own files."""
    root = tmp_path / "root"
    shutil.copytree(stored, root)
    relocate(root, str(stored))
    return root


def run_golden_step(root: Path, golden: Path, run_id: str, content: str) -> None:
    from ratchet.pipeline.config.pipeline_settings import load_config
    from ratchet.pipeline.run import runner

    compiled = runner.compile_run(
        load_config("digits"), str(root), str(root), str(golden), 1, True, run_id, "", content
    )
    nodes = [node for node in compiled.pipeline.ir.nodes if node.pipeline_node.node_info.id == "GoldenExampleGen"]
    del compiled.pipeline.ir.nodes[:]
    compiled.pipeline.ir.nodes.extend(nodes)
    runner.execute(compiled)


def artifacts(root: Path) -> list[Path]:
    return sorted((root / "artifacts" / "GoldenExampleGen" / "examples").iterdir(), key=lambda path: int(path.name))


def used_by(root: Path, run_id: str) -> Path:
    """The golden set that a run has, as ML Metadata knows it."""
    store = open_store(root)
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    assert context is not None
    [artifact] = store.get_artifacts_by_context(context.id)
    return Path(artifact.uri)


def tfrecord(directory: Path) -> Path:
    [file] = (directory / "Split-eval").iterdir()
    return file


@pytest.mark.tensorflow
def test_a_second_run_takes_what_the_first_has_stored(root: Path, golden: Path) -> None:
    [stored] = artifacts(root)
    run_golden_step(root, golden, "second", "content")
    assert artifacts(root) == [stored] == [used_by(root, "second")]


@pytest.mark.tensorflow
@pytest.mark.parametrize("content", ["another", ""])
def test_another_content_or_an_unknown_one_is_stored_anew(root: Path, golden: Path, content: str) -> None:
    run_golden_step(root, golden, "second", content)
    assert artifacts(root)[1:] == [used_by(root, "second")]


def _alter(directory: Path) -> None:
    file = tfrecord(directory)
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def _prune(directory: Path) -> None:
    store = open_store(directory.parents[3])
    [artifact] = store.get_artifacts_by_uri(str(directory))
    shutil.rmtree(directory)
    artifact.state = mlmd.Artifact.DELETED
    store.put_artifacts([artifact])


DAMAGES: list[Callable[[Path], None]] = [
    shutil.rmtree,
    _prune,
    _alter,
    lambda directory: tfrecord(directory).unlink(),
    lambda directory: (directory / "dataset.json").unlink(),
]


@pytest.mark.tensorflow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_stored_golden_set_that_is_gone_or_damaged_is_stored_anew_by_the_next_run(
    root: Path, golden: Path, damage: Callable[[Path], None]
) -> None:
    [first] = artifacts(root)
    whole = tfrecord(first).read_bytes()
    damage(first)
    run_golden_step(root, golden, "second", "content")
    again = used_by(root, "second")
    assert again != first
    assert tfrecord(again).read_bytes() == whole
    run_golden_step(root, golden, "third", "content")
    assert used_by(root, "third") == again


@pytest.mark.tensorflow
def test_what_is_whole_or_of_another_content_is_left_alone(root: Path) -> None:
    assert drop_damaged(root, "content") == 0
    _alter(artifacts(root)[0])
    assert [drop_damaged(root, content) for content in ("another", "content", "content")] == [0, 1, 0]


def test_before_the_first_run_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert drop_damaged(tmp_path, "content") == 0
