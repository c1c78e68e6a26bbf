from __future__ import annotations

import pytest

from components.map_evaluator.serving_rules import serving_reasons
from components.map_evaluator.settings import EvaluatorSettings
from schemas.artifacts.decisions import Reason
from schemas.artifacts.evaluation import Serving, ServingFigures

SERVING = Serving(ServingFigures(30.0, 2_400_000), ServingFigures(20.0, 2_000_000))  # 1.5 and 1.2 times
FIRST = Serving(ServingFigures(30.0, 2_400_000), None)


def judged(serving: Serving, **limits: float) -> list[Reason]:
    return serving_reasons(serving, EvaluatorSettings(**limits))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("serving", [SERVING, FIRST])
def test_nothing_is_said_without_a_limit(serving: Serving) -> None:
    assert judged(serving) == []


@pytest.mark.parametrize(
    ("limits", "rule", "passed"),
    [
        ({"max_latency_ratio": 1.5}, "serving:latency", True),
        ({"max_latency_ratio": 1.49}, "serving:latency", False),
        ({"max_latency_ms": 30.0}, "serving:latency", True),
        ({"max_latency_ms": 29.9}, "serving:latency", False),
        ({"max_size_ratio": 1.2}, "serving:size", True),
        ({"max_size_ratio": 1.19}, "serving:size", False),
    ],
)
def test_a_limit_holds_up_to_and_including_itself(limits: dict[str, float], rule: str, passed: bool) -> None:
    [reason] = judged(SERVING, **limits)
    assert (reason.rule, reason.passed) == (rule, passed)


def test_of_two_limits_of_latency_the_tighter_one_is_told() -> None:
    [reason] = judged(SERVING, max_latency_ratio=1.1, max_latency_ms=25.0)
    assert reason.sentence == (
        "serving:latency: expected a single image in at most 1.1 x the baseline's 20.0 ms; found 30.0 ms (1.50 x)"
    )
    [reason] = judged(SERVING, max_latency_ratio=1.5, max_latency_ms=25.0)
    assert reason.expected == "a single image in at most 25 ms"


def test_size_is_told_in_megabytes() -> None:
    [reason] = judged(SERVING, max_size_ratio=1.1)
    assert reason.sentence == (
        "serving:size: expected files of at most 1.1 x the baseline's 2 MB; found 2.4 MB (1.20 x)"
    )


def test_a_first_model_has_only_an_absolute_limit() -> None:
    assert judged(FIRST, max_latency_ratio=0.1, max_size_ratio=0.1) == []
    [reason] = judged(FIRST, max_latency_ms=10.0)
    assert (reason.passed, reason.actual) == (False, "30.0 ms")
