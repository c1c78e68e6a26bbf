"""Tests of `ratchet.components.object_store.emptying`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.object_store.emptying import empty
from ratchet.components.object_store.files import files_of, write_text
from tests.gcs.fixtures import Bucket


@pytest.fixture(params=["local", "gcs"])
def top(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else request.getfixturevalue("gcs").uri("root")


def left(directory: str) -> list[str]:
    walked = files_of(directory).walk(directory)
    return sorted(f"{folder}/{name}".removeprefix(f"{directory}/") for folder, _, names in walked for name in names)


def fill(directory: str, *names: str) -> None:
    for name in names:
        files_of(directory).makedirs(f"{directory}/{name}".rpartition("/")[0])
        write_text(f"{directory}/{name}", "left")


def test_all_that_lies_below_a_directory_is_deleted_and_nothing_beside_it(top: str) -> None:
    fill(top, "out/a", "out/b/c/d", "out/Split-train/beam-temp-x/e", "outer/f", "g")
    empty(f"{top}/out")
    assert left(top) == ["g", "outer/f"]


def test_only_what_is_named_is_deleted(top: str) -> None:
    fill(top, "dataset.json", "Split-train/a", "Split-eval/b", "lines-00000-of-00001", "mine/lines-0", "notes")
    empty(top, ("dataset.json", "Split-*", "lines-*"))
    assert left(top) == ["mine/lines-0", "notes"]


def test_a_directory_that_is_not_there_is_empty(top: str) -> None:
    empty(f"{top}/out")
    assert left(top) == []


def test_links_are_deleted_and_not_what_they_lead_to(tmp_path: Path) -> None:
    fill(str(tmp_path), "kept/a", "out/b")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "out" / "nowhere").symlink_to(tmp_path / "gone")
    empty(str(tmp_path / "out"))
    assert left(str(tmp_path)) == ["kept/a"]


def test_what_is_named_first_goes_first(gcs: Bucket) -> None:
    fill(gcs.uri("out"), "a", "z.json")
    gcs.forget()
    empty(gcs.uri("out"), ("z.json", "*"))
    deleted = [request.name for request in gcs.requests if request.kind == "delete"]
    assert deleted[0] == "out/z.json"
    assert "out/a" in deleted
