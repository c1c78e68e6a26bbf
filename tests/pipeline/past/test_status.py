from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.past.status import read_status
from ratchet.pipeline.root.root_file import write_file
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.root_file import RootFile
from ratchet.schemas.base.errors import InputError
from tests.builders import cause, recorded_decision
from tests.pipeline.roots import add_run, add_unfinished, approval, registry_in, rollback, serve

TODAY = datetime.date(2030, 2, 1)


def text(root: Path, today: datetime.date = TODAY) -> str:
    return read_status(root, today).to_text()


def test_before_the_first_model(tmp_path: Path) -> None:
    add_unfinished(tmp_path, "span-1-aa-1", 1)
    status = read_status(tmp_path, TODAY)
    assert status.exit_code == 0
    assert status.to_text().splitlines() == [
        "served   no model yet; `ratchet run --bootstrap` trains and serves a first one",
        "last run span-1-aa-1, 2030-01-01 12:00 UTC: unfinished",
        f"         {tmp_path}/runs/span-1-aa-1/log.txt",
    ]


def test_a_push_and_the_block_after_it(tmp_path: Path) -> None:
    add_run(tmp_path, "span-2-bb-1", Verdict.PUSHED, 2)
    add_run(tmp_path, "span-3-cc-1", Verdict.BLOCKED, 3)
    model = serve(tmp_path, "200", "span-2-bb-1", 2)
    status = read_status(tmp_path, TODAY)
    assert status.exit_code == 0
    assert status.to_text().splitlines() == [
        f"served   version 200, {model.path}",
        "since    2030-01-02 12:00 UTC",
        "why      pushed by run span-2-bb-1 because every rule passed",
        "mAP      0.6000 on golden set 0123456789ab",
        "best     no better one was served on this golden set",
        "last run span-3-cc-1, 2030-01-03 12:00 UTC: BLOCKED",
        "         map_drop: expected candidate mAP at least the baseline's 0.6000; found 0.4000 (-0.2000)",
        f"         {tmp_path}/runs/span-3-cc-1/review.html",
    ]


def test_the_cause_of_the_last_run_is_told_with_its_sentence(tmp_path: Path) -> None:
    add_run(tmp_path, "span-3-cc-1", Verdict.BLOCKED, 3, cause=cause())
    assert (
        "         very likely cause: the new span is labelled in another way: loose boxes: The span's boxes are drawn "
        "25% larger, and the candidate learned to draw them so."
    ) in text(tmp_path).splitlines()
    add_run(tmp_path, "span-4-dd-1", Verdict.PUSHED, 4, cause=cause(state=DiagnosisState.NOTHING))
    assert " cause: " not in text(tmp_path)


def test_a_first_model_passed_no_comparison(tmp_path: Path) -> None:
    serve(tmp_path, "100", "span-1-aa-1", 1, verdict="BOOTSTRAPPED")
    assert "why      pushed by run span-1-aa-1 as the first model" in text(tmp_path)
    assert "last run none yet" in text(tmp_path)


def overridden(root: Path, made: Override) -> None:
    digest = hashlib.sha256(registry_in(root).log(made).line.encode()).hexdigest()
    serve(root, made.version, made.run_id, 3, verdict="APPROVED", override=digest)


def test_an_approval_that_holds(tmp_path: Path) -> None:
    overridden(tmp_path, approval())
    shown = text(tmp_path)
    assert "since    2030-01-03 15:00 UTC" in shown
    assert (
        "why      run span-3-cc-1 was blocked and approved by moss until 2030-02-28: the new camera is worth it"
        in shown
    )
    assert "EXPIRED" not in shown


@pytest.mark.parametrize(("today", "expired"), [(datetime.date(2030, 2, 28), False), (datetime.date(2030, 3, 1), True)])
def test_an_approval_that_is_over_says_so_and_what_to_do(tmp_path: Path, today: datetime.date, expired: bool) -> None:
    overridden(tmp_path, approval(evaluation_broken=True))
    status = read_status(tmp_path, today)
    assert status.expired is expired
    assert status.exit_code == 0
    shown = status.to_text()
    assert ("EXPIRED: the approval ended on 2030-02-28" in shown) is expired
    assert ("`ratchet rollback`" in shown) is expired
    assert "although its evaluation could not be trusted" in shown


def test_a_rollback(tmp_path: Path) -> None:
    overridden(tmp_path, rollback())
    assert "why      rolled back by reed to version 200: false alarms" in text(tmp_path)
    assert "approval" not in text(tmp_path)


def test_a_rollback_to_what_an_approval_had_let_in(tmp_path: Path) -> None:
    overridden(tmp_path, rollback(expires="2030-01-31"))
    assert "which an approval had let into service until 2030-01-31" in text(tmp_path)
    assert "EXPIRED" in text(tmp_path)


def test_an_approval_that_is_no_longer_served_explains_nothing(tmp_path: Path) -> None:
    overridden(tmp_path, approval())
    serve(tmp_path, "500", "span-5-ee-1", 5)
    assert "why      pushed by run span-5-ee-1 because every rule passed" in text(tmp_path)


def lowered(root: Path, **fields: Any) -> None:
    """Version 200 with .6 was pushed, and 300 with .55 was approved after it."""
    serve(root, "200", "span-2-bb-1", 2)
    digest = hashlib.sha256(registry_in(root).log(approval(**fields)).line.encode()).hexdigest()
    serve(root, "300", "span-3-cc-1", 3, verdict="APPROVED", override=digest, map=0.55)


def test_after_an_approval_the_distance_to_the_best_served_model_is_told(tmp_path: Path) -> None:
    lowered(tmp_path)
    told = "version 200, mAP 0.6000 on this golden set; the served one is 0.0500 below it since the approval of moss"
    assert f"best     {told} on 2030-01-03" in text(tmp_path)
    best = read_status(tmp_path, TODAY).to_json()["best"]
    assert (best["version"], best["map"], best["above_served"]) == ("200", 0.6, pytest.approx(0.05))


def test_a_name_in_that_line_cannot_move_the_cursor_either(tmp_path: Path) -> None:
    lowered(tmp_path, by="\x1b[2Jmoss\nserved   version 666")
    assert "\x1b" not in text(tmp_path)
    assert sum(line.startswith("served") for line in text(tmp_path).splitlines()) == 1


def test_a_better_model_that_was_taken_back_is_named_and_does_not_count(tmp_path: Path) -> None:
    serve(tmp_path, "100", "span-1-aa-1", 1, map=0.7, blessed=False)
    serve(tmp_path, "200", "span-2-bb-1", 2)
    assert "best     no better one was served on this golden set\n         version 100, which was better, was" in text(
        tmp_path
    )


def test_a_model_whose_evaluation_was_broken_sets_no_mark(tmp_path: Path) -> None:
    overridden(tmp_path, approval(evaluation_broken=True))
    assert "best     no model was soundly measured on this golden set" in text(tmp_path)


@pytest.mark.parametrize(
    ("looks", "budget", "line"),
    [
        (37, 50, "budget   look 37 of 50"),
        (50, 50, "budget   look 50 of 50; no candidate is pushed any more: renew the golden set, or raise"),
    ],
)
def test_the_looks_at_the_golden_set_are_counted_beside_the_budget(
    tmp_path: Path, looks: int, budget: int, line: str
) -> None:
    model = serve(tmp_path, "200", "span-2-bb-1", 2)
    for number in range(looks):
        made = recorded_decision(run_id=f"run-{number}", golden_digest=model.golden_digest)
        registry_in(tmp_path).record_decision(str(number), made)
    settings = {"name": "digits", "evaluator": {"golden_budget": budget}}
    write_file(tmp_path, RootFile("digits", settings, "my.yaml", str(tmp_path)))
    assert any(one.startswith(line) for one in text(tmp_path).splitlines())
    assert read_status(tmp_path, TODAY).to_json()["golden"] == {
        "digest": model.golden_digest,
        "looks": looks,
        "budget": budget,
    }


def test_a_renewed_golden_set_counts_from_the_start_and_is_named(tmp_path: Path) -> None:
    model = serve(tmp_path, "200", "span-2-bb-1", 2)
    for golden, day in ((model.golden_digest, 1), ("renewed-golden-set", 2)):
        made = recorded_decision(run_id=golden, golden_digest=golden, decided_at=f"2030-01-0{day}T00:00:00+00:00")
        registry_in(tmp_path).record_decision(golden, made)
    assert "budget   look 1 of 100 at golden set renewed-gold, on which no served model was accepted yet" in text(
        tmp_path
    )


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    overridden(tmp_path, approval(by="\x1b[2Jmoss", reason="a\nserved   version 666"))
    assert "\x1b" not in text(tmp_path)
    assert sum(line.startswith("served") for line in text(tmp_path).splitlines()) == 1


def test_other_bytes_than_those_pushed_are_a_problem_with_advice(tmp_path: Path) -> None:
    add_run(tmp_path, "span-2-bb-1", Verdict.PUSHED, 2)
    model = serve(tmp_path, "200", "span-2-bb-1", 2)
    Path(model.path, "saved_model.pb").write_bytes(b"exchanged")
    status = read_status(tmp_path, TODAY)
    assert status.exit_code == 2
    lines = status.to_text().splitlines()
    assert lines[0] == "served   UNKNOWN: the registry contradicts what is served"
    assert "content digest" in lines[1]
    assert "restore" in lines[1]
    assert "last run span-2-bb-1" in lines[2]
    assert status.to_json()["served"] is None


def test_a_model_that_the_registry_does_not_know_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "serving" / "digits" / "17").mkdir(parents=True)
    status = read_status(tmp_path, TODAY)
    assert status.exit_code == 2
    assert "version 17" in status.to_text()


def test_json(tmp_path: Path) -> None:
    overridden(tmp_path, approval())
    value: dict[str, Any] = json.loads(json.dumps(read_status(tmp_path, TODAY).to_json()))
    expected = {"served", "since", "override", "expired", "problem", "told_apart", "last_run", "working"}
    assert set(value) == {*expected, "best", "golden"}
    assert value["told_apart"] is None
    assert (value["served"]["version"], value["override"]["by"], value["working"]) == ("300", "moss", None)


def test_a_run_that_works_just_now_is_seen_and_one_that_died_is_not(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    code = (
        "import sys\nfrom pathlib import Path\nfrom ratchet.components.registry.locking import hold\n"
        f"with hold(Path({str(tmp_path / 'lock')!r}), 'x'):\n    print('locked', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        line = text(tmp_path).splitlines()[-1]
        assert line.startswith(f"now      process {other.pid} on ")
        assert line.endswith("is retraining in this root")
        other.kill()
    assert str(other.pid) in (tmp_path / "lock").read_text()
    assert "retraining in this root" not in text(tmp_path)


def test_a_missing_root_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        read_status(tmp_path / "nowhere", TODAY)
