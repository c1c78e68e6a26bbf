"""The loop alone: what it makes of losses and validations, with a learner of one weight."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.changes import asked_training
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.loop import CURVE_POINTS, Training, TrainingState, UnsoundWeightsError, train
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_dynamics import Curve
from ratchet.schemas.artifacts.training_record import (
    ContinualLearningRecord,
    Diverged,
    LearningRateRecord,
    ValidationPoint,
)
from ratchet.schemas.base.errors import RatchetError
from tests.builders import trained_data

RATE = LearningRateRecord(peak=0.1, bootstrap_peak=0.1, warmup_steps=2, warmup_start=0.005, final=0.002)


def plan(mode: str = "bootstrap", steps: int = 20, round_steps: int = 5) -> TrainingPlan:
    return TrainingPlan(
        mode,
        ModelSettings(),
        4,
        steps,
        round_steps,
        RATE,
        AUGMENTATIONS["none-v1"],
        (trained_data(),),
        ContinualLearningRecord(),
        False,
        asked_training(TrainerSettings(), 0.1, mode == "bootstrap"),
    )


class OneWeight:
    """Stands for a learner: its weight is the number of steps taken, its losses are those given."""

    def __init__(self, losses: Iterable[float], weight: Callable[[int], float]) -> None:
        self._losses = iter(losses)
        self.weight = weight
        self.steps = 0

    def step(self, batch: Any) -> dict[str, float]:
        assert batch == self.steps
        self.steps += 1
        rate = self.steps / 10
        return {
            **{"total_loss": next(self._losses), "cls_loss": 0.0, "box_loss": 0.0},
            **{"gradient_norm": math.inf, "learning_rate": rate},
        }

    def served_weights(self) -> list[np.ndarray]:
        return [np.array(self.weight(self.steps))]


class Memory:
    """Stands for checkpoints and for TensorBoard."""

    def __init__(self) -> None:
        self.best: list[np.ndarray] = []
        self.saved: list[int] = []
        self.logged: list[int] = []

    def keep_as_best(self, weights: list[np.ndarray]) -> None:
        self.best = weights

    def step(self, step: int, figures: dict[str, float]) -> None:
        self.logged.append(step)

    def speed(self, step: int, images_per_second: float) -> None:
        assert images_per_second > 0

    def validation(self, point: ValidationPoint) -> None:
        self.logged.append(-point.step)


def run(
    the_plan: TrainingPlan,
    losses: Iterable[float] = itertools.repeat(1.0),
    maps: dict[int, float] | None = None,
    patience: int = 100,
    state: TrainingState | None = None,
    on_save: Callable[[int], None] = lambda step: None,
    weight: Callable[[int], float] = float,
    unsound: tuple[int, ...] = (),
) -> tuple[TrainingState, Memory]:
    """Trains; `maps` are the mAPs that a validation after some step finds, `unsound` the steps after which the model
    finds boxes that are none, `weight` is the weight after some step."""
    state = state or TrainingState()
    memory, learner = Memory(), OneWeight(losses, weight)
    learner.steps = state.step

    def measure(weights: list[np.ndarray], step: int) -> ValidationPoint | None:
        assert weights[0] == weight(step)
        if step in unsound:
            raise UnsoundWeightsError("the model finds boxes that are none")
        return None if maps is None else ValidationPoint(step, maps[step], maps[step], None)

    def save() -> None:
        memory.saved.append(state.step)
        on_save(state.step)

    checkpoints: Any = memory
    checkpoints.save = save
    stand_ins: dict[str, Any] = {"learner": learner, "checkpoints": checkpoints, "log": memory}
    training = Training(
        plan=the_plan,
        patience=patience,
        measure=measure,
        state=state,
        start=[np.array(-1.0)],
        **stand_ins,
    )
    train(training, itertools.count(state.step))
    return state, memory


def test_all_steps_are_taken_and_a_checkpoint_written_after_each_round() -> None:
    state, memory = run(plan(steps=12, round_steps=5))
    assert state.step == 12
    assert memory.saved == [5, 10, 12]
    assert [step for step, _ in state.curve] == list(range(12))


def test_curves_and_rates_are_those_of_every_step() -> None:
    losses = [1.0] * 205 + [101.0] + [1.0] * 244
    state, _ = run(plan(steps=450, round_steps=100), losses)
    assert state.curves["total_loss"].highest == pytest.approx(11.0)
    assert state.curves["total_loss"].highest_at == 205
    assert 205 not in [step for step, _ in state.curve]
    assert (state.sum_of_rates, state.peak_rate) == (pytest.approx(450 * 451 / 20), 45.0)
    assert set(state.curves) == {"total_loss", "cls_loss", "box_loss", "gradient_norm"}
    assert state.curves["gradient_norm"].curve is None  # no finite value at all


def test_the_loss_that_a_training_was_lost_by_is_on_its_curve() -> None:
    state, _ = run(plan(steps=60), [1.0] * 30 + [100.0] * 30)
    assert state.step == lost(state).step == 32
    assert state.curves["total_loss"].highest_at == 31
    state, _ = run(plan(steps=60), [1.0] * 30 + [math.nan])
    assert state.curves["total_loss"].curve == Curve(1.0, 1.0, 4, 1.0)


def test_without_validation_the_last_weights_are_exported() -> None:
    state, memory = run(plan())
    assert state.best_step == 20
    assert memory.best[0] == 20


def test_the_weights_of_the_best_validation_are_exported() -> None:
    state, memory = run(plan(), maps={5: 0.2, 10: 0.5, 15: 0.4, 20: 0.45})
    assert (state.best_step, state.best_map) == (10, 0.5)
    assert memory.best[0] == 10
    assert [point.step for point in state.validation] == [5, 10, 15, 20]


def test_of_equally_good_ones_the_later_is_taken() -> None:
    assert run(plan(), maps={5: 0.0, 10: 0.5, 15: 0.5, 20: 0.4})[0].best_step == 15


def test_it_stops_when_nothing_has_become_better_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ratchet")
    state, memory = run(plan(steps=50), maps={5: 0.2, 10: 0.5, 15: 0.4, 20: 0.45, 25: 0.9}, patience=2)
    assert state.step == 20
    assert memory.best[0] == 10
    assert "stopped after step 20 of 50: no better mAP since step 10" in caplog.text


def test_a_retraining_measures_its_start_and_never_exports_it() -> None:
    state, memory = run(plan("retrain"), maps={0: 0.9, 5: 0.2, 10: 0.5, 15: 0.4, 20: 0.45})
    assert [point.step for point in state.validation] == [0, 5, 10, 15, 20]
    assert state.best_step == 10
    assert memory.best[0] == 10


@pytest.mark.parametrize("killed_after", [5, 10, 15])
def test_a_resumed_training_decides_as_an_uninterrupted_one(killed_after: int) -> None:
    maps = {0: 0.1, 5: 0.2, 10: 0.5, 15: 0.4, 20: 0.45, 25: 0.3, 30: 0.9}
    whole, _ = run(plan("retrain", 30), maps=maps, patience=3)
    saved: list[str] = []

    def kill(step: int) -> None:
        if step == killed_after:
            saved.append(state.to_json())
            raise KeyboardInterrupt

    state = TrainingState()
    with pytest.raises(KeyboardInterrupt):
        run(plan("retrain", 30), maps=maps, patience=3, state=state, on_save=kill)
    restored = TrainingState()
    restored.read(saved[0])
    resumed, _ = run(plan("retrain", 30), maps=maps, patience=3, state=restored)
    assert resumed == whole


def test_one_that_was_killed_after_its_last_step_only_exports() -> None:
    state = TrainingState(step=20, best_step=20, best_map=0.5)
    _, memory = run(plan(), maps={}, state=state)
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


def test_the_curve_of_a_long_training_has_few_points() -> None:
    state, _ = run(plan(steps=450, round_steps=100))
    assert len(state.curve) <= CURVE_POINTS + 1
    assert state.curve[-1][0] == 449
