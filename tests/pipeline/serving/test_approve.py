from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.locking import hold
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.base.errors import InputError, StateError
from tests.builders import record_served
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    return blocked_root(tmp_path / "root")


def request(world: ServedRoot, run: str = "bad", **fields: Any) -> ApproveRequest:
    asked = ApproveRequest(run, world.root, "Ana", "labels seen by hand", "2026-12-31")
    return dataclasses.replace(asked, **fields)


def later(minutes: int = 10) -> datetime.datetime:
    return NOW + datetime.timedelta(minutes=minutes)


def test_an_approval_serves_the_bytes_that_were_blocked(world: ServedRoot) -> None:
    made = approve(request(world), NOW)
    served = world.registry.served()
    assert served is not None
    assert (served.run_id, served.verdict, served.blessed) == ("bad", "APPROVED", True)
    assert served.version == made.version == str(int(NOW.timestamp()))
    assert served.map == pytest.approx(0.53)  # over all classes, as for a push
    assert world.served_weights() == world.blessed_run() == "bad"
    assert world.versions == ["100", made.version, "200"]


def test_an_approval_is_logged_with_who_and_why_and_until_when(world: ServedRoot) -> None:
    made = approve(request(world, by=" Ana "), NOW)
    [decision] = [one for one in world.registry.decisions() if one.run_id == "bad"]
    assert made == Override(
        kind=OverrideKind.APPROVED,
        at=NOW.isoformat(timespec="seconds"),
        by="Ana",
        reason="labels seen by hand",
        run_id="bad",
        version=made.version,
        previous_version="200",
        model_digest=str(decision.model_digest),
        golden_digest="golden",
        expires="2026-12-31",
    )
    assert world.registry.overrides() == [made]
    assert world.registry.current_override() == made


def test_the_index_of_runs_says_who_approved_and_who_rolled_back(world: ServedRoot) -> None:
    index = world.root / "runs" / "index.html"
    approve(request(world), NOW)
    assert "approved by Ana until 2026-12-31" in index.read_text()
    rollback(RollbackRequest(world.root, "Bo", "false alarms"), later())
    assert "Bo rolled back to version 200 (false alarms)" in index.read_text()


def test_an_index_that_cannot_be_written_keeps_no_model_out_of_service(world: ServedRoot) -> None:
    (world.root / "runs" / "index.html").mkdir()
    made = approve(request(world), NOW)
    served = world.registry.served()
    assert served is not None
    assert served.version == made.version


def test_the_version_is_above_all_others_although_the_clock_is_behind(world: ServedRoot) -> None:
    world.run("ahead", Verdict.PUSHED)
    ahead = "9999999999"
    shutil.move(world.serving / "400", world.serving / ahead)
    served = world.registry.pointer().served
    assert served is not None
    record_served(world.registry, dataclasses.replace(served, version=ahead))
    world.run("bad 2", Verdict.BLOCKED)
    assert approve(request(world, "bad 2"), NOW).version == "10000000000"


def test_the_candidate_is_copied_so_that_its_artifact_may_go(world: ServedRoot) -> None:
    made = approve(request(world), NOW)
    (world.candidate("bad") / "saved_model.pb").write_text("overwritten")
    assert (world.serving / made.version / "saved_model.pb").read_text() == "graph"


def test_an_inconclusive_run_can_be_approved_by_the_beginning_of_its_id(world: ServedRoot) -> None:
    world.run("unclear-1", Verdict.INCONCLUSIVE)
    assert approve(request(world, "unc"), NOW).run_id == "unclear-1"


def test_the_first_model_can_be_approved(tmp_path: Path) -> None:
    world = ServedRoot(tmp_path / "root")
    world.run("weak", Verdict.BLOCKED, rule="min_map")
    made = approve(request(world, "weak"), NOW)
    assert made.previous_version is None
    served = world.registry.served()
    assert served is not None
    assert served.run_id == "weak"


def test_a_run_is_approved_while_a_retraining_works(world: ServedRoot) -> None:
    with hold(world.root / "lock", "retraining"):
        approve(request(world), NOW)
    assert world.served_weights() == "bad"


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("other", r"run 'other': no run of .* begins so\. Runs that could be approved: bad \(BLOCKED\)"),
        ("", "begins so"),
        ("good", r"run good was PUSHED: .*without an approval\. Runs that could be approved: bad \(BLOCKED\)"),
        ("first", "run first was BOOTSTRAPPED"),
        ("dark", r"rejected by the data gate.*data_gate\.mode=observe.*Runs that could be approved: bad"),
        ("crashed", r"run crashed did not end.*again.*log\.txt\. Runs that could be approved: bad"),
        ("span", r"could be span-1, span-2: give more"),
    ],
)
def test_a_run_that_cannot_be_approved_is_refused_with_what_could_be(world: ServedRoot, run: str, message: str) -> None:
    world.ended("dark", "DATA_REJECTED")
    for run_id in ("crashed", "span-1", "span-2"):
        world.ended(run_id, None)
    with pytest.raises(InputError, match=message):
        approve(request(world, run), NOW)
    assert world.versions == ["100", "200"]


def test_a_candidate_that_was_changed_since_is_refused(world: ServedRoot) -> None:
    (world.candidate("bad") / "variables" / "data").write_text("other")
    with pytest.raises(StateError, match="that was measured in run bad"):
        approve(request(world), NOW)
    assert world.versions == ["100", "200"]


def test_a_candidate_that_is_gone_is_refused(world: ServedRoot) -> None:
    shutil.rmtree(world.candidate("bad"))
    with pytest.raises(StateError, match="the candidate of run bad is gone"):
        approve(request(world), NOW)


def test_a_candidate_compared_with_another_model_is_refused(world: ServedRoot) -> None:
    world.run("better", Verdict.PUSHED)
    with pytest.raises(InputError, match="bad was compared with version 200, but version 400 is served now"):
        approve(request(world), NOW)


def test_a_run_is_approved_once(world: ServedRoot) -> None:
    made = approve(request(world), NOW)
    assert approve(request(world), later()) == made  # the same command again
    with pytest.raises(InputError, match=f"run bad is served already, as version {made.version}"):
        approve(request(world, reason="another"), later())
    assert world.registry.overrides() == [made]


def test_a_served_model_that_was_touched_stops_an_approval(world: ServedRoot) -> None:
    (world.serving / "200" / "variables" / "data").write_text("other")
    with pytest.raises(StateError, match="not the bytes recorded"):
        approve(request(world), NOW)


def test_a_decision_on_a_golden_set_that_nobody_uses_any_more_is_refused(world: ServedRoot) -> None:
    world.run("odd", Verdict.BLOCKED, golden="odd set")
    world.run("newest", Verdict.BLOCKED, golden="new set")
    with pytest.raises(
        InputError, match=r"odd was decided on the golden set odd set, .*accepted on golden and .*new set"
    ):
        approve(request(world, "odd"), NOW)


@pytest.mark.parametrize("run", ["bad", "newest"])
def test_the_golden_set_of_the_served_model_or_of_the_newest_decision_will_do(world: ServedRoot, run: str) -> None:
    world.run("newest", Verdict.BLOCKED, golden="new set")
    assert approve(request(world, run), NOW).run_id == run


def test_a_broken_evaluation_has_to_be_known(world: ServedRoot) -> None:
    world.run("leaked", Verdict.BLOCKED, rule="trust:leak")
    with pytest.raises(InputError, match=r"itself failed \(trust:leak: expected .*--evaluation-broken"):
        approve(request(world, "leaked"), NOW)
    made = approve(request(world, "leaked", evaluation_broken=True), NOW)
    assert made.evaluation_broken
    assert "never measured soundly" in made.to_text()


def test_a_sound_evaluation_is_not_called_broken(world: ServedRoot) -> None:
    with pytest.raises(InputError, match="the log would lie"):
        approve(request(world, evaluation_broken=True), NOW)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"by": "  "}, "--by is empty"),
        ({"reason": ""}, "--reason is empty"),
        ({"reason": "REPLACE: why this model may be served"}, "--reason 'REPLACE: why .*': a placeholder"),
        ({"reason": " WHY "}, "--reason 'WHY': a placeholder"),
        ({"reason": "REASON"}, "a placeholder"),
        ({"reason": "TEXT"}, "a placeholder"),
        ({"reason": "<why>"}, "--reason '<why>': a placeholder"),
        ({"reason": "say why: the golden set ..."}, "a placeholder"),
        ({"reason": "..."}, "a placeholder"),
        ({"by": "NAME"}, "--by 'NAME': a placeholder"),
        ({"by": "REPLACE: your name"}, "--by 'REPLACE: your name': a placeholder"),
        ({"by": "$USER"}, "a placeholder"),
        ({"reason": "x" * 501}, "--reason has 501 characters"),
        ({"by": "Ana\nBen"}, "--by 'Ana.nBen': one line"),
        ({"expires": "2026-02-28"}, r"that day is over; today is 2026-03-01 \(UTC\)"),
        ({"expires": "2027-03-03"}, "a year at most, until 2027-03-02"),
        ({"expires": "31.12.2026"}, "give it as YYYY-MM-DD"),
        ({"expires": "2026-02-30"}, "not a day"),
    ],
)
def test_what_the_log_could_not_hold_is_refused(world: ServedRoot, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        approve(request(world, **fields), NOW)
    assert world.versions == ["100", "200"]


@pytest.mark.parametrize("expires", ["2026-03-01", "2027-03-02"])
def test_today_and_a_year_ahead_are_days(world: ServedRoot, expires: str) -> None:
    assert approve(request(world, expires=expires, reason=("seen " * 100).strip()), NOW).expires == expires


def test_a_directory_that_is_no_root_is_named(world: ServedRoot, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pipeline root"):
        approve(request(world, root=tmp_path), NOW)
    assert not (tmp_path / "lock").exists()
    with pytest.raises(InputError, match="directories of this machine"):
        approve(request(world, root=Path("gs://bucket/root")), NOW)


def test_without_ml_metadata_the_approval_stands_and_is_told_later(
    world: ServedRoot, caplog: pytest.LogCaptureFixture
) -> None:
    database, away = world.root / "metadata.sqlite", world.root / "away"
    database.rename(away)
    made = approve(request(world), NOW)
    assert "ML Metadata could not be told" in caplog.text
    away.rename(database)
    assert approve(request(world), later()) == made
    assert world.blessed_run() == "bad"


def test_a_blessed_model_that_was_never_pushed_is_not_the_latest_after_an_approval(world: ServedRoot) -> None:
    world.run("killed", Verdict.PUSHED, pushed=False)
    assert world.blessed_run() == "killed"
    approve(request(world), NOW)
    assert world.blessed_run() == "bad"


@pytest.mark.parametrize("field", ["evaluation_digest", "candidate_digest"])
def test_an_evaluation_that_was_altered_since_is_refused(world: ServedRoot, field: str) -> None:
    [decision] = [made for made in world.registry.decisions() if made.run_id == "bad"]
    file = Path(decision.evaluation) / "evaluation.json"
    if field == "evaluation_digest":
        world.registry.record_decision("bad", dataclasses.replace(decision, evaluation_digest="0" * 64))
    else:
        file.write_text(json.dumps({**json.loads(file.read_text()), "candidate_digest": "other"}))
    with pytest.raises(StateError, match="not the evaluation by which run bad was decided"):
        approve(request(world), NOW)
    assert world.versions == ["100", "200"]
