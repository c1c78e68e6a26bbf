from __future__ import annotations

import dataclasses
import datetime
import os
import shutil
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold
from ratchet.components.registry.registry import ServedModel
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.base.errors import InputError, StateError
from tests.pipeline.served_root import NOW, ServedRoot, model_files


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    world = ServedRoot(tmp_path / "root")
    world.run("first", Verdict.BOOTSTRAPPED)
    world.run("good", Verdict.PUSHED)
    world.run("better", Verdict.PUSHED)
    return world


def request(world: ServedRoot, to: str | None = None, **fields: str) -> RollbackRequest:
    return dataclasses.replace(RollbackRequest(world.root, "Ana", "clients complain", to), **fields)


def later(minutes: int = 10) -> datetime.datetime:
    return NOW + datetime.timedelta(minutes=minutes)


def served(world: ServedRoot) -> ServedModel:
    model = world.registry.served()
    assert model is not None
    return model


def blessed(world: ServedRoot) -> dict[str, bool]:
    return {model.version: model.blessed for model in world.registry.versions()}


def test_the_model_before_is_served_again_under_a_higher_number(world: ServedRoot) -> None:
    made = rollback(request(world), NOW)
    model = served(world)
    assert (model.version, model.restores, model.run_id, model.verdict) == (made.version, "200", "good", "PUSHED")
    assert world.registry.versions_on_disk() == ["100", "200", "300", made.version]
    assert world.served_weights() == world.blessed_run() == "good"


def test_a_rollback_is_logged(world: ServedRoot) -> None:
    made = rollback(request(world), NOW)
    assert made == Override(
        kind=OverrideKind.ROLLED_BACK,
        at=NOW.isoformat(timespec="seconds"),
        by="Ana",
        reason="clients complain",
        run_id="good",
        version=made.version,
        previous_version="300",
        model_digest=served(world).digest,
        golden_digest="golden",
        restored="200",
    )
    assert world.registry.overrides() == [made]
    assert world.registry.current_override() == made


def test_the_files_are_copies_so_that_damage_in_place_hits_one_version(world: ServedRoot) -> None:
    made = rollback(request(world), NOW)
    name = Path("variables", "data")
    assert not os.path.samefile(world.serving / "200" / name, world.serving / made.version / name)
    (world.serving / made.version / name).write_text("damaged")
    assert (world.serving / "200" / name).read_text() == "good"


def test_the_same_command_again_goes_no_further_back(world: ServedRoot) -> None:
    made = rollback(request(world), NOW)
    assert rollback(request(world), later()) == rollback(request(world, to="200"), later(20)) == made
    assert world.registry.overrides() == [made]
    assert len(world.versions) == 4


def test_another_rollback_after_the_first_goes_further_back(world: ServedRoot) -> None:
    rollback(request(world), NOW)
    assert rollback(request(world, reason="still wrong"), later()).restored == "100"


def test_what_is_left_behind_is_never_taken_again(world: ServedRoot) -> None:
    made = rollback(request(world, to="100"), NOW)
    assert blessed(world) == {"100": True, "200": False, "300": False, made.version: True}
    assert world.blessed_run() == "first"
    for version in ("200", "300"):
        with pytest.raises(InputError, match=f"--to {version}: a rollback left that version behind"):
            rollback(request(world, to=version), later())


def test_one_step_back_is_another_model_not_another_number(world: ServedRoot) -> None:
    rollback(request(world), NOW)
    assert rollback(request(world, reason="second"), later()).restored == "100"
    with pytest.raises(InputError, match="there is nothing to go back to"):
        rollback(request(world, reason="third"), later(20))


def test_training_goes_on_after_a_rollback(world: ServedRoot) -> None:
    rollback(request(world), NOW)
    world.run("new", Verdict.BLOCKED)
    approve(ApproveRequest("new", world.root, "Ana", "checked", "2026-12-31"), later())
    made = rollback(request(world, reason="the new one, too"), later(20))
    assert world.served_weights() == world.blessed_run() == "good"
    assert (made.run_id, served(world).run_id) == ("good", "good")


def test_an_approval_that_is_restored_keeps_its_last_day(world: ServedRoot) -> None:
    world.run("bad", Verdict.BLOCKED, rule="trust:leak")
    approved = approve(ApproveRequest("bad", world.root, "Ana", "checked", "2026-12-31", evaluation_broken=True), NOW)
    world.run("next", Verdict.BLOCKED)
    approve(ApproveRequest("next", world.root, "Ana", "checked", "2026-06-30"), later())
    made = rollback(request(world), later(20))
    assert (made.restored, made.expires, made.evaluation_broken) == (approved.version, "2026-12-31", True)
    assert made.expired(datetime.date(2027, 1, 1))


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("150", r"knows no such version\. Versions to go back to: 200 \(span 2, mAP 0\.5200, PUSHED\), 100 \(span 1"),
        ("300", r"that model is served now, as version 300\. Versions to go back to: 200"),
    ],
)
def test_a_version_that_cannot_be_served_again_is_refused_with_those_that_can(
    world: ServedRoot, to: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        rollback(request(world, to=to), NOW)
    assert world.versions == ["100", "200", "300"]


def test_bytes_that_are_not_the_recorded_ones_are_not_served(world: ServedRoot) -> None:
    (world.serving / "200" / "variables" / "data").write_text("other")
    with pytest.raises(StateError, match=r"these are not the bytes of version 200"):
        rollback(request(world), NOW)
    shutil.rmtree(world.serving / "200")
    with pytest.raises(StateError, match=r"or none at all.*Versions to go back to: 100"):
        rollback(request(world), NOW)
    assert world.versions == ["100", "300"]


@pytest.mark.parametrize("damage", ["touched", "deleted"])
def test_a_served_model_that_is_damaged_is_replaced_by_an_earlier_one(world: ServedRoot, damage: str) -> None:
    if damage == "touched":
        (world.serving / "300" / "saved_model.pb").write_text("other")
    else:
        shutil.rmtree(world.serving / "300")
    with pytest.raises(StateError, match="ratchet rollback --to 200 "):
        world.registry.served()
    rollback(request(world, to="200"), NOW)
    assert (served(world).restores, world.blessed_run()) == ("200", "good")
    assert blessed(world)["300"] is False


def test_a_lost_pointer_is_made_again(world: ServedRoot) -> None:
    (world.root / "registry" / "served.json").unlink()
    with pytest.raises(StateError, match="ratchet rollback --to 300 "):
        world.registry.served()
    with pytest.raises(
        InputError, match=r"does not say what is served: give --to VERSION\. Versions to go back to: 300"
    ):
        rollback(request(world), NOW)
    rollback(request(world, to="300"), NOW)
    assert served(world).restores == "300"


def test_a_version_that_nobody_recorded_is_left_behind(world: ServedRoot) -> None:
    world.run("killed", Verdict.PUSHED, pushed=False)
    model_files(world.serving / "400", "killed")
    with pytest.raises(StateError, match="serves version 400, the highest number, but the registry says that version"):
        world.registry.served()
    made = rollback(request(world, to="300"), NOW)
    assert int(made.version) > 400
    assert world.served_weights() == world.blessed_run() == "better"


def test_a_log_that_was_changed_stops_a_rollback(world: ServedRoot) -> None:
    rollback(request(world), NOW)
    log = world.root / "registry" / "overrides.jsonl"
    log.write_text(log.read_text().replace("clients", "nobody did"))
    with pytest.raises(StateError, match=r"overrides\.jsonl: line 1 was changed"):
        rollback(request(world), later())


def test_a_model_is_rolled_back_while_a_retraining_works(world: ServedRoot) -> None:
    with hold(world.root / "lock", "retraining"):
        rollback(request(world), NOW)
    assert world.served_weights() == "good"


@pytest.mark.parametrize("damage", ["lost", "empty", "torn"])
def test_the_emergency_brake_needs_no_ml_metadata_which_is_told_later(
    world: ServedRoot, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    database, away = world.root / "metadata.sqlite", world.root / "away"
    whole = database.read_bytes()
    {
        "lost": lambda: database.rename(away),
        "empty": lambda: database.write_bytes(b""),
        "torn": lambda: database.write_bytes(whole[: len(whole) // 3]),
    }[damage]()
    made = rollback(request(world), NOW)
    assert world.served_weights() == "good"
    assert "ML Metadata could not be told" in caplog.text
    if away.exists():
        away.rename(database)
    database.write_bytes(whole)
    assert rollback(request(world), later()) == made  # the same command tells it
    assert world.blessed_run() == "good"


def test_a_rollback_has_to_be_explained_and_needs_a_served_model(world: ServedRoot, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--reason is empty"):
        rollback(request(world, reason=" "), NOW)
    with pytest.raises(InputError, match="--by is empty"):
        rollback(request(world, by=""), NOW)
    with pytest.raises(InputError, match="--reason 'REPLACE: why': a placeholder"):
        rollback(request(world, reason="REPLACE: why"), NOW)
    with pytest.raises(InputError, match="--by '<name>': a placeholder"):
        rollback(request(world, by="<name>"), NOW)
    empty = ServedRoot(tmp_path / "empty")
    with pytest.raises(InputError, match="no model was ever served from it"):
        rollback(request(empty), NOW)
