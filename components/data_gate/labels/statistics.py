"""Shares and medians over objects of which those in one image are not independent; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

SIGNIFICANCE = 0.001  # chance of a false alarm that one rule takes
DOUBT = 0.02  # at which a person should look


class Measured(NamedTuple):
    """A figure, how far chance moves it, and the images behind it."""

    value: float
    std_error: float
    images: int


@dataclass(frozen=True)
class Excess:
    """By how much the span differs from the golden set.

    Attributes:
        value: positive is worse.
        std_error: of it.
        images: the fewest behind either figure.
    """

    value: float
    std_error: float
    images: int

    @property
    def p_value(self) -> float:
        """Chance of a difference this large if there is none (one-sided, Student's t with images as clusters)."""
        return float(stdtr(max(1, self.images - 1), -self.value / self.std_error))

    def breaks(self, limit: float, significance: float = SIGNIFICANCE) -> bool:
        """Whether it is over the limit and no chance."""
        return self.value > limit and self.p_value < significance

    def is_doubtful(self, limit: float) -> bool:
        """Whether a person should look: over the limit but perhaps chance, or no chance but within the limit."""
        return self.value > limit / 2 and self.p_value < (DOUBT if self.value > limit else SIGNIFICANCE)

    @property
    def interval(self) -> str:
        """About 95 %, in words: `12-19 %`."""
        low, high = (max(0.0, self.value + side * 1.96 * self.std_error) for side in (-1, 1))
        return f"{100 * low:.0f}-{100 * min(1.0, high):.0f} %"


def share_of(hits: np.ndarray, image: np.ndarray) -> Measured:
    """Share of rows that hit, with the standard error of a ratio of sums over images.

    W. G. Cochran, Sampling Techniques, 3rd ed., section 2.11; never less than that of independent rows.

    Args:
        hits: [n] bool, at least one row.
        image: [n] int64.

    >>> share_of(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    Measured(value=0.5, std_error=0.5..., images=2)
    """
    rows = len(hits)
    share = float(hits.mean())
    per_image, hits_per_image = np.bincount(image), np.bincount(image, weights=hits)
    images = int(np.count_nonzero(per_image))
    between = np.square(hits_per_image - share * per_image).sum() * images / max(1, images - 1) / rows**2
    # With a row more of either kind, so that no hit in ten is not certainty.
    smoothed = (hits.sum() + 1) / (rows + 2)
    return Measured(share, float(np.sqrt(max(between, smoothed * (1 - smoothed) / rows))), images)


def median_of(values: np.ndarray, image: np.ndarray) -> Measured:
    """Median [n] -> one figure, whose standard error takes the values of one image for one.

    The error is that of a normal distribution's median with the spread of the absolute deviations (1.4826 MAD).
    """
    median = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    images = len(np.unique(image))
    return Measured(median, max(1e-3, 1.2533 * spread / np.sqrt(images)), images)


def difference(span: Measured, golden: Measured) -> Excess:
    """The span's figure minus the golden set's."""
    error = float(np.hypot(span.std_error, golden.std_error))
    return Excess(span.value - golden.value, error, min(span.images, golden.images))


def shortfall(span: Measured, golden: Measured, trust: float) -> Excess:
    """Part of the golden set's share that the span lacks.

    Args:
        span: a share.
        golden: the same share there, above 0.
        trust: 0..1, part of the golden set's share to be expected of images in which the model finds less.

    >>> shortfall(Measured(0.6, 0.03, 80), Measured(0.8, 0.03, 90), trust=1.0).value.__round__(3)
    0.25
    """
    expected = golden.value * trust
    error = float(np.hypot(span.std_error, span.value / golden.value * golden.std_error)) / expected
    return Excess(1 - span.value / expected, error, min(span.images, golden.images))
