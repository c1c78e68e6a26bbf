from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from components.registry.registry import Registry
from pipeline.serving_versions import interrupted_version, next_version, publish, stage
from schemas.errors import StateError
from schemas.files import LOCAL_FILES
from schemas.model_digest import model_digest
from tests.pipeline.served_root import model_files


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return model_files(tmp_path / "source", "weights")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(str(tmp_path / "registry"), str(tmp_path / "serving"), LOCAL_FILES)


def digest(directory: Path) -> str:
    return model_digest(str(directory), LOCAL_FILES)


@pytest.mark.parametrize("link", [False, True])
def test_a_model_is_not_seen_before_it_is_whole(registry: Registry, source: Path, tmp_path: Path, link: bool) -> None:
    serving = tmp_path / "serving"
    stage(source, digest(source), serving, "7", link)
    assert registry.versions_on_disk() == []
    publish(serving, "7")
    assert registry.versions_on_disk() == ["7"]
    assert digest(serving / "7") == digest(source)
    assert [path.name for path in serving.iterdir()] == ["7"]


def test_a_copy_that_came_out_otherwise_is_removed(source: Path, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    with pytest.raises(StateError, match=r"is not the recorded other.*nothing was changed"):
        stage(source, "other", serving, "7", link=False)
    assert list(serving.iterdir()) == []


def test_what_a_killed_copy_left_is_cleared_away(source: Path, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    model_files(serving / "unfinished-6", "half")
    model_files(serving / "unfinished-7", "half")
    stage(source, digest(source), serving, "7", link=False)
    assert [path.name for path in serving.iterdir()] == ["unfinished-7"]
    assert digest(serving / "unfinished-7") == digest(source)


def test_the_next_version_is_the_time_or_one_above_the_highest(registry: Registry, tmp_path: Path) -> None:
    assert next_version(registry, 1000) == "1000"
    model_files(tmp_path / "serving" / "999", "weights")
    assert next_version(registry, 1000) == "1000"
    model_files(tmp_path / "serving" / "1000", "weights")
    assert next_version(registry, 1000) == "1001"


def test_only_a_newer_version_with_the_same_bytes_was_interrupted(
    registry: Registry, source: Path, tmp_path: Path
) -> None:
    assert interrupted_version(registry, digest(source)) is None
    shutil.copytree(source, tmp_path / "serving" / "7")
    assert interrupted_version(registry, digest(source)) == "7"
    assert interrupted_version(registry, digest(source), besides="7") is None
    assert interrupted_version(registry, "other") is None
