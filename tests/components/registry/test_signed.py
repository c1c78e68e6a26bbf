"""With a key, what is published and approved has to be as it was signed; without one, nothing changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.publication import settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.schemas.artifacts.registry_entries import Pointer
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.signing import KEY_FILE_VARIABLE, Signer
from tests.components.registry.test_publication import World
from tests.entry_file import entry_file
from tests.faults import KILL, in_child


def signer(tmp_path: Path, letter: str = "") -> Signer:
    file = tmp_path / f"keys{letter}"
    file.write_text("".join(f"{(7 * i + len(letter)) % 16:x}{(11 * i) % 16:x}" for i in range(32)) + letter + "\n")
    made = Signer.from_environment({KEY_FILE_VARIABLE: str(file)})
    assert made is not None
    return made


class SignedWorld(World):
    def __init__(self, root: Path, key: Signer) -> None:
        super().__init__(root)
        self.registry = Registry(self.storage, key)


@pytest.fixture
def world(tmp_path: Path) -> SignedWorld:
    world = SignedWorld(tmp_path / "root", signer(tmp_path))
    world.publish(world.candidate("signed"))
    return world


def test_entries_and_decisions_are_signed_and_hold_in_a_root_that_was_moved(world: SignedWorld, tmp_path: Path) -> None:
    world.root.rename(tmp_path / "moved")
    storage = DiskStorage(f"{tmp_path}/moved/registry", f"{tmp_path}/moved/serving/m")
    registry = Registry(storage, signer(tmp_path))
    served = registry.served()
    assert served is not None
    registry.check_signature(served)
    [decision] = [made for made in registry.decisions() if made.run_id == "run of signed"]
    registry.check_signature(decision)


def test_what_was_never_signed_is_refused(world: SignedWorld) -> None:
    [unsigned, _] = world.registry.versions()
    with pytest.raises(StateError, match=rf"version {unsigned.version}.*unsigned|not signed"):
        world.registry.check_signature(unsigned)


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda entry: entry.update(digest="other"),
    lambda entry: entry.update(map=0.99),
    lambda entry: entry.update(blessed=False),
    lambda entry: entry.update(signature=None),
    lambda entry: entry.update(signature="0" * 80),
    lambda entry: entry.update(later=1),
    lambda entry: entry.pop("override"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_altered_entry_is_refused(world: SignedWorld, change: Callable[[dict[str, Any]], Any]) -> None:
    served = world.registry.pointer().served
    assert served is not None
    file = entry_file(world.root, f"versions/{served.version}.json")
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    [_, altered] = world.registry.versions()
    with pytest.raises(StateError, match=f"version {served.version}"):
        world.registry.check_signature(altered)


@pytest.mark.parametrize("change", [lambda entry: entry.update(later={"a": 1}), lambda entry: entry.pop("override")])
def test_what_a_newer_or_older_version_signed_with_other_keys_is_believed(
    world: SignedWorld, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    served = world.registry.pointer().served
    assert served is not None
    file = entry_file(world.root, f"versions/{served.version}.json")
    values = {key: value for key, value in json.loads(file.read_text()).items() if key not in ("format", "signature")}
    change(values)
    file.write_text(json.dumps({"format": 2, **values, "signature": signer(tmp_path).sign("served", values)}))
    [_, read] = world.registry.versions()
    world.registry.check_signature(read)
    with pytest.raises(StateError, match="altered"):
        world.registry.check_signature(dataclasses.replace(read, map=0.99))
    again = world.registry.record_version(dataclasses.replace(read, blessed=False))
    world.registry.check_signature(again)
    assert "later" not in json.loads(file.read_text())


@pytest.mark.parametrize("change", [{"map": 0.99}, {"golden_digest": "other"}, {"signature": None}])
def test_a_served_model_whose_pointer_was_altered_is_no_baseline(world: SignedWorld, change: dict[str, Any]) -> None:
    assert world.registry.baseline(bootstrap=False) is not None
    pointer = world.registry.pointer()
    assert pointer.served is not None
    Registry(world.storage).swap(pointer, Pointer(dataclasses.replace(pointer.served, **change)))
    with pytest.raises(StateError, match=f"version {pointer.served.version}"):
        world.registry.baseline(bootstrap=False)


def test_a_publication_that_somebody_wrote_into_the_pointer_is_not_completed(world: SignedWorld) -> None:
    candidate = world.candidate("forged")
    points = in_child(lambda: world.publish(candidate).version, world.root).points
    forged = world.candidate("forged too")
    claim = next(number for number, name in enumerate(points) if name.startswith("os.rename unfinished-"))
    assert in_child(lambda: world.publish(forged), world.root, claim, KILL).killed
    pointer = world.registry.pointer()
    assert pointer.pushing is not None
    altered = dataclasses.replace(pointer.pushing, source=str(world.root / "artifacts" / "signed"))
    Registry(world.storage).swap(pointer, Pointer(pointer.served, altered))
    with pytest.raises(StateError, match="the publication of version"):
        settle(world.registry)
    assert "forged too" not in world.visible()


def test_without_a_key_nothing_is_signed_and_nothing_asked(world: SignedWorld) -> None:
    registry = Registry(world.storage)
    for model in registry.versions():
        registry.check_signature(model)
    made = World.publish(_unsigned(world), _unsigned(world).candidate("plain"))
    assert made.signature is None


def _unsigned(world: SignedWorld) -> World:
    plain = World.__new__(World)
    plain.root, plain.storage, plain.registry = world.root, world.storage, Registry(world.storage)
    return plain
