"""The rules on held-out images, and which images and models they are about."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.second_opinion import second_opinion_reasons
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SecondOpinionSettings
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FORMAT,
    DataSetEvaluation,
    Delta,
    Deltas,
    Evaluation,
    HeldOutComparison,
    ModelScores,
    SecondOpinion,
)

SETTINGS = EvaluatorSettings()


def delta(value: float, std_error: float) -> Delta:
    return Delta(value, value - 1.96 * std_error, value + 1.96 * std_error, std_error)


def comparison(value: float, std_error: float = 0.002, reference: str = "baseline", **fields: Any) -> HeldOutComparison:
    whole = {"version": "17", "pushes_ago": 0 if reference == "baseline" else 6, "candidate": 0.5, "map": 0.5}
    return HeldOutComparison(reference=reference, delta=delta(value, std_error), **whole | fields)


def opinion(*comparisons: HeldOutComparison, **fields: Any) -> SecondOpinion:
    whole: dict[str, Any] = {"images": 400, "units": 400, "objects": 2000, "spans": 7, "copies": 0, "unused": 0}
    return SecondOpinion(**whole | {"classes": ("cat",), "comparisons": comparisons} | fields)


def told(*comparisons: HeldOutComparison, settings: EvaluatorSettings = SETTINGS, **fields: Any) -> list[Reason]:
    return second_opinion_reasons(opinion(*comparisons, **fields), settings)


@pytest.mark.parametrize(
    ("value", "std_error", "passed"),
    [
        (0.0, 0.002, True),
        (0.004, 0.001, True),
        (-0.0001, 0.001, False),  # lower, and so large a set would have shown a gain
        (-0.004, 0.02, True),  # lower, and as likely of a gain that the set cannot see
        (-0.04, 0.02, False),
    ],
)
def test_what_measures_lower_blocks_where_a_real_gain_is_excluded(value: float, std_error: float, passed: bool) -> None:
    [reason] = told(comparison(value, std_error))
    assert (reason.rule, reason.passed) == ("second_opinion:baseline", passed)


def test_the_chance_to_block_a_real_gain_is_shared_by_all_comparisons() -> None:
    # One of 1.8 standard errors below the gain: excluded alone, not beside two others.
    seen = comparison(0.01 - 1.8 * 0.006, 0.006)
    assert [reason.passed for reason in told(seen)] == [False]
    three = [dataclasses.replace(seen, reference=name) for name in ("baseline", "best", "earlier")]
    assert [reason.passed for reason in told(*three)] == [True, True, True]


def test_few_independent_groups_are_believed_less() -> None:
    seen = comparison(0.01 - 1.9 * 0.006, 0.006)
    assert not told(seen)[0].passed
    assert told(seen, units=6)[0].passed
    assert told(dataclasses.replace(seen, delta=dataclasses.replace(seen.delta, units=6.0)))[0].passed
    assert told(comparison(-0.4), units=4)[0].warning


def test_a_failed_comparison_blocks_whatever_the_golden_set_says() -> None:
    scores = [ModelScores({"AP": value}, {}) for value in (0.6, 0.5)]
    golden = DataSetEvaluation(500, scores[0], scores[1], Deltas(delta(0.1, 0.001), {}, {}), {}, {})
    assert decide(golden, [], SETTINGS, second_opinion=opinion(comparison(0.0))).verdict is Verdict.PUSHED
    decision = decide(golden, [], SETTINGS, second_opinion=opinion(comparison(0.0), comparison(-0.03, 0.002, "best")))
    assert decision.verdict is Verdict.BLOCKED
    assert [reason.rule for reason in decision.failures] == ["second_opinion:best"]
    assert not decision.evaluation_broken


def test_where_the_served_model_has_fallen_itself_the_way_back_is_told() -> None:
    [reason] = told(comparison(-0.03, 0.002, "best", baseline_delta=delta(-0.02, 0.004)))
    assert "the served model itself has fallen there, by -0.0200" in reason.actual
    assert "ratchet rollback --to 17 --by NAME --reason TEXT" in reason.actual
    [reason] = told(comparison(-0.03, 0.002, "best", baseline_delta=delta(-0.002, 0.004)))
    assert "rollback" not in reason.actual


@pytest.mark.parametrize("fields", [{"images": 19, "units": 19}, {"objects": 19}])
def test_too_few_images_or_objects_test_nothing_and_say_how_many_there_are(fields: Any) -> None:
    [reason] = told(comparison(-0.4), **fields)
    assert (reason.rule, reason.passed, reason.warning) == ("second_opinion", True, True)
    assert "at least 20 held-out images and 20 objects" in reason.expected
    assert "19 " in reason.actual


def test_too_few_groups_test_nothing() -> None:
    grouped = EvaluatorSettings(bootstrap_by="recording")
    [reason] = told(comparison(-0.4), settings=grouped, units=4)
    assert reason.warning
    assert "8 values of 'recording'" in reason.expected
    assert not told(comparison(-0.4), settings=grouped, units=40)[0].passed


def test_an_undefined_difference_is_no_fall() -> None:
    [reason] = told(dataclasses.replace(comparison(0.0), delta=Delta(None, None, None, None)))
    assert (reason.passed, reason.warning) == (True, True)


def test_what_is_missing_is_a_warning_and_no_opinion_is_none() -> None:
    reasons = told(comparison(0.0), missing=("version 3 is gone", "span 1: gone"))
    assert [(reason.rule, reason.warning) for reason in reasons] == [
        ("second_opinion:baseline", False),
        ("second_opinion:missing", True),
    ]
    assert reasons[1].actual == "version 3 is gone; span 1: gone"
    assert second_opinion_reasons(None, SETTINGS) == []
    assert told(comparison(-0.4), settings=EvaluatorSettings(second_opinion=None)) == []
    assert (
        told(comparison(-0.4), settings=EvaluatorSettings(second_opinion=SecondOpinionSettings(gain=1.0)))[0].passed
        is False
    )


def test_it_is_written_and_read_again() -> None:
    made = opinion(comparison(-0.01, reference="best", baseline_delta=delta(0.1, 0.2)), missing=("span 1",))
    scores = ModelScores({"AP": 0.5}, {})
    decision = decide(DataSetEvaluation(9, scores, None, None, {}, {}), [], SETTINGS)
    whole = Evaluation(decision, {"golden": DataSetEvaluation(9, scores, None, None, {}, {})}, "d", second_opinion=made)
    assert EVALUATION_FORMAT.read(EVALUATION_FORMAT.write(whole), "evaluation.json") == whole
