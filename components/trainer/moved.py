"""How far a training went, and what lies between its start and its end; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.artifacts.training_dynamics import PartMoved

Weights = Sequence[np.ndarray]  # in the order of `ordered_weights`


@dataclass(frozen=True)
class NormWeights:
    """The statistics of one batch norm.

    Attributes:
        mean: position of the moving mean among the weights.
        variance: position of the moving variance.
        epsilon: what the layer adds to the variance.
    """

    mean: int
    variance: int
    epsilon: float


@dataclass(frozen=True)
class PartWeights:
    """Which of the weights are those of a part of the model.

    Attributes:
        trained: positions of those that the optimizer changes.
        norms: its batch norms.
    """

    trained: tuple[int, ...]
    norms: tuple[NormWeights, ...]


def distance(positions: Iterable[int], start: Weights, end: Weights) -> float:
    """L2 distance of some weights from their start, over the start's norm; 0 if there are none."""
    chosen = list(positions)
    moved = sum(float(np.square(end[i].astype(np.float64) - start[i]).sum()) for i in chosen)
    norm = sum(float(np.square(start[i].astype(np.float64)).sum()) for i in chosen)
    return math.sqrt(moved / norm) if norm else 0.0


def parts_moved(parts: Mapping[str, PartWeights], start: Weights, end: Weights) -> dict[str, PartMoved]:
    """What a training did to each part of a model; a part whose weights are no finite numbers is left out."""
    found = {name: _moved(part, start, end) for name, part in parts.items()}
    return {name: moved for name, moved in found.items() if math.isfinite(moved.distance)}


def _moved(part: PartWeights, start: Weights, end: Weights) -> PartMoved:
    shifts = [np.abs(end[norm.mean] - start[norm.mean]) / _sigma(norm, start) for norm in part.norms]
    shift = float(np.concatenate(shifts).mean(dtype=np.float64)) if shifts else None
    return PartMoved(distance(part.trained, start, end), None if shift is None or not math.isfinite(shift) else shift)


def _sigma(norm: NormWeights, weights: Weights) -> np.ndarray:
    """What the layer divides by, so that a channel without any variance does not stand above all others."""
    return np.sqrt(weights[norm.variance].astype(np.float64) + norm.epsilon)
