"""mAP on the straight way from the weights that a training started from to those that it ended with.

A model that is worse in between than at either end has left the basin it was in (Frankle et al. 2020,
arXiv:1912.05671), as after too high a rate; one that falls along the way was pulled there by its data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ratchet.components.trainer.loop import UnsoundWeightsError
from ratchet.components.trainer.moved import Weights
from ratchet.schemas.artifacts.training_dynamics import LinePoint
from ratchet.schemas.artifacts.training_record import ValidationPoint

SHARES = (0.25, 0.5, 0.75)


def along_the_line(
    start: Weights, end: Weights, validate: Callable[[list[np.ndarray]], ValidationPoint]
) -> tuple[LinePoint, ...]:
    """Validates what lies between two sets of weights, moving statistics of batch norms included.

    Args:
        start: at share 0.
        end: at share 1.
        validate: measures weights.

    Returns:
        A point for each of SHARES, but for those at which the model is none; nothing if `end` are no finite numbers.
    """
    if not all(np.isfinite(weight).all() for weight in end):
        return ()
    found = [(share, _validated(_blended(start, end, share), validate)) for share in SHARES]
    return tuple(LinePoint(share, point.map, point.new, point.old) for share, point in found if point is not None)


def _blended(start: Weights, end: Weights, share: float) -> list[np.ndarray]:
    return [((1 - share) * first + share * last).astype(first.dtype) for first, last in zip(start, end)]


def _validated(
    weights: list[np.ndarray], validate: Callable[[list[np.ndarray]], ValidationPoint]
) -> ValidationPoint | None:
    try:
        return validate(weights)
    except UnsoundWeightsError:
        return None
