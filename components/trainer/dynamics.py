"""How a training went, in the figures of `Dynamics`: what only the Trainer sees, and a diagnosis compares.

What is no finite number is left out of the record, which is JSON: single steps of a curve, a curve without any finite
value, a part of the model whose weights are no numbers. A training that diverged has what was measured up to there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ratchet.components.trainer.environment import environment
from ratchet.components.trainer.line import along_the_line
from ratchet.components.trainer.loop import Training
from ratchet.components.trainer.moved import parts_moved
from ratchet.schemas.artifacts.training_dynamics import Dynamics, LinePoint
from ratchet.schemas.artifacts.training_record import ValidationPoint

GRADIENT_NORM = "gradient_norm"


Validate = Callable[[list[np.ndarray], int], ValidationPoint]  # of weights, after some step


def dynamics(done: Training, validate: Validate | None) -> Dynamics:
    """What the record of a finished training says of its course.

    `parts` and `line` are of the weights at its end, not of those that are exported: where these are those that it
    started from, or the ones of an early round, what the training did to the model would not show.

    Args:
        done: the training; its learner has the weights of the last step.
        validate: measures weights; None where there are too few images for it.
    """
    state, learner = done.state, done.learner
    curves = {name: curve.curve for name, curve in state.curves.items()}
    known = {name: curve for name, curve in curves.items() if curve is not None}
    end = learner.served_weights()
    return Dynamics(
        losses={name: curve for name, curve in known.items() if name != GRADIENT_NORM},
        gradient_norm=known.get(GRADIENT_NORM),
        sum_of_rates=state.sum_of_rates,
        peak_rate=state.peak_rate,
        parts=parts_moved(learner.parts, learner.start, end),
        batches=state.batches.figures,
        augmented=state.augmented.figures,
        line=_line(done, end, validate) if validate and done.plan.mode == "retrain" else (),
        environment=environment(),
    )


def _line(done: Training, end: list[np.ndarray], validate: Validate) -> tuple[LinePoint, ...]:
    return along_the_line(done.learner.start, end, lambda weights: validate(weights, done.state.step))
