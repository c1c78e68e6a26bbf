from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.doctor.findings import Report
from ratchet.pipeline.doctor.signing import Voucher
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.signing import KEY_FILE_VARIABLE, Signer
from tests.faults import in_child
from tests.nightly import spread
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot, tree

OLD, NEW = "3f9c1b7a5d8e2046c1a97be35f60d824", "9a4d07e1c36b5f82e0d7419ab85c263f"
ADA = Voucher("Ada", "checked against the backup of 1 March")


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of keys, in the environment."""
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n")
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(file))
    return file


def signed(world: LifelikeRoot) -> Registry:
    return Registry(world.registry.storage, Signer.from_environment())


def unsigned(report: Report) -> list[str]:
    return [finding.where for _, finding in report.findings if finding.kind == "signature" and finding.is_left]


def all_are_signed(world: LifelikeRoot) -> bool:
    registry = signed(world)
    served = registry.pointer().served
    assert served is not None
    for entry in (*registry.versions(), *registry.decisions(), served):
        registry.check_signature(entry)
    return True


def test_without_a_key_nothing_is_asked(world: LifelikeRoot) -> None:
    assert doctor(world.root, False, LATER).findings == ()


def test_unsigned_records_are_reported_and_not_signed_by_a_repair(world: LifelikeRoot, keys: Path) -> None:
    before = tree(world.root)
    report = doctor(world.root, True, LATER)
    assert len(unsigned(report)) == 2 + 3 + 1  # versions, decisions, the pointer
    assert "--sign-existing" in report.to_text()
    assert tree(world.root) == before


def test_a_person_signs_them_and_it_is_written_down(world: LifelikeRoot, keys: Path) -> None:
    report = doctor(world.root, True, LATER, ADA)
    assert report.healthy
    assert all_are_signed(world)
    served = world.registry.pointer().served
    assert served is not None
    assert f"ok  signed registry/versions/200.json (model {served.digest[:12]})" in report.to_text()
    [line] = world.file("signings.jsonl").read_text().splitlines()
    values = json.loads(line)
    signature = values.pop("signature")
    signer = Signer.from_environment()
    assert signer is not None
    signer.check("signing", values, signature, "it")
    assert (values["by"], values["reason"], values["at"]) == (ADA.by, ADA.reason, LATER.isoformat())
    assert values["records"]["versions/200.json"] == served.digest
    assert len(values["records"]) == 6


def test_once_signed_nothing_is_left_to_sign(world: LifelikeRoot, keys: Path) -> None:
    doctor(world.root, True, LATER, ADA)
    before = tree(world.root)
    assert doctor(world.root, True, LATER, ADA).signed == ()
    assert tree(world.root) == before


def test_what_an_older_key_signed_is_signed_again(world: LifelikeRoot, keys: Path) -> None:
    keys.write_text(f"{OLD}\n")
    doctor(world.root, True, LATER, ADA)
    keys.write_text(f"{NEW}\n{OLD}\n")
    assert doctor(world.root, True, LATER).healthy
    assert len(doctor(world.root, True, LATER, ADA).signed) == 6
    keys.write_text(f"{NEW}\n")
    assert all_are_signed(world)


def test_a_wrong_signature_is_never_signed_over(world: LifelikeRoot, keys: Path) -> None:
    doctor(world.root, True, LATER, ADA)
    file = world.decision_file("bad")
    file.write_text(file.read_text().replace('"verdict": "BLOCKED"', '"verdict": "PUSHED"'))
    before = tree(world.root)
    report = doctor(world.root, False, LATER)
    assert unsigned(report) == [str(file)]
    assert "altered" in report.to_text()
    with pytest.raises(StateError, match=r"altered .*nothing was signed"):
        doctor(world.root, True, LATER, ADA)
    assert tree(world.root) == before


def test_the_signature_of_an_unknown_key_is_never_signed_over(world: LifelikeRoot, keys: Path) -> None:
    keys.write_text(f"{OLD}\n")
    doctor(world.root, True, LATER, ADA)
    keys.write_text(f"{NEW}\n")
    with pytest.raises(StateError, match=r"signed by another key.*nothing was signed"):
        doctor(world.root, True, LATER, ADA)


def test_nothing_is_signed_while_the_rest_is_wrong(world: LifelikeRoot, keys: Path) -> None:
    shutil.rmtree(world.serving / "200")
    shutil.rmtree(world.candidate("good"))
    with pytest.raises(StateError, match="nothing was signed: mend that first"):
        doctor(world.root, True, LATER, ADA)
    assert not world.file("signings.jsonl").exists()


def test_without_a_key_nothing_can_be_signed(world: LifelikeRoot) -> None:
    with pytest.raises(InputError, match="there is no key"):
        doctor(world.root, True, LATER, ADA)


def test_what_is_made_again_is_not_signed_until_a_person_answers_for_it(world: LifelikeRoot, keys: Path) -> None:
    doctor(world.root, True, LATER, ADA)
    file = world.decision_file("bad")
    file.unlink()
    report = doctor(world.root, True, LATER)
    assert unsigned(report) == [str(file)]
    assert doctor(world.root, True, LATER, ADA).healthy
    assert all_are_signed(world)


def test_a_signed_pointer_is_made_again_with_its_signature(world: LifelikeRoot, keys: Path) -> None:
    doctor(world.root, True, LATER, ADA)
    world.file("served.json").unlink()
    assert doctor(world.root, True, LATER).healthy
    assert all_are_signed(world)


def test_an_altered_entry_is_never_pointed_to(world: LifelikeRoot, keys: Path) -> None:
    doctor(world.root, True, LATER, ADA)
    world.file("served.json").unlink()
    file = world.entry("versions/200.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "map": 0.99}))
    assert not doctor(world.root, True, LATER).healthy
    assert not world.file("served.json").exists()


def test_a_signed_root_without_a_key_is_mentioned(
    world: LifelikeRoot, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor(world.root, True, LATER, ADA)
    monkeypatch.delenv(KEY_FILE_VARIABLE)
    report = doctor(world.root, False, LATER)
    assert report.healthy
    assert f"{KEY_FILE_VARIABLE} is not set" in report.to_text()


def test_without_the_key_a_signed_entry_is_not_changed(
    world: LifelikeRoot, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor(world.root, True, LATER, ADA)
    monkeypatch.delenv(KEY_FILE_VARIABLE)
    shutil.rmtree(world.serving / "100")
    shutil.rmtree(world.candidate("first"))
    before = world.entry("versions/100.json").read_text()
    assert "so it is left" in doctor(world.root, True, LATER).to_text()
    assert world.entry("versions/100.json").read_text() == before


def test_killed_at_any_point_the_same_command_signs_the_rest(world: LifelikeRoot, keys: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(world.root, whole)
    points = len(in_child(lambda: doctor(world.root, True, LATER, ADA).healthy, world.root).points)
    assert points > 6
    for point in spread(range(points), 5):
        shutil.rmtree(world.root)
        shutil.copytree(whole, world.root)
        in_child(lambda: doctor(world.root, True, LATER, ADA).healthy, world.root, point)
        assert doctor(world.root, True, LATER, ADA).healthy, point
        assert all_are_signed(world)
        there = [json.loads(line)["records"] for line in world.file("signings.jsonl").read_text().splitlines()]
        assert set().union(*there) >= {"versions/100.json", "versions/200.json", "served.json"}


def test_a_reason_is_needed() -> None:
    with pytest.raises(InputError, match="--reason"):
        Voucher.of("Ada", " ")
    assert dataclasses.astuple(Voucher.of(" Ada ", "seen")) == ("Ada", "seen")
    with pytest.raises(InputError, match="--reason 'WHY': a placeholder"):
        Voucher.of("Ada", "WHY")
