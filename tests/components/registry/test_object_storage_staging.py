"""What is staged for a version on object storage, set aside, or left there by somebody else."""

from __future__ import annotations

import datetime

import pytest

from ratchet.components.object_store import objects
from ratchet.components.registry.object_storage import ObjectStorage
from ratchet.components.registry.publication import settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.components.registry.storages import storage_of
from ratchet.schemas.base.errors import InputError, StateError
from tests.components.registry.gcs_world import (
    FILES,
    NOW_S,
    GcsWorld,
)
from tests.components.registry.test_object_storage import changes, world
from tests.gcs.fixtures import Bucket

__all__ = ["world"]  # the fixture


def test_other_bytes_than_the_recorded_are_not_staged(world: GcsWorld) -> None:
    with pytest.raises(StateError, match="nothing was changed"):
        world.storage.stage(world.candidate("new").source, "other")
    with pytest.raises(FileNotFoundError):
        world.storage.stage(f"{world.root}/none", "other")
    assert world.names() == [f"{NOW_S}/"]


def test_a_model_of_this_machine_is_staged_as_well(world: GcsWorld, tmp_path) -> None:
    from ratchet.schemas.base.files import LOCAL_FILES
    from ratchet.schemas.base.model_digest import model_digest

    (tmp_path / "variables").mkdir()
    for name in ("saved_model.pb", "variables/data"):
        (tmp_path / name).write_text(name)
    digest = model_digest(str(tmp_path), LOCAL_FILES)
    assert world.storage.holds(world.storage.stage(str(tmp_path), digest), digest)


def test_a_version_that_nobody_recorded_is_named_and_can_be_set_aside(world: GcsWorld) -> None:
    """What a run left that died between its push and its record, in versions that did not claim first."""
    for name in FILES:
        objects.write(f"{world.storage.serving_directory}/{NOW_S + 7}/{name}", b"never recorded")
    with pytest.raises(StateError, match=rf"serves version {NOW_S + 7}.*doctor --repair"):
        world.registry.served()
    assert world.registry.versions_on_disk() == [str(NOW_S), str(NOW_S + 7)]
    world.storage.set_aside(str(NOW_S + 7))
    assert world.registry.versions_on_disk() == [str(NOW_S)]
    assert world.registry.served() is not None
    [aside] = [name for name in world.storage.served() if name.startswith(f"set-aside-{NOW_S + 7}-")]
    found = objects.list_below(f"{world.storage.serving_directory}/{aside}")
    assert sorted(each.name for each in found) == sorted(FILES)


def test_what_is_set_aside_is_out_of_service_before_it_is_gone(world: GcsWorld, gcs: Bucket) -> None:
    gcs.forget()
    world.storage.set_aside(str(NOW_S))
    deleted = [request.name for request in changes(gcs) if request.kind == "delete"]
    assert deleted[0] == f"root/serving/m/{NOW_S}/saved_model.pb"
    assert len(deleted) == len(FILES)


def test_what_is_staged_just_now_is_left_alone_and_what_was_left_long_ago_is_not(world: GcsWorld) -> None:
    candidate = world.candidate("slow")
    staged = world.storage.stage(candidate.source, candidate.model.digest)
    objects.write(f"{world.storage.serving_directory}/{NOW_S + 3}/variables/data", b"of a dead one")
    assert world.storage.orphans() == []
    assert settle(world.registry) is None
    assert staged in world.storage.served()
    later = ObjectStorage(world.storage.registry_directory, world.storage.serving_directory, datetime.timedelta(0))
    assert sorted(later.orphans()) == sorted([staged, str(NOW_S + 3)])
    settle(Registry(later))
    assert world.names() == [f"{NOW_S}/"]


def test_a_whole_version_is_never_removed(world: GcsWorld) -> None:
    world.storage.remove(str(NOW_S))
    assert world.visible() == ["old"]


def test_the_kind_of_place_decides(tmp_path) -> None:
    assert isinstance(storage_of("gs://bucket/root/registry", "gs://bucket/root/serving/m"), ObjectStorage)
    assert isinstance(storage_of(f"{tmp_path}/registry", f"{tmp_path}/serving/m"), DiskStorage)
    for registry in ("s3://bucket/registry", "gs:/bucket/registry"):
        with pytest.raises(InputError):
            storage_of(registry, "gs://bucket/serving")
    with pytest.raises(StateError):
        storage_of(f"{tmp_path}/registry", "gs://bucket/serving")
