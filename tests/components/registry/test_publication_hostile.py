"""Files of the registry that are torn, of another version, in another place, or no files at all."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from ratchet.components.registry.storage import DiskStorage
from ratchet.schemas.artifacts.registry_entries import Pointer
from ratchet.schemas.base.errors import StateError
from tests.components.registry.test_publication import NOW_S, World, world
from tests.entry_file import entry_file

__all__ = ["world"]  # the fixture


@pytest.mark.parametrize("place", ["gs://bucket/registry", "s3://bucket/registry"])
def test_a_uri_is_never_taken_for_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StateError, match="no directory of this machine"):
        DiskStorage(place, "serving")
    assert not os.listdir(tmp_path)


def test_a_registry_of_the_first_format_is_read_and_goes_on(world: World) -> None:
    served = world.registry.served()
    assert served is not None
    file = world.root / "registry" / "served.json"
    first = {name: value for name, value in dataclasses.asdict(served).items() if name != "signature"}
    first["path"] = f"/somewhere/else/serving/m/{served.version}"
    file.write_text(json.dumps(first))
    entry = entry_file(world.root, f"versions/{served.version}.json")
    entry.write_text(json.dumps(first))
    assert world.registry.served() == served
    assert world.registry.pointer() == Pointer(served)
    world.publish(world.candidate("new"))
    assert world.visible() == ["old", "new"]
    assert json.loads(file.read_text())["format"] == 2


def test_a_registry_of_a_later_format_is_not_guessed_at(world: World) -> None:
    file = world.root / "registry" / "served.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 3}))
    with pytest.raises(StateError, match="format 3 is newer than the 2 that this Ratchet reads"):
        world.registry.served()


def test_a_key_that_a_later_version_added_is_left_alone(world: World) -> None:
    file = world.root / "registry" / "served.json"
    values = json.loads(file.read_text())
    values["served"]["colour"] = "green"
    file.write_text(json.dumps({**values, "more": 1}))
    assert world.registry.served() is not None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"format": 0}', '{"format": "2"}', '{"format": 2, "served": 7}', '{"version": 7}'],
)
def test_a_torn_pointer_is_named_with_what_mends_it(world: World, content: str) -> None:
    (world.root / "registry" / "served.json").write_text(content)
    with pytest.raises(StateError, match=r"served\.json: .*ratchet doctor --repair"):
        world.registry.served()


def test_places_in_the_registry_are_relative_to_the_root(world: World) -> None:
    world.publish(world.candidate("new"))
    for file in (world.root / "registry").rglob("*.json"):
        assert str(world.root) not in file.read_text(), file


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", value) for value in ("x", "", None, "../../x", "9" * 40, "٣", 7)]
    + [("map", value) for value in ("x", None, True)]
    + [("digest", None), ("pushed_at", 5), ("override", 5), ("blessed", "yes"), ("span", 1.5), ("path", 5)],
)
def test_an_entry_with_a_value_of_another_kind_is_named(world: World, field: str, value: object) -> None:
    file = entry_file(world.root, f"versions/{NOW_S}.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), field: value}))
    with pytest.raises(
        StateError, match=rf"versions/index\.json, {NOW_S}\.json: not a registry entry \({field} = .*doctor"
    ):
        world.registry.versions()


@pytest.mark.parametrize("name", ["served.json", "versions/index.json", "lock"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(world: World, name: str) -> None:
    path = world.root / "registry" / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        world.publish(world.candidate("new"))


def test_a_pipe_in_a_model_is_not_waited_for(world: World) -> None:
    file = world.serving / str(NOW_S) / "saved_model.pb"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(OSError, match="not a regular file"):
        world.registry.served()
