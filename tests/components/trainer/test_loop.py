"""The loop alone: what it makes of losses and validations, with a learner of one weight."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.breaks import Breaks
from ratchet.components.trainer.changes import asked_training
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.loop import (
    CURVE_POINTS,
    CheckpointError,
    Training,
    TrainingState,
    UnsoundWeightsError,
    train,
)
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import (
    ContinualLearningRecord,
    LearningRateRecord,
    ValidationPoint,
)
from ratchet.schemas.base.termination import Terminated
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
    told_at: int | None = None,
    told_in_validation: int | None = None,
) -> tuple[TrainingState, Memory]:
    """Trains; `maps` are the mAPs that a validation after some step finds, `unsound` the steps after which the model
    finds boxes that are none, `weight` is the weight after some step. A step takes a minute; the state is saved every
    seven. SIGTERM comes in the step `told_at`, or in the validation after step `told_in_validation`."""
    state = state or TrainingState()
    memory, learner = Memory(), OneWeight(losses, weight)
    learner.steps = state.step

    def measure(weights: list[np.ndarray], step: int) -> ValidationPoint | None:
        assert weights[0] == weight(step)
        if step == told_in_validation:
            raise Terminated
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
        breaks=Breaks(
            7, clock=lambda: 60.0 * state.step, is_told=lambda: told_at is not None and state.step >= told_at
        ),
        **stand_ins,
    )
    train(training, itertools.count(state.step))
    return state, memory


def test_all_steps_are_taken_and_a_checkpoint_written_after_each_round() -> None:
    state, memory = run(plan(steps=12, round_steps=5))
    assert state.step == 12
    assert memory.saved == [5, 10, 12]
    assert state.ended == 12
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
    state = TrainingState(step=20, ended=20, best_step=20, best_map=0.5)
    _, memory = run(plan(), maps={}, state=state)
    assert memory.saved == []


MAPS = {0: 0.1, 15: 0.5, 30: 0.4, 45: 0.6}


def whole() -> tuple[TrainingState, Memory]:
    return run(plan("retrain", 45, 15), maps=MAPS)


def test_within_a_round_the_state_is_saved_every_so_many_minutes() -> None:
    assert whole()[1].saved == [7, 14, 15, 22, 29, 30, 37, 44, 45]


@pytest.mark.parametrize("step", [7, 14, 22, 44])
def test_from_within_a_round_it_goes_on_as_if_nothing_had_been(step: int) -> None:
    saved: dict[int, str] = {}
    first = TrainingState()
    run(plan("retrain", 45, 15), maps=MAPS, state=first, on_save=lambda at: saved.update({at: first.to_json()}))
    restored = TrainingState()
    restored.read(saved[step])
    assert (restored.step, restored.ended) == (step, step // 15 * 15)
    state, memory = run(plan("retrain", 45, 15), maps=MAPS, state=restored)
    assert state == whole()[0]
    assert memory.best[0] == 45
    assert memory.saved[-1] == 45


@pytest.mark.parametrize("step", [1, 10, 15, 20, 30, 45])
def test_told_to_end_it_finishes_the_step_and_saves(step: int) -> None:
    state = TrainingState()
    with pytest.raises(
        Terminated, match=rf"^the training was saved after step {step} of 45; the same command goes on from there$"
    ):
        run(plan("retrain", 45, 15), maps=MAPS, state=state, told_at=step)
    restored = TrainingState()
    restored.read(state.to_json())
    assert restored.step == step
    assert run(plan("retrain", 45, 15), maps=MAPS, state=restored)[0] == whole()[0]


def test_told_in_a_validation_it_saves_what_was_trained_and_validates_when_it_goes_on() -> None:
    state = TrainingState()
    with pytest.raises(Terminated, match="the training was saved after step 30 of 45"):
        run(plan("retrain", 45, 15), maps=MAPS, state=state, told_in_validation=30)
    assert (state.step, state.ended, len(state.validation)) == (30, 15, 2)
    assert run(plan("retrain", 45, 15), maps=MAPS, state=state)[0] == whole()[0]


def test_told_before_the_first_step_there_is_nothing_to_save() -> None:
    with pytest.raises(Terminated, match=r"^$"):
        run(plan("retrain"), maps=MAPS, told_in_validation=0)


def full(step: int) -> None:
    raise CheckpointError("ckpt: the checkpoint cannot be written (No space left on device)")


def test_without_room_within_a_round_it_says_so_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def full_at_7(step: int) -> None:
        if step == 7:
            full(step)

    state, memory = run(plan("retrain", 45, 15), maps=MAPS, on_save=full_at_7)
    assert state == whole()[0]
    assert memory.saved == whole()[1].saved  # none the sooner for it
    assert "cannot be written (No space left on device); the training goes on" in caplog.text


def test_without_room_at_the_end_it_ends_with_that() -> None:
    with pytest.raises(Terminated, match="cannot be written"):
        run(plan("retrain", 45, 15), maps=MAPS, told_at=3, on_save=full)
    with pytest.raises(CheckpointError):
        run(plan("retrain", 5, 5), maps=dict.fromkeys((0, 5), 0.1), on_save=full)


def test_the_numbers_of_devices_are_kept() -> None:
    state, restored = TrainingState(), TrainingState()
    state.goes_on_with(2)
    state.step = 7
    state.goes_on_with(2)
    state.goes_on_with(1)
    restored.read(state.to_json())
    assert restored.devices == [(0, 2), (7, 1)]


def test_the_curve_of_a_long_training_has_few_points() -> None:
    state, _ = run(plan(steps=450, round_steps=100))
    assert len(state.curve) <= CURVE_POINTS + 1
    assert state.curve[-1][0] == 449
