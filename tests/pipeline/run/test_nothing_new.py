"""A schedule with nothing new neither trains nor looks at the golden set, and whatever is new makes a run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.past.run_record import begin_run
from ratchet.pipeline.run.nothing_new import DecidedBefore, decided_before
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, REQUEST_FILE, RunRecord
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from ratchet.schemas.base import settings as settings_io
from tests.builders import coco, coco_annotation, coco_image, recorded_decision, write_span
from tests.pipeline.notify.test_in_a_run import RejectingRunner
from tests.pipeline.notify.webhook_server import webhook_server
from tests.pipeline.roots import add_run, registry_in

REPOSITORY = Path(__file__).resolve().parents[3]
SETTINGS = json.loads(settings_io.to_json(load_settings({}, ())))
ASKED: dict[str, Any] = {
    **{"span": 5, "data": "data-5", "golden": "golden-1", "bootstrap": False, "settings": SETTINGS},
    **{"schema": "schema-1", "init_checkpoint": None, "code": "0.1"},
}


def model(version: str, run_id: str = "another run") -> ServedModel:
    """A served model."""
    digest = f"digest-{version}"
    return ServedModel(version, f"serving/{version}", digest, 1, "g", 0.5, "PUSHED", run_id, "2030-01-01", blessed=True)


V100, V200 = model("100"), model("200")


def earlier(root: Path, verdict: Verdict = Verdict.BLOCKED, day: int = 5, **changed: Any) -> str:
    """A run on span 5 that was compared with version 100."""
    baseline = changed.pop("baseline", (V100.version, V100.digest))
    reasons = changed.pop("reasons", (Reason("map_drop", "no fall", "a fall"),))
    record = RunRecord(5, {**ASKED, **changed}, baseline, "ratchet run", "2030-01-05T00:00:00+00:00", "0.1")
    run_id = begin_run(root, record)
    request = (root / "runs" / run_id / REQUEST_FILE).read_text()
    shutil.rmtree(root / "runs" / run_id)
    add_run(root, run_id, verdict, day, reasons=reasons)
    (root / "runs" / run_id / REQUEST_FILE).write_text(request)
    return run_id


def found(
    root: Path, served: ServedModel | None = V100, decisions: tuple[RecordedDecision, ...] = (), **changed: Any
) -> DecidedBefore | None:
    return decided_before(root, {**ASKED, **changed}, served, decisions)


def found_run(root: Path, served: ServedModel | None = V100, **changed: Any) -> str | None:
    decided = found(root, served, **changed)
    return decided and decided.entry.run_id


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.DATA_REJECTED])
def test_what_was_kept_out_is_not_tried_again_over_the_same_served_model(tmp_path: Path, verdict: Verdict) -> None:
    run_id = earlier(tmp_path, verdict)
    assert found_run(tmp_path) == run_id
    assert found_run(tmp_path, V200) is None


def test_a_model_that_was_pushed_or_approved_is_not_made_again(tmp_path: Path) -> None:
    for verdict in (Verdict.PUSHED, Verdict.BLOCKED):
        run_id = earlier(tmp_path / verdict.value, verdict)
        assert found_run(tmp_path / verdict.value, model("300", run_id)) == run_id
        assert found_run(tmp_path / verdict.value, V200) is None


def test_what_a_person_took_back_is_not_done_again(tmp_path: Path) -> None:
    run_id = earlier(tmp_path, Verdict.PUSHED)
    restored = ServedModel(**{**vars(V100), "version": "400", "restores": "100"})
    assert found_run(tmp_path, restored) == run_id


def test_the_first_models_span_is_no_news_to_a_retraining(tmp_path: Path) -> None:
    run_id = earlier(tmp_path, Verdict.BOOTSTRAPPED, bootstrap=True, baseline=None)
    assert found_run(tmp_path, model("100", run_id)) == run_id
    assert found_run(tmp_path, V200) is None


def test_a_first_model_that_was_kept_out_is_not_made_again(tmp_path: Path) -> None:
    run_id = earlier(tmp_path, Verdict.BLOCKED, bootstrap=True, baseline=None)
    assert found_run(tmp_path, None, bootstrap=True) == run_id


def another(group: str, **values: Any) -> dict[str, Any]:
    return {**SETTINGS, group: {**SETTINGS[group], **values}}


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "data-6"},
        {"golden": "golden-2"},
        {"schema": "schema-2"},
        {"init_checkpoint": "weights"},
        {"settings": another("evaluator", margin=0.01)},
    ],
)
def test_whatever_is_new_makes_a_run(tmp_path: Path, changed: dict[str, Any]) -> None:
    earlier(tmp_path)
    assert found_run(tmp_path) is not None
    assert found_run(tmp_path, **changed) is None


def test_another_version_of_the_code_and_a_copy_under_another_number_are_no_news(tmp_path: Path) -> None:
    run_id = earlier(tmp_path)
    assert found_run(tmp_path, code="0.2") == run_id
    assert found_run(tmp_path, span=6) == run_id


def test_a_setting_that_a_newer_version_added_is_no_news_and_one_that_it_cannot_read_is(tmp_path: Path) -> None:
    evaluator = {name: value for name, value in SETTINGS["evaluator"].items() if name != "golden_budget"}
    run_id = earlier(tmp_path / "older", settings={**SETTINGS, "evaluator": evaluator})
    assert found_run(tmp_path / "older") == run_id
    earlier(tmp_path / "other", settings=another("evaluator", dropped_since=1))
    assert found_run(tmp_path / "other") is None


@pytest.mark.parametrize("rule", ["baseline_changed", "candidate_changed", "evaluation_changed", "serving:loads"])
def test_an_accident_at_the_door_has_decided_nothing(tmp_path: Path, rule: str) -> None:
    earlier(tmp_path, reasons=(Reason(rule, "", ""),))
    assert found_run(tmp_path) is None


def test_an_abandoned_an_unreadable_and_an_unfinished_run_have_decided_nothing(tmp_path: Path) -> None:
    for name, spoil in (
        ("abandoned", lambda run: (run / ABANDONED_FILE).touch()),
        ("unreadable", lambda run: (run / REQUEST_FILE).write_text("{")),
        ("torn", lambda run: (run / "result.json").write_text("{")),
        ("unfinished", lambda run: (run / "result.json").unlink()),
    ):
        run_id = earlier(tmp_path / name)
        assert found_run(tmp_path / name) == run_id
        spoil(tmp_path / name / "runs" / run_id)
        assert found_run(tmp_path / name) is None, name


def test_what_a_run_was_really_compared_with_counts_and_not_what_was_served_at_its_start(tmp_path: Path) -> None:
    run_id = earlier(tmp_path)
    decision = recorded_decision(run_id=run_id, baseline_version="200", baseline_digest=V200.digest)
    assert found(tmp_path, V100, (decision,)) is None
    assert found(tmp_path, V200, (decision,)) is not None


def test_the_newest_of_several_is_named_with_its_verdict_date_and_page(tmp_path: Path) -> None:
    earlier(tmp_path, Verdict.BLOCKED, day=5)
    newest = earlier(tmp_path, Verdict.INCONCLUSIVE, day=6)
    decided = found(tmp_path, span=7)
    assert decided is not None
    result = decided.result(span=7)
    assert (result.verdict, result.exit_code, result.span) == (Verdict.NOTHING_NEW, 0, 7)
    assert (result.run_id, result.report) == (newest, str(tmp_path / "runs" / newest / "review.html"))
    assert result.first_reason == (
        f"span 7 holds what span 5 held; run {newest} of 2030-01-06 12:00 UTC ended as INCONCLUSIVE, and the model "
        "that it was compared with is served, as version 100"
    )


class CountingRunner(RejectingRunner):
    """Counts the runs that worked."""

    worked = 0

    def execute(self, compiled: Any) -> None:
        self.worked += 1
        super().execute(compiled)


class Schedule:
    """A nightly command in a root where nothing is served yet, whose data gate rejects everything."""

    def __init__(self, directory: Path, runner: CountingRunner, capfd: pytest.CaptureFixture[str]) -> None:
        self.directory, self.runner, self._capfd = directory, runner, capfd
        self.code: int | None = None
        self.err = ""

    def give(self, *options: str, span: str = "1") -> dict[str, Any]:
        data, root = str(self.directory / "data"), str(self.directory / "root")
        command = ["run", "--config", "digits", "--data", data, "--root", root, "--span", span, "--bootstrap", "--json"]
        self.code = main([*command, "--set", "training.batch_size=2", *options])
        captured = self._capfd.readouterr()
        self.err = captured.err
        return json.loads(captured.out)

    @property
    def runs(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "root" / "runs").glob("span-*"))

    def interrupt(self, run_id: str) -> None:
        (self.directory / "root" / "runs" / run_id / "result.json").unlink()


@pytest.fixture
def schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Schedule:
    boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
    many = coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes)
    write_span(tmp_path / "data" / "span-1", many)
    shutil.copytree(tmp_path / "data" / "span-1", tmp_path / "data" / "span-2")
    write_span(tmp_path / "data" / "golden")
    runner = CountingRunner(tmp_path / "gate")
    monkeypatch.setattr(ratchet.pipeline.run, "runner", runner, raising=False)
    return Schedule(tmp_path, runner, capfd)


def test_the_same_command_again_says_that_nothing_is_new_and_leaves_no_trace(schedule: Schedule) -> None:
    first = schedule.give()
    assert (schedule.code, first["verdict"]) == (4, "DATA_REJECTED")
    before = schedule.runs
    second = schedule.give()
    assert (schedule.code, second["verdict"], second["run_id"]) == (0, "NOTHING_NEW", first["run_id"])
    assert set(second) == set(first)
    assert second["report"] == first["report"]
    assert [second[name] for name in ("map", "baseline_map", "delta", "delta_ci", "model", "pushed_version")] == [
        None
    ] * 6
    assert (second["seconds"], second["observed"]) == ({}, [])
    [reason] = second["reasons"]
    assert (reason["rule"], reason["passed"]) == ("nothing_new", True)
    assert "ended as DATA_REJECTED, and still no model is served" in reason["actual"]
    assert (schedule.runs, schedule.runner.worked) == (before, 1)
    history = json.loads((schedule.directory / "root" / "runs" / before[0] / "result.json").read_text())
    assert RUN_RESULT_FORMAT.from_values(history, "").verdict is Verdict.DATA_REJECTED


def test_a_copy_of_a_span_is_nothing_new(schedule: Schedule) -> None:
    schedule.give()
    copied = schedule.give(span="2")
    assert (copied["verdict"], copied["span"]) == ("NOTHING_NEW", 2)
    assert "span 2 holds what span 1 held" in copied["reasons"][0]["actual"]


def test_again_runs_all_the_same_and_changed_annotations_do_without(schedule: Schedule) -> None:
    schedule.give()
    assert schedule.give("--again")["verdict"] == "DATA_REJECTED"
    annotations = schedule.directory / "data" / "span-1" / "annotations.json"
    document = json.loads(annotations.read_text())
    document["annotations"][0]["bbox"][0] += 1
    annotations.write_text(json.dumps(document))
    assert schedule.give()["verdict"] == "DATA_REJECTED"
    assert (len(schedule.runs), schedule.runner.worked) == (3, 3)


def test_an_interrupted_run_comes_first_and_anew_is_about_it_alone(schedule: Schedule) -> None:
    schedule.give()
    begun: str = schedule.give("--again")["run_id"]
    schedule.interrupt(begun)
    assert schedule.give()["run_id"] == begun  # resumed, not told that nothing is new
    assert schedule.give("--anew")["verdict"] == "NOTHING_NEW"
    schedule.interrupt(begun)
    assert schedule.give("--anew")["run_id"] not in (begun, None)
    assert len(schedule.runs) == 3


def test_the_first_lines_name_the_earlier_run_and_the_way_to_run_all_the_same(
    schedule: Schedule, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = schedule.give()["run_id"]
    root = str(schedule.directory / "root")
    options = ("--root", root, "--bootstrap", "--set", "training.batch_size=2")
    assert main(["run", "--config", "digits", "--data", str(schedule.directory / "data"), *options]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "NOTHING_NEW  (span 2)"
    assert run_id in lines[1]
    assert "--again" in lines[2]
    assert lines[3].endswith("review.html")


@pytest.mark.parametrize(("on", "told"), [("[NOTHING_NEW]", 1), ("[DATA_REJECTED]", 0)])
def test_a_heartbeat_is_sent_where_it_is_wanted(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, on: str, told: int
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    schedule.give()
    with webhook_server() as server:
        schedule.give("--set", f"notify.urls=[{json.dumps(server.url)}]", "--set", f"notify.on={on}")
    assert len(server.requests) == told
    if told:
        text = server.requests[0][2]["text"]
        assert text.startswith("NOTHING_NEW digits span 1: run span-1-")
        assert "nothing was trained" in text


def test_retention_is_applied_as_after_any_run(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.pipeline.run import local

    applied: list[Path] = []
    monkeypatch.setattr(local, "apply_retention", lambda root, *_: applied.append(root))
    schedule.give()
    schedule.give()
    assert len(applied) == 2


@pytest.mark.parametrize(("budget", "warned"), [(1, True), (2, False)])
def test_a_golden_budget_that_is_spent_is_told_before_the_training(
    schedule: Schedule, budget: int, warned: bool
) -> None:
    run_id = schedule.give()["run_id"]
    registry_in(schedule.directory / "root").record_decision("one", recorded_decision(run_id=run_id))
    schedule.give("--again", "--set", f"evaluator.golden_budget={budget}")
    told = "has made 1 decision, and evaluator.golden_budget is 1: this run's candidate can be approved, but not pushed"
    assert (told in schedule.err) is warned


def test_it_starts_neither_tensorflow_nor_tfx(schedule: Schedule) -> None:
    schedule.give()
    data, root = str(schedule.directory / "data"), str(schedule.directory / "root")
    given = ["run", "--data", data, "--root", root, "--span", "1", "--bootstrap", "--set", "training.batch_size=2"]
    script = (
        "import sys\nfrom ratchet.pipeline.cli.main import main\n"
        f"code = main({given!r})\n"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert "NOTHING_NEW" in done.stdout
    assert done.stdout.splitlines()[-1] == "[] 0"
