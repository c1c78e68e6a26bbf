"""Light, contrast and sharpness move together: how far each has moved beyond what the one before it makes of it; pure.

A factor on grey levels is one on brightness and contrast alike, and near white there is no room for contrast. Detail is
contrast as well: the variance of the Laplacian goes with the square of it. So images with less contrast are not blurred
unless they lost more detail than that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.components.data_gate.drift import as_compared
from ratchet.schemas.artifacts.data_evidence import Comparison
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features

_WHITE = 255.0


def of_their_own(reasons: Sequence[Reason], comparisons: Sequence[Comparison]) -> list[Reason]:
    """The same rules; contrast and sharpness as strong as what light, or contrast, does not explain of their moves.

    Args:
        reasons: of `drift_reason`, one for each of `comparisons`; others stay as they are.
        comparisons: of one span, or of a part of it, and of one kind.
    """
    moves = {each.feature: move for each in comparisons if (move := _move(each)) is not None}
    shares = {features.QA_CONTRAST: _own_contrast(moves), features.QA_SHARPNESS: _own_sharpness(moves)}
    own = {f"{each.kind}:{each.feature}": shares.get(each.feature, 1.0) for each in comparisons}
    return [_weaker(reason, own.get(reason.rule, 1.0)) for reason in reasons]


def _weaker(reason: Reason, own: float) -> Reason:
    if reason.strength is None or own == 1:
        return reason
    return dataclasses.replace(reason, strength=own * reason.strength)


def _move(comparison: Comparison) -> tuple[float, float] | None:
    """Medians before and now, in the unit of effect sizes."""
    before, now = comparison.other.median, comparison.span.median
    if before is None or now is None:
        return None
    medians = as_compared(comparison.feature, np.array([before, now]))
    return float(medians[0]), float(medians[1])


def _own_contrast(moves: Mapping[str, tuple[float, float]]) -> float:
    """Share of contrast's move beyond what a factor of light makes of it: as much, or what white leaves room for."""
    if features.QA_BRIGHTNESS not in moves or features.QA_CONTRAST not in moves:
        return 1.0
    before, now = moves[features.QA_BRIGHTNESS]
    ends = (0.0, now - before, _lost_to_white(moves))
    moved = _difference(moves[features.QA_CONTRAST])
    return _beyond(moved, min(ends), max(ends))


def _own_sharpness(moves: Mapping[str, tuple[float, float]]) -> float:
    """Share of the move of sharpness, ln of a variance, beyond twice that of contrast, ln of a deviation.

    What is white has no detail either, whatever contrast the darkest objects keep.
    """
    if features.QA_CONTRAST not in moves or features.QA_SHARPNESS not in moves:
        return 1.0
    with_contrast = 2 * _difference(moves[features.QA_CONTRAST])
    moved = _difference(moves[features.QA_SHARPNESS])
    return _beyond(moved, min(0.0, with_contrast, 2 * _lost_to_white(moves)), max(0.0, with_contrast))


def _lost_to_white(moves: Mapping[str, tuple[float, float]]) -> float:
    """ln of how much less grey levels can differ as they come near white, 0 or less."""
    before, now = moves.get(features.QA_BRIGHTNESS, (0.0, 0.0))
    return min(0.0, _room(now) - _room(before)) if now > before else 0.0


def _room(log_brightness: float) -> float:
    """ln of the largest deviation that grey levels of this mean can have."""
    mean = min(max(math.exp(log_brightness), 1.0), _WHITE - 1)
    return math.log(mean * (_WHITE - mean)) / 2


def _difference(move: tuple[float, float]) -> float:
    return move[1] - move[0]


def _beyond(moved: float, low: float, high: float) -> float:
    """Share 0..1 of a move that lies outside of what is explained.

    >>> _beyond(-1.0, -0.75, 0.0), _beyond(0.5, -0.75, 0.0), _beyond(-0.5, -0.75, 0.0)
    (0.25, 1.0, 0.0)
    """
    outside = max(low - moved, moved - high, 0.0)
    return min(1.0, outside / abs(moved)) if moved else 1.0
