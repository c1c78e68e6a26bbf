"""Values that travel between steps come back from JSON as they went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.data_evidence import Comparison, Distribution
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FORMAT,
    GOLDEN,
    HELD_OUT,
    DataSetEvaluation,
    Delta,
    Deltas,
    Evaluation,
    ModelScores,
    Serving,
    ServingFigures,
    Support,
)
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_size
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.records import Detections, GroundTruth

FAILED = Reason("map_drop", "0.5", "0.4")
PASSED = Reason("min_map", "0.01", "0.4", passed=True)


def test_the_failures_of_a_decision_are_the_rules_that_did_not_pass() -> None:
    assert Decision(Verdict.BLOCKED, (PASSED, FAILED)).failures == (FAILED,)
    assert DataDecision(False, (FAILED, PASSED)).failures == (FAILED,)


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
    grown = replace(golden, shared=golden)
    figures = ServingFigures(12.5, 2_000_000)
    evaluation = Evaluation(
        decision=Decision(Verdict.PUSHED, (PASSED,)),
        data_sets={GOLDEN: golden, HELD_OUT: grown},
        golden_digest="d",
        candidate_digest="c",
        baseline_digest="b" if with_baseline else None,
        serving=Serving(figures, figures if with_baseline else None),
    )
    assert EVALUATION_FORMAT.read(EVALUATION_FORMAT.write(evaluation), "x") == evaluation
    assert evaluation.golden == golden


BLESSING = Blessing("m" * 64, "b" * 64, "1700000000", "artifacts/evaluation/8", "e" * 64)


def test_a_blessing_goes_to_properties_and_back() -> None:
    assert Blessing.from_properties(BLESSING.to_properties() | {"current_model": "m"}) == BLESSING
    first = replace(BLESSING, baseline_digest="", baseline_version="")
    assert Blessing.from_properties(first.to_properties()) == first


@pytest.mark.parametrize("missing", ["model_digest", "evaluation_digest"])
def test_a_blessing_that_does_not_say_of_what_is_refused(missing: str) -> None:
    properties = {name: value for name, value in BLESSING.to_properties().items() if name != missing}
    with pytest.raises(StateError, match=f"it has no {missing}, so nothing says which bytes were measured"):
        Blessing.from_properties(properties)


def test_the_size_of_a_model_is_that_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"abc")
    (tmp_path / "variables" / "data").write_bytes(b"x" * 40)
    assert model_size(str(tmp_path), LOCAL_FILES) == 43


def test_an_interval_is_both_its_ends_or_none() -> None:
    assert Delta(0.1, 0.0, 0.2, 0.05).interval == (0.0, 0.2)
    assert Delta(None, None, None, None).interval is None


def test_a_decision_explains_itself_with_what_was_against_it_or_else_with_all() -> None:
    warning = Reason("untestable", "20 objects", "3", passed=True, warning=True)
    assert Decision(Verdict.BLOCKED, (PASSED, warning, FAILED)).explaining == (FAILED, warning)
    assert Decision(Verdict.PUSHED, (PASSED, warning)).explaining == (PASSED, warning)


def test_a_distance_passes_within_its_limit() -> None:
    number = Distribution((0.25, 0.75), edges=(0.0, 1.5, 3.0), values=40, median=1.7)
    category = Distribution((1.0,), categories=("cat",), values=9)
    comparisons = (
        Comparison(
            "drift", "qa/contrast", "jensen shannon divergence", 0.3, 0.1, 0.05, number, number, effect_size=0.2
        ),
        Comparison("skew", "image/object/class/text", "l infty", 0.1, 0.2, 0.2, category, category),
    )
    assert [comparison.passed for comparison in comparisons] == [False, True]


def test_a_sample_of_features_round_trip() -> None:
    sample = FeatureSample(
        images={"qa/brightness": np.array([10.0, 20.0])},
        objects={"qa/box_log_area": np.array([-3.0, -2.0, -1.0])},
        labels=np.array([1, 2, 1]),
        box_counts=np.array([2, 1]),
        embeddings=np.array([[0.5, 1.0], [2.0, 4.0]], np.float32),
    )
    again = FeatureSample.from_bytes(sample.to_bytes(), "x")
    assert len(again) == 2
    for one, other in zip((sample.images, sample.objects), (again.images, again.objects)):
        assert one.keys() == other.keys()
        for key, values in one.items():
            np.testing.assert_array_equal(values, other[key])
    for name in ("labels", "box_counts", "embeddings"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(again, name))


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 broken"])
def test_a_foreign_sample_is_named(content: bytes) -> None:
    with pytest.raises(StateError, match=r"some/sample\.npz: not a sample of training images"):
        FeatureSample.from_bytes(content, "some/sample.npz")


def test_ground_truth_and_detections_check_shapes_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"boxes_xywh_px: expected shape \(n, 4\), got \(1, 3\)"):
        GroundTruth([[1, 2, 3]], [1], [6], [False])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="differ in length"):
        Detections([[1, 2, 3, 4]], [1, 2], [0.5, 0.5])  # pyright: ignore[reportArgumentType]
    assert Detections([], [], []).boxes_xywh_px.shape == (0, 4)  # pyright: ignore[reportArgumentType]


def test_what_is_signed_of_a_blessing_moves_with_the_root() -> None:
    assert replace(BLESSING, evaluation="elsewhere").signed_values() == BLESSING.signed_values()
    for name in ("model_digest", "baseline_digest", "baseline_version", "evaluation_digest"):
        assert replace(BLESSING, **{name: "other"}).signed_values() != BLESSING.signed_values()
