"""What a pruning leaves alone, and names: interrupted work, a registry or notes that make no sense, another process."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold
from ratchet.pipeline.retention.prune import prune
from ratchet.schemas.artifacts.registry_entries import Intent, Pointer
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.pipeline.retention.test_prune import NARROW, NOW, PrunableRoot, world

__all__ = ["world"]  # the fixture


def test_what_an_interrupted_publication_needs_is_served_and_not_pruned(world: PrunableRoot) -> None:
    pointer, source = world.registry.pointer(), world.candidate("old-no")
    assert pointer.served is not None
    digest, path = model_digest(str(source), LOCAL_FILES), str(world.serving / "1000")
    model = dataclasses.replace(pointer.served, version="1000", path=path, digest=digest, run_id="old-no")
    world.registry.swap(pointer, Pointer(pointer.served, Intent(model, "unfinished-and-lost", str(source))))
    prune(world.root, NARROW, NOW)
    assert world.registry.pointer().served_as == ("1000", digest)
    assert "model/2" in world.there()


def test_a_root_in_which_a_process_works_is_left_alone(world: PrunableRoot) -> None:
    before = world.there()
    with hold(world.root / "lock", "retraining"), pytest.raises(StateError, match="is retraining"):
        prune(world.root, NARROW, NOW)
    assert world.there() == before


def test_a_registry_that_makes_no_sense_stops_everything(world: PrunableRoot) -> None:
    before = world.there()
    (world.root / "registry" / "served.json").write_text("{")
    with pytest.raises(StateError, match=r"served\.json"):
        prune(world.root, NARROW, NOW)
    assert world.there() == before


def test_a_note_of_a_pruning_that_makes_no_sense_is_named(world: PrunableRoot) -> None:
    (world.root / "runs" / "boot" / "pruned.json").write_text("{")
    with pytest.raises(StateError, match=r"boot/pruned\.json: is torn .*the next pruning makes it anew"):
        prune(world.root, NARROW, NOW)
    (world.root / "runs" / "boot" / "pruned.json").write_text('{"format": 2, "left": []}')
    with pytest.raises(StateError, match=r"boot/pruned\.json: format 2 is newer than the 1 that this Ratchet reads"):
        prune(world.root, NARROW, NOW)


def test_a_directory_that_is_no_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--root .*: not a pipeline root, or no run of it ever began"):
        prune(tmp_path, NARROW, NOW)
