"""The training loop: rounds of steps, each ended by a validation and a checkpoint.

The state is saved between the ends of rounds, too: every so many minutes, and when the process is told to end. It then
lacks nothing, so that what goes on from there ends as what was never interrupted.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ratchet.components.trainer.breaks import Break
from ratchet.components.trainer.curves import FIRST, RunningCurve
from ratchet.components.trainer.images.figures import FigureSums
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.schemas.artifacts.training_dynamics import Diverged
from ratchet.schemas.artifacts.training_record import ValidationPoint
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import LOGGER, Progress
from ratchet.schemas.base.termination import Terminated, heeded

if TYPE_CHECKING:
    from ratchet.components.trainer.breaks import Breaks
    from ratchet.components.trainer.checkpoints import Checkpoints
    from ratchet.components.trainer.learner import Learner
    from ratchet.components.trainer.tensorboard import TrainingLog

CURVE_POINTS = 200
DIVERGED = 10.0  # times the loss it began with: a rate three times too high reaches 16, a sound training stays below 2
SURELY_DIVERGED = 50.0  # RetinaNet's loss is an average over objects, at most a few units when nothing is known yet
WINDOW = 20  # steps over which the loss is averaged
SOUND = 2.0  # times the loss of the very first step, up to which weights are kept that no validation has seen


class CheckpointError(RatchetError):
    """The state of a training cannot be written or read."""


class UnsoundWeightsError(RatchetError):
    """Weights with which a model finds no boxes, but what are no numbers."""


@dataclass
class TrainingState:
    """How far a training is.

    Attributes:
        step: optimizer steps taken.
        ended: after how many of them the last round ended that was validated.
        devices: (step, devices) where the training began, and where it went on with another number of them.
        curve: (step, total loss) pairs.
        validation: mAP so far.
        best_step: the step of the best validation; 0 before the first.
        best_map: its mAP.
        recent: loss of the last steps.
        first_loss: mean loss of the first steps; what a diverging one is compared with.
        diverged: how it was lost; None as long as it is sound.
        curves: of every step, by name: the parts of the loss, and the norm of the gradients.
        sum_of_rates: sum of the learning rates that were used.
        peak_rate: the highest of them.
        batches: of the first batches as they come from the files.
        augmented: of the same as they were trained on.
    """

    step: int = 0
    ended: int = 0
    devices: list[tuple[int, int]] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    validation: list[ValidationPoint] = field(default_factory=list)
    best_step: int = 0
    best_map: float = -1.0
    recent: list[float] = field(default_factory=list)
    first_loss: float | None = None
    diverged: Diverged | None = None
    curves: dict[str, RunningCurve] = field(default_factory=dict)
    sum_of_rates: float = 0.0
    peak_rate: float = 0.0
    batches: FigureSums = field(default_factory=FigureSums)
    augmented: FigureSums = field(default_factory=FigureSums)

    def note(self, step: int, figures: Mapping[str, float]) -> None:
        """Takes down what was measured in a step: `learning_rate`, and curves by name."""
        self.sum_of_rates += figures["learning_rate"]
        self.peak_rate = max(self.peak_rate, figures["learning_rate"])
        for name, value in figures.items():
            if name != "learning_rate":
                self.curves.setdefault(name, RunningCurve()).add(step, value)

    def goes_on_with(self, devices: int) -> None:
        """Takes down the number of devices of the steps to come."""
        if not self.devices or self.devices[-1][1] != devices:
            self.devices.append((self.step, devices))

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(dataclasses.asdict(self))

    def read(self, text: str) -> None:
        """Takes on what `to_json` wrote."""
        values = json.loads(text)
        values["curve"] = [(int(step), float(loss)) for step, loss in values["curve"]]
        values["devices"] = [(int(step), int(devices)) for step, devices in values["devices"]]
        values["validation"] = [ValidationPoint(**point) for point in values["validation"]]
        values["diverged"] = Diverged(**values["diverged"]) if values["diverged"] else None
        values["curves"] = {name: RunningCurve(**curve) for name, curve in values["curves"].items()}
        values |= {name: FigureSums(**values[name]) for name in ("batches", "augmented")}
        for name, value in values.items():
            setattr(self, name, value)


# Measures the weights given; None where there are too few validation images and it has only looked whether they are
# sound. Raises UnsoundWeightsError.
Measure = Callable[[list[np.ndarray], int], "ValidationPoint | None"]


@dataclass(frozen=True)
class Training:
    """What a training works with.

    Attributes:
        plan: what to do.
        patience: rounds without a better mAP after which it stops.
        learner: makes the steps.
        measure: the validation.
        checkpoints: where it goes on from when it is killed.
        log: TensorBoard.
        state: how far it is; 0 steps, or what was restored.
        start: the weights it started from.
        breaks: when the state is saved within a round, and when to end.
    """

    plan: TrainingPlan
    patience: int
    learner: Learner
    measure: Measure
    checkpoints: Checkpoints
    log: TrainingLog
    state: TrainingState
    start: list[np.ndarray]
    breaks: Breaks

    @property
    def over(self) -> bool:
        """Whether all steps are done, nothing has become better for a while, or it is lost."""
        rounds = sum(point.step > self.state.best_step for point in self.state.validation)
        is_patient = self.state.best_step == 0 or rounds < self.patience
        return self.state.ended >= self.plan.steps or not is_patient or self.state.diverged is not None


def train(training: Training, batches: Iterator[Any]) -> None:
    """Trains to the end; the weights to export are then `checkpoints.best`.

    A training whose loss is no longer a finite number or has exploded, or whose weights are no numbers, ends there,
    with the best weights so far, or those it started from.

    Args:
        training: as it was begun, or as it was restored.
        batches: those of the steps to come.

    Raises:
        RatchetError: a checkpoint cannot be written, or what it starts from is no model.
        Terminated: SIGTERM came, and the state was saved.
    """
    plan, state = training.plan, training.state
    with heeded():
        if state.step == 0:
            _measure_start(training)
        progress = Progress("training", plan.steps, unit_size=plan.batch_size)
        while not training.over:
            _round(training, batches, progress)
    if state.diverged is not None:
        LOGGER.warning("training diverged: %s", divergence_in_words(state.diverged, plan.steps))
        _back_to_sound_weights(training)
    elif state.step < plan.steps:
        LOGGER.info("stopped after step %d of %d: no better mAP since step %d", state.step, plan.steps, state.best_step)


def _round(training: Training, batches: Iterator[Any], progress: Progress) -> None:
    plan, state = training.plan, training.state
    end = min((state.ended // plan.round_steps + 1) * plan.round_steps, plan.steps)
    _steps(training, batches, progress, end)
    if state.diverged is None:
        try:
            _end_round(training)
        except Terminated:
            _end_here(training)
    if state.diverged is None:  # else what was saved before is that of a training that can go on
        state.ended = end
        training.checkpoints.save()
        training.breaks.saved()


def _between_steps(training: Training) -> None:
    """Saves the state if it is time; a disk that is full now may not be at the next saving."""
    due = training.breaks.after_step()
    if due is Break.END:
        _end_here(training)
    elif due is Break.SAVE and (problem := _saved(training)) is not None:
        LOGGER.warning("%s; the training goes on", problem)


def _end_here(training: Training) -> NoReturn:
    problem = _saved(training)
    if problem is None:
        where = f"after step {training.state.step} of {training.plan.steps}"
        raise Terminated(f"the training was saved {where}; the same command goes on from there")
    raise Terminated(str(problem)) from problem


def _saved(training: Training) -> CheckpointError | None:
    """Why the state could not be saved, if so."""
    try:
        training.checkpoints.save()
    except CheckpointError as error:
        return error
    finally:
        training.breaks.saved()
    return None


def divergence_in_words(lost: Diverged, steps: int) -> str:
    """What was seen, when, and at which rate."""
    return f"{lost.what} at step {lost.step} of {steps}, learning rate {lost.learning_rate:.2g}"


def _back_to_sound_weights(training: Training) -> None:
    """Of a training that was being lost, the best checkpoint may already be worse than what it started from."""
    state = training.state
    start = next((point.map for point in state.validation if point.step == 0), -1.0)
    if state.best_step and state.best_map < start:
        state.best_step = 0
        training.checkpoints.keep_as_best(training.start)


def _measure_start(training: Training) -> None:
    weights = training.learner.served_weights()
    try:
        if not _are_numbers(weights):
            raise UnsoundWeightsError("weights are no finite numbers")
        if training.plan.mode == "retrain":
            _note(training, training.measure(weights, 0))
    except UnsoundWeightsError as error:
        raise RatchetError(
            f"what the training would start from is no sound model ({error}); mend training.init_checkpoint, or serve "
            "another model: ratchet rollback --by NAME --reason TEXT"
        ) from error


def _steps(training: Training, batches: Iterator[Any], progress: Progress, end: int) -> None:
    plan, state = training.plan, training.state
    keep_every = math.ceil(plan.steps / CURVE_POINTS)
    started, first = time.monotonic(), state.step
    for step in range(state.step, end):
        rate = plan.learning_rate.at(step, plan.steps)
        figures = training.learner.step(next(batches))
        loss = figures["total_loss"]
        state.note(step, figures)
        state.diverged = _judge_loss(state, loss, step, rate)
        if state.diverged is not None:
            state.step = step + 1
            return
        if step % keep_every == 0 or step == plan.steps - 1:
            state.curve.append((step, loss))
            training.log.step(step, figures)
        state.step = step + 1
        best = f"  mAP {state.best_map:.3f}" if state.best_map >= 0 else ""
        progress.update(state.step, f"loss {loss:.3f}  learning rate {rate:.1e}{best}")
        _between_steps(training)
    if end > first:  # else it was saved between the last step and the validation
        training.log.speed(end, (end - first) * plan.batch_size / (time.monotonic() - started))


def _judge_loss(state: TrainingState, loss: float, step: int, rate: float) -> Diverged | None:
    state.recent = [*state.recent, loss][-WINDOW:]
    mean = sum(state.recent) / len(state.recent)
    if state.first_loss is None and len(state.recent) == FIRST:
        state.first_loss = mean
    limit = min(DIVERGED * (state.first_loss or math.inf), SURELY_DIVERGED)
    if not math.isfinite(loss):
        return Diverged(step + 1, f"the loss is {loss}", rate, None, limit)
    if len(state.recent) == WINDOW and mean > limit:
        what = f"the mean loss of {WINDOW} steps is {mean:.3g}, above {limit:.3g}"
        return Diverged(step + 1, what, rate, loss, limit)
    return None


def _end_round(training: Training) -> None:
    """Keeps the weights if they are the best so far; of equally good ones the later, for their rate is lower."""
    state = training.state
    weights = training.learner.served_weights()
    try:
        if not _are_numbers(weights):
            raise UnsoundWeightsError("weights are no finite numbers")
        point = training.measure(weights, state.step)
    except UnsoundWeightsError as error:
        rate = training.plan.learning_rate.at(state.step - 1, training.plan.steps)
        state.diverged = Diverged(state.step, str(error), rate, state.recent[-1], None)
        return
    _note(training, point)
    if point is not None and point.map < state.best_map:
        return
    if point is not None:
        state.best_map = point.map
    elif state.step < training.plan.steps and not _is_sound(state):
        return
    state.best_step = state.step
    training.checkpoints.keep_as_best(weights)


def _is_sound(state: TrainingState) -> bool:
    """Whether the loss says that weights which no validation has measured are worth keeping should it diverge later."""
    return sum(state.recent) / len(state.recent) <= SOUND * state.curve[0][1]


def _are_numbers(weights: list[np.ndarray]) -> bool:
    return all(np.isfinite(weight).all() for weight in weights)


def _note(training: Training, point: ValidationPoint | None) -> None:
    if point is not None:
        training.state.validation.append(point)
        training.log.validation(point)
