"""One look asks the registry's storage each question once; a change, a repair and the next look ask anew."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.storage import ChangedError, Content, DiskStorage, Token
from ratchet.pipeline.doctor import doctor as doctors
from ratchet.pipeline.doctor.patient import Patient, admit
from ratchet.pipeline.doctor.remembered import RememberedStorage
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot, lifelike_root


class Counting(DiskStorage):
    """A storage on this machine that counts what it is asked."""

    def __init__(self, directory: Path) -> None:
        super().__init__(str(directory / "registry"), str(directory / "serving"))
        self.asked: collections.Counter[str] = collections.Counter()

    def read(self, name: str) -> Content | None:
        self.asked[name] += 1
        return super().read(name)


@pytest.fixture
def counting(tmp_path: Path) -> Counting:
    (tmp_path / "serving").mkdir()
    storage = Counting(tmp_path)
    storage.write("a.json", "1")
    storage.asked.clear()
    return storage


def test_a_look_asks_once_and_the_next_one_of_the_same_root_not_at_all(counting: Counting) -> None:
    remembered = RememberedStorage(counting)
    for _ in range(2):
        with remembered.look():
            assert {remembered.read("a.json"), remembered.read("a.json")} == {Content("1", remembered_token(counting))}
            assert remembered.read("none.json") is remembered.read("none.json") is None
    assert counting.asked["none.json"] == 1
    remembered.forget()
    with remembered.look():
        remembered.read("none.json")
    assert counting.asked["none.json"] == 2


def remembered_token(counting: Counting) -> str:
    there = DiskStorage.read(counting, "a.json")
    assert there is not None
    return there.token


def test_outside_of_a_look_everything_is_asked(counting: Counting) -> None:
    remembered = RememberedStorage(counting)
    with remembered.look():
        remembered.read("a.json")
    remembered.read("a.json")
    remembered.read("a.json")
    assert counting.asked["a.json"] == 3


CHANGES: dict[str, Callable[[RememberedStorage], Any]] = {
    "write": lambda storage: storage.write("a.json", "2"),
    "a write that fails": lambda storage: storage.write("a.json", "2", Token.ABSENT),
    "delete": lambda storage: storage.delete("a.json"),
    "stage": lambda storage: storage.stage("nowhere", "0" * 64),
    "publish": lambda storage: storage.publish("unfinished-none", "1"),
    "set aside": lambda storage: storage.set_aside("7"),
    "remove": lambda storage: storage.remove("unfinished-none"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_it_is_asked_again_also_if_the_change_failed(counting: Counting, change: str) -> None:
    remembered = RememberedStorage(counting)
    with remembered.look():
        remembered.read("b.json")
        with contextlib.suppress(ChangedError, OSError):
            CHANGES[change](remembered)
        remembered.read("b.json")
    assert counting.asked["b.json"] == 2


def test_what_is_handed_out_can_be_changed_without_changing_the_next_answer(counting: Counting) -> None:
    remembered = RememberedStorage(counting)
    counting.write("kept/a.json", "1")
    with remembered.look():
        remembered.names().clear()
        remembered.read_all("kept").clear()
        remembered.read_many(["a.json"]).clear()
        assert "a.json" in remembered.names()
        assert list(remembered.read_all("kept")) == ["a.json"]
        assert len(remembered.read_many(["a.json"])) == 1


def test_a_publication_during_a_look_is_looked_at_again_and_told_by_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = lifelike_root(tmp_path / "root")
    patient = admit(world.root, LATER)
    looks: list[bool] = []
    monkeypatch.setattr(doctors, "CHECKS", (("once published", lambda each: meanwhile(each, world, looks)),))
    assert doctors._look(patient) == []
    assert looks == [False, True]


def meanwhile(patient: Patient, world: LifelikeRoot, looks: list[bool]) -> list[Any]:
    """Sees what is served, and the first time another process changes it right after."""
    before = patient.pointer()
    looks.append(bool(looks))
    if len(looks) == 1:
        file = world.root / "registry" / POINTER_FILE
        file.write_text(file.read_text() + "\n")
    assert patient.pointer() == before
    return []
