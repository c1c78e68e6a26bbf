"""A figure of every step of a training, kept as a few numbers; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ratchet.schemas.artifacts.training_dynamics import Curve

FIRST = 5  # steps that a training begins with, at a small part of the peak rate
SMOOTHED = 10  # steps of the moving average


@dataclass
class RunningCurve:
    """A curve while it is drawn: it begins with the mean of the first steps and goes on as a moving average.

    A value that is no finite number is left out, so that a training that was lost has the curve up to there.

    >>> curve = RunningCurve()
    >>> for step, value in enumerate([1.0] * FIRST + [11.0, math.nan, 1.0]):
    ...     curve.add(step, value)
    >>> curve.curve
    Curve(first=1.0, highest=2.0, highest_at=5, last=1.9)

    Attributes:
        values: those that it was made of.
        first: mean of the first ones.
        highest: of the smoothed curve.
        highest_at: the step of it.
        last: of the smoothed curve.
    """

    values: int = 0
    first: float = 0.0
    highest: float = 0.0
    highest_at: int = 0
    last: float = 0.0

    def add(self, step: int, value: float) -> None:
        """The value of the next step, counted from 0."""
        if not math.isfinite(value):
            return
        self.values += 1
        if self.values <= FIRST:
            self.first += (value - self.first) / self.values
            self.last = self.highest = self.first
            self.highest_at = step
            return
        self.last += (value - self.last) / SMOOTHED
        if self.last > self.highest:
            self.highest, self.highest_at = self.last, step

    @property
    def curve(self) -> Curve | None:
        """For the training record; None without a value."""
        return Curve(self.first, self.highest, self.highest_at, self.last) if self.values else None
