"""The registry on what TFX's file functions reach; here a directory, in the place of an object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.registry.publication import BaselineChangedError, publish
from ratchet.components.registry.registry import Registry
from ratchet.schemas.base.errors import StateError
from tests.components.registry.test_publication import NOW_S, World

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def world(tmp_path: Path) -> World:
    from ratchet.components.registry.remote_storage import RemoteStorage

    local = World(tmp_path / "root")
    world = World.__new__(World)
    world.root = local.root
    storage = RemoteStorage(f"{local.root}/registry", f"{local.root}/serving/m")
    world.registry = Registry(storage)
    world.storage = storage  # pyright: ignore[reportAttributeAccessIssue]
    return world


def test_a_model_is_published_over_what_it_was_compared_with_and_over_nothing_else(world: World) -> None:
    first, second = world.candidate("first"), world.candidate("second")
    made = world.publish(first)
    assert world.registry.served() == made
    staged = world.storage.stage(second.source, second.model.digest)
    with pytest.raises(BaselineChangedError):
        publish(world.registry, second, staged, NOW_S)
    world.storage.remove(staged)
    assert world.visible() == ["old", "first"]
    assert [made.run_id for made in world.registry.decisions()] == ["run of first", "run of old"]


def test_other_bytes_than_the_recorded_are_not_staged(world: World) -> None:
    with pytest.raises(StateError, match="nothing was changed"):
        world.storage.stage(world.candidate("new").source, "other")
    assert world.storage.served() == [str(NOW_S)]


def test_what_is_set_aside_is_no_version(world: World) -> None:
    world.storage.set_aside(str(NOW_S))
    assert world.registry.versions_on_disk() == []
    assert [name.startswith(f"set-aside-{NOW_S}-") for name in world.storage.served()] == [True]
