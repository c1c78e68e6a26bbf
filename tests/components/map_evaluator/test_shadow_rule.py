"""Logged requests hold a push for a person."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.settings import EvaluatorSettings, ShadowSettings
from ratchet.components.map_evaluator.shadow_rule import shadow_reasons
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Deltas, ModelScores
from ratchet.schemas.artifacts.shadow import Disagreement, Shadow
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load

LIMIT = ShadowSettings(log="log", max_disagreement=0.1)


def counted(images: int = 40, missed: int = 6, agreed: int = 90) -> Shadow:
    overall = Disagreement(images, 5, agreed, 2, missed, 2, interval=(0.06, 0.16), images_interval=(0.05, 0.26))
    return Shadow(log="log", overall=overall)


def golden(candidate: float) -> DataSetEvaluation:
    delta = Deltas(Delta(candidate - 0.5, candidate - 0.51, candidate - 0.49, 0.005), {}, {})
    scores = [ModelScores({"AP": value}, {}) for value in (candidate, 0.5)]
    return DataSetEvaluation(100, scores[0], scores[1], delta, {}, {})


def verdict(shadow: Any, candidate: float = 0.6, limit: ShadowSettings | None = LIMIT) -> Verdict:
    return decide(golden(candidate), (), EvaluatorSettings(shadow=limit), shadow=shadow).verdict


def test_the_limit_holds_up_to_and_including_itself() -> None:
    assert [reason.passed for reason in shadow_reasons(counted(missed=6), LIMIT)] == [True]
    [reason] = shadow_reasons(counted(missed=7), LIMIT)
    assert reason.sentence == (
        "shadow: expected at most 10 % of the objects in logged requests found differently; found 11 % of 101 objects "
        "(95 % interval 6 % to 16 %): 7 missed, 2 new, 2 read as another class"
    )


def test_a_better_candidate_that_disagrees_too_much_is_held_and_not_blocked() -> None:
    assert verdict(counted(missed=6)) is Verdict.PUSHED
    assert verdict(counted(missed=60)) is Verdict.INCONCLUSIVE


def test_a_candidate_that_fell_is_blocked_whatever_logged_requests_say() -> None:
    assert verdict(counted(missed=60), candidate=0.4) is Verdict.BLOCKED
    assert verdict(counted(missed=0), candidate=0.4) is Verdict.BLOCKED


@pytest.mark.parametrize(
    ("shadow", "words"),
    [
        ("no logged image in it", "nothing was measured: no logged image in it"),
        (counted(images=19), "19 logged images where evaluator.shadow.min_images asks for 20"),
        (Shadow(log="log", overall=Disagreement(40, 0, 0, 0, 0, 0)), "neither model finds an object in 40 images"),
    ],
)
def test_where_a_limit_is_set_and_nothing_shows_that_it_is_kept_the_push_is_held(shadow: Any, words: str) -> None:
    assert shadow_reasons(shadow, LIMIT)[0].actual == words
    assert verdict(shadow) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("limit", [None, ShadowSettings(log="log")])
def test_without_a_limit_nothing_is_held(limit: ShadowSettings | None) -> None:
    assert verdict(counted(missed=900), limit=limit) is Verdict.PUSHED


@pytest.mark.parametrize(
    "values", [{"max_disagreement": 0.1}, {"log": ""}, {"log": "x", "max_disagreement": 1.1}, {"log": "x", "more": 1}]
)
def test_settings_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="shadow"):
        load(EvaluatorSettings, {"shadow": values}, "config")
