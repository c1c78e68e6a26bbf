from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.past.best_served import BestServed
from ratchet.pipeline.past.history import find_run, history_text, open_registry, page_of, read_history
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.base.errors import InputError
from tests.builders import cause
from tests.pipeline.roots import add_run, add_unfinished, approval, rollback, serve
from tests.pipeline.served_root import ServedRoot


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A first model, a push, a block and a run that is not finished; their names sort otherwise."""
    nothing: dict[str, Any] = {"baseline_map": None, "delta": None, "delta_ci": None}
    add_run(tmp_path, "span-1-ff-1", Verdict.BOOTSTRAPPED, 1, map=0.5, **nothing)
    add_run(tmp_path, "span-2-bb-1", Verdict.PUSHED, 2)
    add_run(tmp_path, "span-3-cc-1", Verdict.BLOCKED, 3, map=0.4, baseline_map=0.6, delta=-0.2, delta_ci=(-0.3, -0.1))
    add_unfinished(tmp_path, "span-3-aa-1", 4)
    return tmp_path


def test_runs_come_in_the_order_in_which_they_ended(root: Path) -> None:
    history = read_history(root, ())
    assert [entry.run_id for entry in history.runs] == ["span-1-ff-1", "span-2-bb-1", "span-3-cc-1", "span-3-aa-1"]
    assert [entry.state for entry in history.runs] == ["finished"] * 3 + ["unfinished"]
    assert history.runs[2].result is not None
    assert history.runs[2].result.delta_ci == (-0.3, -0.1)
    assert history.runs[2].page == page_of(root, "span-3-cc-1")


def test_the_table_shows_figures_reasons_and_what_people_did(root: Path) -> None:
    lines = history_text(read_history(root, [approval(), rollback()]), None).splitlines()
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    assert rows == [
        ["run", "when (UTC)", "span", "verdict", "mAP", "baseline", "difference", "why"],
        ["span-1-ff-1", "2030-01-01 12:00", "1", "BOOTSTRAPPED", "0.5000", "-", "-", "every rule passed"],
        ["span-2-bb-1", "2030-01-02 12:00", "2", "PUSHED", "0.6000", "0.5000", "+0.1000 [+0.0500, +0.1500]",
         "every rule passed"],
        ["span-3-cc-1", "2030-01-03 12:00", "3", "BLOCKED", "0.4000", "0.6000", "-0.2000 [-0.3000, -0.1000]",
         "map_drop: expected candidate mAP at least the baseline's 0.6000; found 0.4000 (-0.2000)"],
        ["span-3-cc-1", "2030-01-03 15:00", "3", "APPROVED", "0.4000",
         "by moss until 2030-02-28: the new camera is worth it"],
        ["span-2-bb-1", "2030-01-04 09:00", "2", "ROLLED_BACK", "0.6000",
         "by reed, version 200 again: false alarms"],
        ["span-3-aa-1", "2030-01-04 12:00", "unfinished", f"see {root}/runs/span-3-aa-1/log.txt"],
    ]  # fmt: skip


def test_a_named_cause_has_a_column_and_what_there_is_nothing_to_explain_of_a_dash(root: Path) -> None:
    nothing = cause(name="nothing_to_explain", detail="", state=DiagnosisState.NOTHING)
    add_run(root, "span-4-bb-1", Verdict.PUSHED, 5, cause=nothing)
    add_run(root, "span-4-cc-1", Verdict.BLOCKED, 5, cause=cause())
    add_run(root, "span-4-dd-1", Verdict.BLOCKED, 5, cause=cause(name="unknown", detail="", probability=1.0))
    header, *lines = history_text(read_history(root, ()), None).splitlines()
    place = header.index("cause")
    shown = {line.split()[0]: line[place:].split("  ")[0].strip() for line in lines}
    assert {run: told for run, told in shown.items() if told} == {
        "span-4-bb-1": "-",
        "span-4-cc-1": "annotation:loose_boxes",
        "span-4-dd-1": "unknown",
    }
    assert "span-1-ff-1" in shown
    narrow = history_text(read_history(root, ()), 80)
    assert "  annotation:loose_boxes  map_drop: expected" in narrow
    assert max(map(len, narrow.splitlines())) <= 80


def test_the_json_of_a_run_has_its_cause_and_null_where_none_was_made(root: Path) -> None:
    add_run(root, "span-4-cc-1", Verdict.BLOCKED, 5, cause=cause())
    runs = {run["run_id"]: run.get("cause") for run in read_history(root, ()).to_json()["runs"]}
    assert json.loads(json.dumps(runs))["span-4-cc-1"] == {
        "name": "annotation",
        "detail": "loose_boxes",
        "probability": 0.88,
        "state": "named",
        "sentence": cause().sentence,
        "evidence": list(cause().evidence),
        "action": cause().action,
    }
    assert runs["span-2-bb-1"] is None


@pytest.mark.parametrize("width", [40, 80, 130, 200])
def test_no_line_is_wider_than_the_terminal(root: Path, width: int) -> None:
    text = history_text(read_history(root, [approval()]), width)
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        assert "-0.2000 [-0.3000, -0.1000]  map_drop: expected" in text


@pytest.mark.parametrize("width", [40, 200, None])
def test_a_served_model_that_is_worse_than_an_earlier_one_is_told_below_the_table(
    root: Path, width: int | None
) -> None:
    served = serve(root, "300", "span-3-cc-1", 3, map=0.4)
    mark = HighWaterMark("200", 0.6, "better", served.golden_digest, f"the approval of {'moss ' * 20}on 2030-01-03")
    history = read_history(root, (), BestServed(mark, served))
    _, _, below = history_text(history, width).rpartition("\n\n")
    told = "best served: version 200, mAP 0.6000 on this golden set; the served one is 0.2000 below it since"
    assert " ".join(below.split()).startswith(f"{told} the approval of moss moss")
    assert " ".join(below.split()).endswith("on 2030-01-03")
    assert width is None or max(map(len, below.splitlines())) <= width
    assert history.to_json()["best"]["above_served"] == pytest.approx(0.2)


def test_a_served_model_that_is_the_best_needs_no_word(root: Path) -> None:
    served = serve(root, "300", "span-3-cc-1", 3)
    best = BestServed(HighWaterMark("300", served.map, served.digest, served.golden_digest), served)
    assert history_text(read_history(root, (), best), 200) == history_text(read_history(root, ()), 200)


def test_a_terminal_sees_the_served_map_over_time(root: Path) -> None:
    history = read_history(root, [approval(), rollback()])
    assert history.served_maps == [0.5, 0.6, 0.4, 0.6]
    assert history_text(history, 200).splitlines()[0] == "served mAP  ▅█▁█  0.5000 -> 0.6000"
    assert "served mAP" not in history_text(history, None)


def test_a_map_that_never_changed_is_drawn_too(tmp_path: Path) -> None:
    for day in (1, 2):
        add_run(tmp_path, f"span-{day}-aa-1", Verdict.PUSHED, day)
    assert "▁▁" in history_text(read_history(tmp_path, ()), 200)


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    evil = Reason("class_drop:\x1b[2Jcat\n\x07", "x", "y")
    add_run(tmp_path, "span-1-aa-1", Verdict.BLOCKED, 1, reasons=(evil,))
    text = history_text(read_history(tmp_path, [approval(by="\x1b]0;me\x07", reason="a\nb")]), 200)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"verdict": "FINE"}'])
def test_a_spoilt_result_does_not_hide_the_other_runs(root: Path, content: str) -> None:
    (root / "runs" / "span-2-bb-1" / "result.json").write_text(content)
    history = read_history(root, ())
    assert {entry.run_id: entry.state for entry in history.runs}["span-2-bb-1"] == "unreadable"
    assert len(history.finished) == 2
    assert "unreadable" in history_text(history, None)
    assert "result.json: " in history_text(history, None)  # what is wrong with it, in a sentence


def test_results_of_a_version_that_recorded_no_time_are_dated_by_their_file(root: Path) -> None:
    file = root / "runs" / "span-2-bb-1" / "result.json"
    values = json.loads(file.read_text())
    del values["ended_at"], values["observed"]
    file.write_text(json.dumps(values))
    [entry] = [entry for entry in read_history(root, ()).runs if entry.run_id == "span-2-bb-1"]
    assert entry.state == "finished"
    assert entry.at > "2026"


def test_json_has_runs_and_overrides(root: Path) -> None:
    value = json.loads(json.dumps(read_history(root, [approval()]).to_json()))
    assert set(value) == {"runs", "overrides", "best"}
    assert [(run["run_id"], run["verdict"], run["state"]) for run in value["runs"]] == [
        ("span-1-ff-1", "BOOTSTRAPPED", "finished"),
        ("span-2-bb-1", "PUSHED", "finished"),
        ("span-3-cc-1", "BLOCKED", "finished"),
        ("span-3-aa-1", None, "unfinished"),
    ]
    assert value["runs"][2]["page"] == str(page_of(root, "span-3-cc-1"))
    assert value["overrides"][0]["by"] == "moss"


def test_a_run_is_found_by_the_beginning_of_its_name(root: Path) -> None:
    add_run(root, "span-2-bb-10", Verdict.BLOCKED, 5)
    history = read_history(root, ())
    assert find_run(history, "span-3-c").run_id == "span-3-cc-1"
    assert find_run(history, "span-2-bb-1").run_id == "span-2-bb-1"  # the whole name of one, the beginning of another
    assert find_run(history, None).run_id == "span-2-bb-10"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("span-9", r"run span-9: no such run; the newest are span-3-aa-1, span-3-cc-1, span-2-bb-1, span-1-ff-1"),
        ("span-3", r"run span-3: 2 runs begin like this, .*: span-3-aa-1, span-3-cc-1"),
        ("../span-1-ff-1", "no such run"),
    ],
)
def test_a_name_that_leads_to_no_run_is_answered_with_those_there_are(root: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_run(read_history(root, ()), name)


def test_the_newest_finished_run_needs_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run yet"):
        find_run(read_history(tmp_path, ()), None)
    add_unfinished(tmp_path, "span-1-aa-1", 1)
    with pytest.raises(InputError, match=r"no run has finished yet; .*span-1-aa-1"):
        find_run(read_history(tmp_path, ()), None)


def test_a_root_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        open_registry(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a pipeline root"):
        open_registry(tmp_path)
    serve(tmp_path, "100", "span-1-aa-1", 1)
    assert open_registry(tmp_path).serving_directory == f"{tmp_path}/serving/digits"


def test_of_two_serving_directories_the_newest_versions_counts(tmp_path: Path) -> None:
    world = ServedRoot(tmp_path / "root")
    world.run("first", Verdict.BOOTSTRAPPED)
    (tmp_path / "root" / "serving" / "a-name-from-before" / "1").mkdir(parents=True)
    assert open_registry(world.root).serving_directory == world.registry.serving_directory


def test_a_moved_root_shows_the_files_in_it_and_not_those_of_its_old_place(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    models = old / "artifacts" / "DetectorTrainer" / "model"
    add_run(old, "paged", Verdict.PUSHED, 1, model=str(models / "7"), report=str(page_of(old, "paged")))
    gate = old / "artifacts" / "DataGate" / "decision" / "6" / "report.html"
    add_run(old, "bare", Verdict.DATA_REJECTED, 2, page=False, model=str(models / "8"), report=str(gate))
    (models / "7").mkdir(parents=True)
    gate.parent.mkdir(parents=True)
    gate.write_text("<!doctype html>")
    shutil.copytree(old, new)
    shown = [(run.result.report, run.result.model) for run in read_history(new, ()).runs if run.result]
    assert shown == [
        (str(page_of(new, "paged")), str(new / "artifacts" / "DetectorTrainer" / "model" / "7")),
        (str(new / "artifacts" / "DataGate" / "decision" / "6" / "report.html"), str(models / "8")),  # has none
    ]
