"""What the runner around LocalDagRunner must catch; the steps themselves are faked as what ML Metadata says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.pipeline.notify.message import notice_of_result
from ratchet.pipeline.past.result import result_text
from ratchet.pipeline.run.local import RunError, _cause, _check_steps, _is_decided, _page
from ratchet.pipeline.run.outcome import NotActedOnError
from ratchet.pipeline.run.outcome import evaluated as evaluated_steps
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, Diagnosis
from ratchet.schemas.artifacts.evaluation import EVALUATION_FORMAT, DataSetEvaluation, Evaluation, ModelScores
from ratchet.schemas.artifacts.publication import PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.run_result import RunResult
from tests.builders import cause

COMPILED: Any = SimpleNamespace(
    steps=("Gen", "DataGate", "RejectionDiagnosis", "RejectionReview", "Trainer", "Diagnosis", "Pusher", "Review"),
    behind_the_gate={"Trainer", "Diagnosis", "Pusher", "Review"},
    if_rejected={"RejectionDiagnosis", "RejectionReview"},
)


def step(done: bool = True, **properties: int) -> Any:
    return SimpleNamespace(done=done, output_properties={"decision": properties})


def test_all_steps_done_and_the_gate_open() -> None:
    steps = {"Gen": step(), "DataGate": step(passed=1), "Trainer": step(), "Pusher": step()}
    assert _check_steps(COMPILED, steps, Path("runs"))


def test_a_closed_gate_excuses_the_steps_behind_it() -> None:
    assert not _check_steps(COMPILED, {"Gen": step(), "DataGate": step(passed=0)}, Path("runs"))


@pytest.mark.parametrize(
    ("steps", "culprit"),
    [
        ({"Gen": step(), "DataGate": step(passed=1), "Trainer": step(done=False), "Pusher": step()}, "Trainer"),
        ({"Gen": step(), "DataGate": step(passed=1), "Trainer": step()}, "Pusher"),
        ({"Gen": step(done=False), "DataGate": step(passed=0)}, "Gen"),
        # The gate itself could not run, and what hangs on it ran on: never a pass.
        ({"Gen": step(), "DataGate": step(done=False), "Trainer": step(), "Pusher": step()}, "DataGate"),
        ({}, "Gen"),
    ],
)
def test_a_step_that_did_not_complete_fails_the_run_by_name(steps: dict[str, Any], culprit: str) -> None:
    with pytest.raises(RunError, match=f"{culprit} did not complete"):
        _check_steps(COMPILED, steps, Path("runs"))


DECIDED = {"Gen": step(), "DataGate": step(passed=1), "Trainer": step(), "Pusher": step()}


@pytest.mark.parametrize(
    ("steps", "decided"),
    [
        (DECIDED, True),
        (DECIDED | {"Review": step(done=False)}, True),
        (DECIDED | {"Diagnosis": step(done=False)}, True),
        ({"Gen": step(), "DataGate": step(passed=0), "RejectionReview": step(done=False)}, True),
        (DECIDED | {"Pusher": step(done=False)}, False),
        ({"Gen": step(), "DataGate": step(done=False)}, False),
    ],
)
def test_a_page_or_a_diagnosis_that_could_not_be_written_leaves_the_verdict_as_it_is(
    steps: dict[str, Any], decided: bool
) -> None:
    assert _is_decided(COMPILED, steps) is decided
    if decided:
        _check_steps(COMPILED, steps, Path("runs"))


def test_the_page_lies_beside_the_log_and_without_one_the_data_gates_is_named(tmp_path: Path) -> None:
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "review.html").write_text("a page")
    (tmp_path / "artifact" / "tfma.html").write_text("a report")
    gate = SimpleNamespace(done=True, outputs={"decision": "decision/6"})
    review = SimpleNamespace(done=True, outputs={"page": str(tmp_path / "artifact")})
    steps: Any = {"DataGate": gate, "Review": review}
    assert Path(_page(tmp_path, steps, True, tmp_path)).read_text() == "a page"
    assert (tmp_path / "tfma.html").read_text() == "a report"
    assert _page(tmp_path, {**steps, "Review": step(done=False)}, True, tmp_path) == "decision/6/report.html"
    assert _page(tmp_path, steps, False, tmp_path) == "decision/6/report.html"


@pytest.mark.parametrize(("name", "passed"), [("Diagnosis", True), ("RejectionDiagnosis", False)])
def test_the_cause_is_that_of_the_diagnosis_which_is_kept_beside_the_log(
    tmp_path: Path, name: str, passed: bool
) -> None:
    artifact, run = tmp_path / "artifact", tmp_path / "run"
    artifact.mkdir()
    run.mkdir()
    (artifact / "diagnosis.json").write_text(DIAGNOSIS_FORMAT.write(Diagnosis(cause())))
    steps: Any = {name: SimpleNamespace(done=True, outputs={"diagnosis": str(artifact)})}
    assert _cause(steps, passed, run) == cause()
    (artifact / "diagnosis.json").unlink()  # as a pruning does
    assert _cause(steps, passed, run) == cause()
    assert _cause(steps, not passed, run) is None


def test_a_diagnosis_that_cannot_be_read_costs_a_run_nothing_but_its_cause(tmp_path: Path) -> None:
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "diagnosis.json").write_text("{")
    steps: Any = {"Diagnosis": SimpleNamespace(done=True, outputs={"diagnosis": str(tmp_path / "artifact")})}
    assert _cause(steps, True, tmp_path) is None
    assert _cause({"Diagnosis": step(done=False)}, True, tmp_path) is None


def evaluated(directory: Path, verdict: Verdict, publication: PublicationResult) -> RunResult:
    scores = ModelScores({"AP": 0.5}, {})
    golden = DataSetEvaluation(1, scores, None, None, {}, {})
    evaluation = Evaluation(Decision(verdict, ()), {"golden": golden}, "digest")
    (directory / "evaluation.json").write_text(EVALUATION_FORMAT.write(evaluation))
    (directory / "publication.json").write_text(PUBLICATION_FORMAT.write(publication))
    (directory / "decision.json").write_text(DATA_DECISION_FORMAT.write(DataDecision(True, ())))
    steps: Any = {
        "MapEvaluator": SimpleNamespace(outputs={"evaluation": str(directory)}, seconds=1.0),
        "Pusher": SimpleNamespace(outputs={"pushed_model": str(directory)}, seconds=1.0),
        "DetectorTrainer": SimpleNamespace(outputs={"model": "model"}, seconds=1.0),
        "DataGate": SimpleNamespace(outputs={"decision": str(directory)}, seconds=1.0),
    }
    return evaluated_steps(steps, 1, directory.name, "page")


@pytest.mark.parametrize(("verdict", "version"), [(Verdict.BLOCKED, "7"), (Verdict.PUSHED, None)])
def test_a_push_that_contradicts_the_verdict_fails_the_run(
    tmp_path: Path, verdict: Verdict, version: str | None
) -> None:
    with pytest.raises(NotActedOnError, match=f"the verdict is {verdict.value}, but Pusher"):
        evaluated(tmp_path, verdict, PublicationResult(version))


def test_a_candidate_that_was_kept_out_at_the_door_is_blocked_for_that_reason(tmp_path: Path) -> None:
    refused = Reason("baseline_changed", "version 1", "version 2")
    result = evaluated(tmp_path, Verdict.PUSHED, PublicationResult(None, (refused,)))
    assert (result.verdict, result.exit_code, result.pushed_version) == (Verdict.BLOCKED, 3, None)
    assert result.reasons == (refused,)


def test_a_pushed_candidate_has_its_version(tmp_path: Path) -> None:
    result = evaluated(tmp_path, Verdict.PUSHED, PublicationResult("7"))
    assert (result.verdict, result.pushed_version) == (Verdict.PUSHED, "7")


def test_a_page_that_a_pruning_left_beside_the_log_alone_is_the_page(tmp_path: Path) -> None:
    (tmp_path / "review.html").write_text("a page")
    steps: Any = {"Review": SimpleNamespace(done=True, outputs={"page": str(tmp_path / "pruned")})}
    assert Path(_page(tmp_path, steps, True, tmp_path)).read_text() == "a page"


def test_a_server_that_does_not_serve_it_is_told_and_undoes_nothing(tmp_path: Path) -> None:
    told = Reason("serving:available", "version 7 is AVAILABLE", "LOADING after 300 s", passed=True, warning=True)
    result = evaluated(tmp_path, Verdict.PUSHED, PublicationResult("7", told=(told,)))
    assert (result.verdict, result.exit_code, result.pushed_version) == (Verdict.PUSHED, 0, "7")
    assert result.first_reason == f"pushed, but {told.sentence}"
    text = result_text(result)
    assert f"warning: {told.sentence}" in text
    assert "version 7 is served now" in text
    facts = dict(notice_of_result(result, "digits", tmp_path).facts)
    assert facts["After the push"] == told.sentence


def test_a_server_that_serves_it_is_one_rule_more_that_passed(tmp_path: Path) -> None:
    told = Reason("serving:available", "version 7 is AVAILABLE", "AVAILABLE after 2 s", passed=True)
    result = evaluated(tmp_path, Verdict.PUSHED, PublicationResult("7", told=(told,)))
    assert result.first_reason == "every rule passed"
    assert told in result.reasons
