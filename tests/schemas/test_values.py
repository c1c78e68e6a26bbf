"""Values that travel between steps come back from JSON as they went."""

from __future__ import annotations

import pytest

from schemas.dataset import DataSetInfo
from schemas.decisions import DataDecision, Decision, Reason, Verdict
from schemas.errors import StateError
from schemas.evaluation import (
    GOLDEN,
    HELD_OUT,
    DataSetEvaluation,
    Delta,
    Deltas,
    Evaluation,
    ModelScores,
    Support,
)
from schemas.records import Detections, GroundTruth
from schemas.training_record import TrainingRecord
from tests.builders import training_record

FAILED = Reason("map_drop", "0.5", "0.4")
PASSED = Reason("min_map", "0.01", "0.4", passed=True)


def test_decision_round_trip_and_failures() -> None:
    decision = Decision(Verdict.BLOCKED, (PASSED, FAILED))
    assert Decision.from_json(decision.to_json()) == decision
    assert decision.failures == (FAILED,)


def test_data_decision_round_trip() -> None:
    decision = DataDecision(False, (FAILED, PASSED))
    assert DataDecision.from_json(decision.to_json()) == decision
    assert decision.failures == (FAILED,)


def test_only_a_push_and_a_bootstrap_go_into_service() -> None:
    assert {verdict for verdict in Verdict if verdict.pushes} == {Verdict.PUSHED, Verdict.BOOTSTRAPPED}


@pytest.mark.parametrize("with_baseline", [True, False])
def test_evaluation_round_trip(with_baseline: bool) -> None:
    scores = ModelScores({"AP": 0.123456789012345678}, {"a": -1.0}, {"camera=n": 0.5})
    delta = Delta(0.1, 0.0, 0.2, 0.05)
    golden = DataSetEvaluation(
        images=3,
        candidate=scores,
        baseline=scores if with_baseline else None,
        deltas=Deltas(delta, {"a": Delta(None, None, None, None)}, {"camera=n": delta}) if with_baseline else None,
        class_support={"a": Support(0, 0)},
        slice_support={"camera=n": Support(4, 2)},
    )
    evaluation = Evaluation(Decision(Verdict.PUSHED, (PASSED,)), {GOLDEN: golden, HELD_OUT: golden}, "d")
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
    assert evaluation.golden == golden


def test_an_interval_is_both_its_ends_or_none() -> None:
    assert Delta(0.1, 0.0, 0.2, 0.05).interval == (0.0, 0.2)
    assert Delta(None, None, None, None).interval is None


def test_a_decision_explains_itself_with_what_was_against_it_or_else_with_all() -> None:
    warning = Reason("untestable", "20 objects", "3", passed=True, warning=True)
    assert Decision(Verdict.BLOCKED, (PASSED, warning, FAILED)).explaining == (FAILED, warning)
    assert Decision(Verdict.PUSHED, (PASSED, warning)).explaining == (PASSED, warning)


def test_dataset_round_trip() -> None:
    info = DataSetInfo("here", 2, "digest", ("a", "b"), (1, 7), {"train": 9, "eval": 1}, {"train": 20, "eval": 0})
    assert DataSetInfo.from_json(info.to_json()) == info


def test_training_record_round_trip() -> None:
    record = training_record()
    assert TrainingRecord.from_json(record.to_json(), "x") == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mode": "retrain"}'])
def test_a_foreign_training_record_is_named(text: str) -> None:
    with pytest.raises(StateError, match=r"some/record\.json"):
        TrainingRecord.from_json(text, "some/record.json")


def test_ground_truth_and_detections_check_shapes_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"boxes_xywh_px: expected shape \(n, 4\), got \(1, 3\)"):
        GroundTruth([[1, 2, 3]], [1], [6], [False])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="differ in length"):
        Detections([[1, 2, 3, 4]], [1, 2], [0.5, 0.5])  # pyright: ignore[reportArgumentType]
    assert Detections([], [], []).boxes_xywh_px.shape == (0, 4)  # pyright: ignore[reportArgumentType]
