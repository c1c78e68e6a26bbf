from __future__ import annotations

import math

import pytest

from components.map_evaluator.blessing import Comparison, decide
from components.map_evaluator.settings import EvaluatorSettings
from schemas.decisions import Decision, Verdict

SETTINGS = EvaluatorSettings()


def failed(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.failures]


def test_a_clear_rise_is_pushed() -> None:
    assert decide(Comparison(0.55, 0.50, (0.03, 0.07)), SETTINGS).verdict is Verdict.PUSHED


def test_an_equal_model_is_pushed() -> None:
    assert decide(Comparison(0.50, 0.50, (0.0, 0.0)), SETTINGS).verdict is Verdict.PUSHED


@pytest.mark.parametrize("candidate", [0.4999, 0.45, 0.02])
def test_any_fall_is_blocked_with_both_figures(candidate: float) -> None:
    decision = decide(Comparison(candidate, 0.50, (candidate - 0.51, candidate - 0.49)), SETTINGS)
    assert decision.verdict is Verdict.BLOCKED
    reason = decision.failures[0]
    assert reason.rule == "map_drop"
    assert "0.5000" in reason.expected
    assert f"{candidate:.4f}" in reason.actual


def test_a_margin_lets_a_small_fall_pass() -> None:
    assert decide(Comparison(0.49, 0.50, (-0.02, 0.0)), EvaluatorSettings(margin=0.02)).verdict is Verdict.PUSHED


def test_a_rise_that_may_hide_a_large_fall_is_inconclusive_and_not_served() -> None:
    decision = decide(Comparison(0.51, 0.50, (-0.2, 0.2)), SETTINGS)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert not decision.verdict.pushes
    assert failed(decision) == ["map_interval"]


def test_an_undefined_interval_is_inconclusive() -> None:
    assert decide(Comparison(0.51, 0.50, (math.nan, math.nan)), SETTINGS).verdict is Verdict.INCONCLUSIVE


def test_a_first_model_is_bootstrapped_only_if_it_learned_something() -> None:
    assert decide(Comparison(0.3), SETTINGS).verdict is Verdict.BOOTSTRAPPED
    assert failed(decide(Comparison(0.0), SETTINGS)) == ["min_map"]


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_an_undefined_map_blocks(value: float) -> None:
    assert decide(Comparison(value), SETTINGS).verdict is Verdict.BLOCKED
    assert "map_defined" in failed(decide(Comparison(0.5, value, (0.0, 0.1)), SETTINGS))
