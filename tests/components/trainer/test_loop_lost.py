"""Trainings that are lost: the loss explodes or is no number."""

from __future__ import annotations

import itertools
import math

import pytest

from ratchet.components.trainer.loop import (
    TrainingState,
)
from ratchet.schemas.artifacts.training_dynamics import Curve, Diverged
from ratchet.schemas.base.errors import RatchetError
from tests.components.trainer.test_loop import RATE, plan, run


def test_the_loss_that_a_training_was_lost_by_is_on_its_curve() -> None:
    state, _ = run(plan(steps=60), [1.0] * 30 + [100.0] * 30)
    assert state.step == lost(state).step == 32
    assert state.curves["total_loss"].highest_at == 31
    state, _ = run(plan(steps=60), [1.0] * 30 + [math.nan])
    assert state.curves["total_loss"].curve == Curve(1.0, 1.0, 4, 1.0)


def test_one_that_is_lost_is_not_saved_although_it_is_time() -> None:
    _, memory = run(plan(steps=60, round_steps=60), [1.0] * 6 + [math.nan])
    assert memory.saved == []


def lost(state: TrainingState) -> Diverged:
    assert state.diverged is not None
    return state.diverged


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_it_with_the_best_weights_so_far(
    loss: float, caplog: pytest.LogCaptureFixture
) -> None:
    state, memory = run(plan(steps=60), [1.0] * 12 + [loss] * 50, maps={5: 0.4, 10: 0.2})
    assert (state.step, state.best_step, memory.saved) == (13, 5, [5, 10])
    assert memory.best[0] == 5
    assert lost(state) == Diverged(13, f"the loss is {loss}", RATE.at(12, 60), None, 10.0)
    assert f"training diverged: the loss is {loss} at step 13 of 60, learning rate 0.0" in caplog.text
    assert all(math.isfinite(loss) for _, loss in state.curve)


def test_at_the_first_step_it_ends_with_what_it_started_from() -> None:
    state, memory = run(plan("retrain"), itertools.repeat(math.nan), maps={0: 0.5})
    assert (state.step, state.best_step) == (1, 0)
    assert (memory.best, memory.saved) == ([], [])


def test_a_loss_that_explodes_ends_it_too() -> None:
    losses = [1.0] * 30 + [100.0] * 30
    state, memory = run(plan("retrain", 60), losses, maps=dict.fromkeys(range(0, 61, 5), 0.5))
    assert lost(state).what == "the mean loss of 20 steps is 10.9, above 10"
    assert (lost(state).step, lost(state).loss, lost(state).limit) == (32, 100.0, 10.0)
    assert memory.best[0] == 30


def test_a_retraining_that_is_lost_goes_back_to_its_start_if_that_was_better() -> None:
    state, memory = run(plan("retrain", 60), [1.0] * 7 + [math.nan] * 50, maps={0: 0.5, 5: 0.4})
    assert (state.best_step, memory.best[0]) == (0, -1.0)
    state, memory = run(plan("retrain", 60), [1.0] * 7 + [math.nan] * 50, maps={0: 0.5, 5: 0.6})
    assert (state.best_step, memory.best[0]) == (5, 5.0)


def test_one_that_begins_exploded_is_seen_as_well() -> None:
    state, _ = run(plan(steps=60), itertools.repeat(1000.0))
    assert lost(state).what == "the mean loss of 20 steps is 1e+03, above 50"
    assert lost(state).step == 20


def test_weights_that_are_no_numbers_end_it_although_the_loss_is_one() -> None:
    state, memory = run(plan(), maps={5: 0.4}, weight=lambda step: math.nan if step > 7 else float(step))
    assert lost(state) == Diverged(10, "weights are no finite numbers", RATE.at(9, 20), 1.0, None)
    assert (memory.best[0], memory.saved) == (5, [5])


@pytest.mark.parametrize("maps", [None, {5: 0.4}])
def test_a_model_that_finds_what_is_no_box_ends_it(maps: dict[int, float] | None) -> None:
    state, memory = run(plan(), maps=maps, unsound=(10,))
    assert (lost(state).step, lost(state).what) == (10, "the model finds boxes that are none")
    assert memory.best[0] == 5


def test_what_is_no_model_cannot_be_started_from() -> None:
    with pytest.raises(RatchetError, match=r"start from is no sound model \(weights are no finite numbers\); mend"):
        run(plan(), weight=lambda step: math.nan)
    with pytest.raises(RatchetError, match=r"start from is no sound model \(the model finds boxes that are none\)"):
        run(plan("retrain"), maps={}, unsound=(0,))


def test_without_validation_weights_of_a_rising_loss_are_not_kept() -> None:
    losses = [1.0] * 25 + [9.0] * 10 + [90.0] * 30
    state, memory = run(plan(steps=60), losses)
    assert lost(state).step == 37
    assert memory.best[0] == 25


def test_without_validation_nothing_is_kept_of_a_training_that_exploded_at_once() -> None:
    state, memory = run(plan(steps=60), [1.0] + [100.0] * 60)
    assert lost(state).step == 20
    assert (state.best_step, memory.best) == (0, [])


def test_without_validation_the_last_weights_are_taken_even_if_the_loss_has_risen() -> None:
    state, memory = run(plan(steps=60), [1.0] * 30 + [4.0] * 30)
    assert state.diverged is None
    assert memory.best[0] == 60


def test_how_it_was_lost_survives_the_checkpoint() -> None:
    state, restored = TrainingState(diverged=Diverged(3, "the loss is nan", 0.1, None, 10.0)), TrainingState()
    restored.read(state.to_json())
    assert restored == state


def test_single_high_losses_do_not_stop_it() -> None:
    run(plan(steps=60), [1.0] * 30 + [100.0] + [1.0] * 29)
