"""The training loop: rounds of steps, each ended by a validation and a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from components.trainer.policy import TrainingPlan
from schemas.artifacts.training_record import ValidationPoint
from schemas.base.errors import RatchetError
from schemas.base.progress import LOGGER, Progress

if TYPE_CHECKING:
    from components.trainer.checkpoints import Checkpoints
    from components.trainer.learner import Learner
    from components.trainer.tensorboard import TrainingLog

CURVE_POINTS = 200
DIVERGED = 10.0  # times the loss it began with: a rate three times too high reaches 16, a sound training stays below 2
SURELY_DIVERGED = 50.0  # RetinaNet's loss is an average over objects, at most a few units when nothing is known yet
FIRST = 5  # steps that it begins with, at a small part of the peak rate
WINDOW = 20  # steps over which the loss is averaged


@dataclass
class TrainingState:
    """How far a training is.

    Attributes:
        step: optimizer steps taken.
        curve: (step, total loss) pairs.
        validation: mAP so far.
        best_step: the step of the best validation; 0 before the first.
        best_map: its mAP.
        recent: loss of the last steps.
        first_loss: mean loss of the first steps; what a diverging one is compared with.
    """

    step: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    validation: list[ValidationPoint] = field(default_factory=list)
    best_step: int = 0
    best_map: float = -1.0
    recent: list[float] = field(default_factory=list)
    first_loss: float | None = None

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(dataclasses.asdict(self))

    def read(self, text: str) -> None:
        """Takes on what `to_json` wrote."""
        values = json.loads(text)
        values["curve"] = [(int(step), float(loss)) for step, loss in values["curve"]]
        values["validation"] = [ValidationPoint(**point) for point in values["validation"]]
        for name, value in values.items():
            setattr(self, name, value)


# Measures the weights given; None where too little is held out.
Measure = Callable[[list[np.ndarray], int], ValidationPoint]


@dataclass(frozen=True)
class Training:
    """What a training works with.

    Attributes:
        plan: what to do.
        batch_size: images a step.
        patience: rounds without a better mAP after which it stops.
        learner: makes the steps.
        measure: the validation, or None.
        checkpoints: where it goes on from when it is killed.
        log: TensorBoard.
        state: how far it is; 0 steps, or what was restored.
    """

    plan: TrainingPlan
    batch_size: int
    patience: int
    learner: Learner
    measure: Measure | None
    checkpoints: Checkpoints
    log: TrainingLog
    state: TrainingState

    @property
    def over(self) -> bool:
        """Whether all steps are done, or nothing has become better for a while."""
        rounds = sum(point.step > self.state.best_step for point in self.state.validation)
        return self.state.step >= self.plan.steps or (self.state.best_step > 0 and rounds >= self.patience)


def train(training: Training, batches: Iterator[Any]) -> None:
    """Trains to the end; the weights to export are then `checkpoints.best`.

    Args:
        training: as it was begun, or as it was restored.
        batches: those of the steps to come.

    Raises:
        RatchetError: the loss is no longer a finite number or has exploded, or a checkpoint cannot be written.
    """
    plan, state = training.plan, training.state
    if state.step == 0 and plan.mode == "retrain" and training.measure:
        _note(training, training.measure(training.learner.served_weights(), 0))
    progress = Progress("training", plan.steps, unit_size=training.batch_size)
    while not training.over:
        _steps(training, batches, progress, min(state.step + plan.round_steps, plan.steps))
        _end_round(training)
        training.checkpoints.save()
    if state.step < plan.steps:
        LOGGER.info("stopped after step %d of %d: no better mAP since step %d", state.step, plan.steps, state.best_step)


def _steps(training: Training, batches: Iterator[Any], progress: Progress, end: int) -> None:
    plan, state = training.plan, training.state
    keep_every = math.ceil(plan.steps / CURVE_POINTS)
    started, first = time.monotonic(), state.step
    for step in range(state.step, end):
        rate = plan.learning_rate.at(step, plan.steps)
        losses = training.learner.step(next(batches))
        loss = float(losses["total_loss"])
        _check_loss(state, plan, loss, step, rate)
        if step % keep_every == 0 or step == plan.steps - 1:
            state.curve.append((step, loss))
            training.log.losses(step, {name: float(part) for name, part in losses.items()}, rate)
        state.step = step + 1
        best = f"  mAP {state.best_map:.3f}" if state.best_map >= 0 else ""
        progress.update(state.step, f"loss {loss:.3f}  learning rate {rate:.1e}{best}")
    training.log.speed(end, (end - first) * training.batch_size / (time.monotonic() - started))


def _check_loss(state: TrainingState, plan: TrainingPlan, loss: float, step: int, rate: float) -> None:
    state.recent = [*state.recent, loss][-WINDOW:]
    mean = sum(state.recent) / len(state.recent)
    if state.first_loss is None and len(state.recent) == FIRST:
        state.first_loss = mean
    limit = min(DIVERGED * (state.first_loss or math.inf), SURELY_DIVERGED)
    if math.isfinite(loss) and (len(state.recent) < WINDOW or mean <= limit):
        return
    what = f"the mean loss of {WINDOW} steps is {mean:.3g}, above {limit:.3g}"
    raise RatchetError(
        f"training diverged: {what if math.isfinite(loss) else f'loss is {loss}'} at step {step + 1} of {plan.steps}, "
        f"learning rate {rate:.2g}; lower training.{_rate_setting(plan)}"
    )


def _rate_setting(plan: TrainingPlan) -> str:
    return "bootstrap.peak_learning_rate" if plan.mode == "bootstrap" else "retrain.learning_rate_fraction"


def _end_round(training: Training) -> None:
    """Keeps the weights if they are the best so far; of equally good ones the later, for their rate is lower."""
    state = training.state
    weights = training.learner.served_weights()
    if training.measure:
        point = training.measure(weights, state.step)
        _note(training, point)
        if point.map < state.best_map:
            return
        state.best_map = point.map
    state.best_step = state.step
    training.checkpoints.keep_as_best(weights)


def _note(training: Training, point: ValidationPoint) -> None:
    training.state.validation.append(point)
    training.log.validation(point)
