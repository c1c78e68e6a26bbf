"""An approval lowers the baseline; the best served model is told beside it, or is the bar."""

from __future__ import annotations

import dataclasses
import math

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.evaluation import PostProcessing
from ratchet.schemas.artifacts.high_water import HighWaterMark
from tests.components.map_evaluator.test_blessing import CHANGES, golden

MARK = HighWaterMark("300", 0.55, "bytes", "golden", "the approval of Ada on 2030-01-03")
BASELINE, HIGH_WATER = EvaluatorSettings(), EvaluatorSettings(bar="high_water")


def map_drop(
    candidate: float, settings: EvaluatorSettings, mark: HighWaterMark | None = MARK, baseline: float = 0.5
) -> Reason:
    decision = decide(golden(candidate, baseline), (), settings, mark=mark)
    [reason] = [reason for reason in decision.reasons if reason.rule == "map_drop"]
    assert decision.verdict.pushes is reason.passed
    return reason


def test_a_candidate_between_baseline_and_mark_is_pushed_with_the_distance_as_a_warning() -> None:
    reason = map_drop(0.53, BASELINE)
    assert (reason.passed, reason.warning) == (True, True)
    assert reason.expected == "candidate mAP at least the baseline's 0.5000"
    assert reason.actual == (
        "0.5300 (+0.0300); version 300, the best that was served on this golden set, had 0.5500, and the baseline is "
        "0.0500 below it since the approval of Ada on 2030-01-03"
    )


def test_with_the_high_water_mark_as_the_bar_it_is_blocked() -> None:
    reason = map_drop(0.53, HIGH_WATER)
    assert not reason.passed
    assert "at least the 0.5500 of version 300, the best that was served" in reason.expected
    assert reason.actual.startswith("0.5300 (-0.0200); the baseline is 0.0500 below it since the approval of Ada")


@pytest.mark.parametrize("settings", [BASELINE, HIGH_WATER])
def test_a_candidate_that_reaches_the_mark_is_pushed_without_a_warning(settings: EvaluatorSettings) -> None:
    reason = map_drop(0.55, settings)
    assert (reason.passed, reason.warning) == (True, False)


def test_the_margin_counts_from_the_bar() -> None:
    assert map_drop(0.54, EvaluatorSettings(bar="high_water", margin=0.011)).passed
    assert not map_drop(0.53, EvaluatorSettings(bar="high_water", margin=0.011)).passed


@pytest.mark.parametrize("baseline", [0.55, 0.56])
@pytest.mark.parametrize("settings", [BASELINE, HIGH_WATER])
def test_a_baseline_that_is_not_below_the_mark_is_the_bar(baseline: float, settings: EvaluatorSettings) -> None:
    assert map_drop(0.57, settings, baseline=baseline) == map_drop(0.57, settings, None, baseline)


def test_figures_over_other_classes_are_not_held_against_each_other() -> None:
    data = golden(0.53, 0.5)
    data = dataclasses.replace(data, shared=golden(0.53, 0.5))
    decision = decide(data, (), HIGH_WATER, mark=MARK)
    assert decision.verdict is Verdict.PUSHED
    [reason] = [reason for reason in decision.reasons if reason.rule == "map_drop"]
    assert "not held against version 300, the best that was served on this golden set, whose 0.5500 is over all" in (
        reason.actual
    )


def test_where_post_processing_changed_the_mark_is_told_of_the_baseline_as_it_is_served() -> None:
    as_served = PostProcessing(CHANGES, golden(0.53, 0.5))
    decision = decide(golden(0.53, 0.4), (), HIGH_WATER, post_processing=as_served, mark=MARK)
    reasons = {reason.rule: reason for reason in decision.reasons}
    assert [reason.rule for reason in decision.failures] == ["map_drop_as_served"]
    assert "the baseline is 0.0500 below it since the approval of Ada" in reasons["map_drop_as_served"].actual
    assert "0.5500" not in reasons["map_drop"].actual + reasons["map_drop"].expected


@pytest.mark.parametrize("undefined", [-1.0, math.nan])
def test_an_undefined_baseline_is_told_as_that(undefined: float) -> None:
    decision = decide(golden(0.5, undefined), (), HIGH_WATER, mark=MARK)
    assert decision.verdict is Verdict.BLOCKED
    assert "map_defined" in [reason.rule for reason in decision.failures]
