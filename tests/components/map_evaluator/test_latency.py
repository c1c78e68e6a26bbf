from __future__ import annotations

from collections.abc import Callable

import pytest

from components.map_evaluator.latency import median_latencies


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
