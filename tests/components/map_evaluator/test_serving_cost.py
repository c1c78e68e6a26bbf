from __future__ import annotations

from collections.abc import Callable

import pytest

from ratchet.components.map_evaluator.serving_cost import median_latencies, serving_reasons
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import Serving, ServingFigures

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


class Clock:
    """Time that passes only in models, and every call of one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, bytes]] = []

    def __call__(self) -> float:
        return self.now

    def model(self, name: str, *seconds: float) -> Callable[[bytes], object]:
        left = list(seconds)

        def answer(image: bytes) -> None:
            self.calls.append((name, image))
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return answer


def test_the_median_of_single_images_is_in_milliseconds_and_the_first_round_does_not_count() -> None:
    clock = Clock()
    models = {"candidate": clock.model("candidate", 9.0, 9.0, 0.020), "baseline": clock.model("baseline", 0.010)}
    assert median_latencies(models, [b"a", b"b"], clock) == pytest.approx({"candidate": 20, "baseline": 10})


def test_a_single_slow_image_does_not_matter() -> None:
    clock = Clock()
    seconds = (0.02, 0.02, 0.02, 0.5, 0.02)
    assert median_latencies({"candidate": clock.model("candidate", *seconds)}, [b"a", b"b"], clock) == pytest.approx(
        {"candidate": 20}
    )


def test_models_take_turns_and_who_is_first_changes() -> None:
    clock = Clock()
    median_latencies({name: clock.model(name, 10.0) for name in ("candidate", "baseline")}, [b"a", b"b"], clock)
    assert clock.calls == [
        *[("candidate", b"a"), ("baseline", b"a"), ("baseline", b"b"), ("candidate", b"b")],  # warm-up
        *[("candidate", b"a"), ("baseline", b"a"), ("baseline", b"b"), ("candidate", b"b")],
    ]


def test_fast_models_are_asked_more_often_than_slow_ones() -> None:
    clock = Clock()
    median_latencies({"candidate": clock.model("candidate", 0.001)}, [b"a", b"b"], clock)
    assert len(clock.calls) == 2 * 11
