"""What the last step of a job leaves and tells, however the others ended."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.kubeflow.step import end as end_module
from ratchet.kubeflow.step.end import JobEnd, StepFailedError, end, failures_in_a_row
from ratchet.kubeflow.step.records import write_record
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE, DIAGNOSIS_FORMAT, Cause, Diagnosis, DiagnosisState
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    DataSetEvaluation,
    Evaluation,
    ModelScores,
)
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.run_files import CRASH_FILE, CRASH_FORMAT
from ratchet.schemas.artifacts.run_result import NOTHING_NEW_RULE, RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.artifacts.step_record import StepRecord, StepState
from tests.pipeline.notify.webhook_server import WebhookServer, webhook_server

RUN = "digits-7"
DARK = Reason("drift:qa/brightness", "at most 0.1", "0.9")


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose lease was given back."""
    found: list[str] = []
    monkeypatch.setattr(end_module, "release_lease", lambda root, holder: found.append(holder))
    return found


def step(root: Path, name: str, state: StepState = StepState.DONE, **fields: Any) -> None:
    write_record(str(root), RUN, StepRecord(name, state, "1", "2030-01-01T00:00:00+00:00", 2.0, **fields))


def started(root: Path) -> None:
    step(root, "RunStart", outputs={"start": "x"}, output_properties={"start": {"span": 5, "version": 1}})


def gate(root: Path, passed: bool) -> None:
    directory = root / "artifacts" / "decision"
    directory.mkdir(parents=True)
    decision = DataDecision(passed, () if passed else (DARK,))
    (directory / DECISION_FILE).write_text(DATA_DECISION_FORMAT.write(decision))
    step(
        root, "DataGate", outputs={"decision": str(directory)}, output_properties={"decision": {"passed": int(passed)}}
    )


def explained(root: Path, diagnosis: str, page: str) -> None:
    directory = root / "artifacts" / "explained"
    directory.mkdir(parents=True)
    cause = Cause("shift", "", 0.9, DiagnosisState.NAMED, "it is dark", (), "")
    (directory / DIAGNOSIS_FILE).write_text(DIAGNOSIS_FORMAT.write(Diagnosis(cause)))
    (directory / "review.html").write_text("<p>page</p>")
    if page == "Review":
        (directory / "tfma.html").write_text("<p>report</p>")
    step(root, diagnosis, outputs={"diagnosis": str(directory)})
    step(root, page, outputs={"page": str(directory)})


def evaluated(root: Path, version: str | None) -> None:
    """A candidate that was pushed as that version; None: that was blocked."""
    directory = root / "artifacts" / "evaluated"
    directory.mkdir(parents=True)
    decision = Decision(Verdict.PUSHED, ()) if version else Decision(Verdict.BLOCKED, (Reason("map_drop", "a", "b"),))
    scores = ModelScores({"AP": 0.5}, {})
    measured = Evaluation(decision, {"golden": DataSetEvaluation(9, scores, None, None, {}, {})}, "golden")
    (directory / EVALUATION_FILE).write_text(EVALUATION_FORMAT.write(measured))
    (directory / PUBLICATION_FILE).write_text(PUBLICATION_FORMAT.write(PublicationResult(version)))
    step(root, "DetectorTrainer", outputs={"model": "m"})
    step(root, "MapEvaluator", outputs={"evaluation": str(directory)})
    step(root, "Pusher", outputs={"pushed_model": str(directory)})


def ended(root: Path, state: str = "SUCCEEDED", error: str = "", **notify: Any) -> RunResult | None:
    status = {"state": state, **({"error": {"message": error}} if error else {})}
    settings = load_settings({"notify": notify} if notify else {}, ())
    return end(JobEnd(RUN, str(root), status, settings))


def told(root: Path, state: str = "SUCCEEDED", **options: Any) -> WebhookServer:
    """What people were told of the end of the job."""
    with webhook_server() as server:
        events = ["PUSHED", "BLOCKED", "CRASHED", "DATA_REJECTED"]
        with contextlib.suppress(StepFailedError):
            ended(root, state, urls=[server.url], on=events, **options)
    return server


def run_files(root: Path) -> set[str]:
    return {path.name for path in (root / "runs" / RUN).iterdir() if path.is_file()}


def test_a_push_leaves_what_a_run_on_one_machine_leaves(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=True)
    evaluated(tmp_path, "300")
    explained(tmp_path, "Diagnosis", "Review")
    result = ended(tmp_path)
    assert result is not None
    assert (result.verdict, result.pushed_version, result.span, result.map) == (Verdict.PUSHED, "300", 5, 0.5)
    assert result.seconds["DetectorTrainer"] == 2.0
    directory = tmp_path / "runs" / RUN
    assert result.report == str(directory / "review.html")
    assert (directory / "review.html").read_text() == "<p>page</p>"
    assert (directory / "tfma.html").read_text() == "<p>report</p>"
    assert run_files(tmp_path) == {RESULT_FILE, "review.html", "tfma.html", DIAGNOSIS_FILE}
    assert RUN_RESULT_FORMAT.read((directory / RESULT_FILE).read_text(), RESULT_FILE) == result
    assert result.cause is not None
    assert result.cause.sentence == "it is dark"
    assert released == [f"job {RUN}"]


def test_the_index_of_runs_has_a_run_that_ended_and_one_that_crashed(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    step(tmp_path, "DetectorTrainer", StepState.FAILED, error="OSError: disk full")
    with pytest.raises(StepFailedError):
        ended(tmp_path, "FAILED")
    index = tmp_path / "runs" / "index.html"
    assert "DetectorTrainer failed: OSError: disk full" in index.read_text()
    gate(tmp_path, passed=False)
    explained(tmp_path, "RejectionDiagnosis", "RejectionReview")
    step(tmp_path, "DetectorTrainer")
    assert ended(tmp_path) is not None
    assert "DATA_REJECTED" in index.read_text()
    assert f'href="{RUN}/review.html"' in index.read_text()


def test_rejected_data_are_a_result_with_their_reasons_and_page(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=False)
    explained(tmp_path, "RejectionDiagnosis", "RejectionReview")
    result = ended(tmp_path)
    assert result is not None
    assert (result.verdict, result.reasons) == (Verdict.DATA_REJECTED, (DARK,))
    assert "review.html" in run_files(tmp_path)
    assert "tfma.html" not in run_files(tmp_path)
    assert released == [f"job {RUN}"]


def test_people_are_told_a_block_with_its_rule(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=True)
    evaluated(tmp_path, None)
    explained(tmp_path, "Diagnosis", "Review")
    [(_, _, body)] = told(tmp_path).requests
    assert "BLOCKED" in body["text"]
    assert "map_drop" in json.dumps(body)


def test_a_step_that_failed_is_named_with_its_error_and_people_are_told(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=True)
    step(tmp_path, "DetectorTrainer", StepState.FAILED, error="OSError: disk full")
    with pytest.raises(StepFailedError, match="DetectorTrainer failed: OSError: disk full"):
        ended(tmp_path, "FAILED")
    crash = CRASH_FORMAT.read((tmp_path / "runs" / RUN / CRASH_FILE).read_text(), CRASH_FILE)
    assert (crash.why, crash.span) == ("DetectorTrainer failed: OSError: disk full", 5)
    assert RESULT_FILE not in run_files(tmp_path)
    assert released == [f"job {RUN}"]
    [(_, _, body)] = told(tmp_path, "FAILED").requests
    assert "CRASHED" in body["text"]
    assert "disk full" in json.dumps(body)


def test_a_step_that_was_killed_is_named_although_it_could_not_say_why(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    step(tmp_path, "DetectionExampleGen", StepState.RUNNING)
    with pytest.raises(StepFailedError, match="DetectionExampleGen was ended from outside"):
        ended(tmp_path, "FAILED")


def test_a_job_that_the_runner_ended_says_what_the_runner_says(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    with pytest.raises(StepFailedError, match="the job ended as FAILED: no quota"):
        ended(tmp_path, "FAILED", "no quota")


def test_what_was_published_stands_although_the_page_failed(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=True)
    evaluated(tmp_path, "300")
    step(tmp_path, "Review", StepState.FAILED, error="no page today")
    result = ended(tmp_path, "FAILED")
    assert result is not None
    assert (result.verdict, result.pushed_version) == (Verdict.PUSHED, "300")
    assert RESULT_FILE in run_files(tmp_path)


def test_the_same_step_again_says_the_same_and_changes_nothing(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    gate(tmp_path, passed=True)
    evaluated(tmp_path, "300")
    assert ended(tmp_path) == ended(tmp_path)


def test_a_run_of_nothing_new_leaves_nothing(tmp_path: Path, released: list[str]) -> None:
    started(tmp_path)
    reason = Reason(NOTHING_NEW_RULE, "news", "run 3 has decided it", passed=True)
    result = RunResult.untrained(Verdict.NOTHING_NEW, (reason,), "page of 3", RUN, 5, {})
    (tmp_path / "runs" / RUN / RESULT_FILE).write_text(RUN_RESULT_FORMAT.write(result))
    assert ended(tmp_path) == result
    assert not (tmp_path / "runs" / RUN).exists()
    assert RUN not in (tmp_path / "runs" / "index.html").read_text()
    assert ended(tmp_path) is None


def crashed(root: Path, run: str, at: str) -> None:
    (root / "runs" / run).mkdir(parents=True)
    (root / "runs" / run / CRASH_FILE).write_text(json.dumps({"format": 1, "at": at, "why": "x", "span": 1}))


def finished(root: Path, run: str, at: str) -> None:
    (root / "runs" / run).mkdir(parents=True)
    (root / "runs" / run / RESULT_FILE).write_text(json.dumps({"ended_at": at}))


def test_failures_are_counted_back_to_the_last_run_that_ended(tmp_path: Path) -> None:
    crashed(tmp_path, "a", "2030-01-01T00:00:00+00:00")
    finished(tmp_path, "b", "2030-01-02T00:00:00+00:00")
    crashed(tmp_path, "c", "2030-01-03T00:00:00+00:00")
    crashed(tmp_path, "d", "2030-01-04T00:00:00+00:00")
    (tmp_path / "runs" / "e-still-works").mkdir()
    assert failures_in_a_row(tmp_path) == 2


def test_a_run_that_ended_ends_the_row(tmp_path: Path) -> None:
    crashed(tmp_path, "a", "2030-01-01T00:00:00+00:00")
    finished(tmp_path, "b", "2030-01-02T00:00:00+00:00")
    assert failures_in_a_row(tmp_path) == 0
