from __future__ import annotations

import pytest

from components.trainer.schedule import schedule


@pytest.mark.parametrize("steps", [1, 7, 100, 20_000])
def test_the_rate_never_exceeds_its_peak_and_ends_near_zero(steps: int) -> None:
    rate = schedule(0.01, 0.02, steps)
    rates = [rate.at(step, steps) for step in range(steps)]
    assert max(rates) <= 0.01
    assert min(rates) >= 0.0002 - 1e-12
    assert rate.warmup_start <= rate.peak <= rate.bootstrap_peak
    if steps >= 100:
        assert rates[0] == pytest.approx(0.0005)
        assert max(rates) == pytest.approx(0.01)
        assert rates[-1] < 0.0003


@pytest.mark.tensorflow
@pytest.mark.parametrize("steps", [5, 100])
def test_the_step_uses_the_rate_that_the_record_states(steps: int) -> None:
    from components.trainer.learner import keras_schedule

    rate = schedule(0.01, 0.02, steps)
    in_step = keras_schedule(rate, steps)
    for step in range(steps):
        assert float(in_step(step)) == pytest.approx(rate.at(step, steps), rel=1e-5)
