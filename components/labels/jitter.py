"""Boxes that are drawn carelessly: scattered around where the golden set has them; pure.

The model's own boxes scatter too. So the scatter between label and model is held against the golden set's, and told as
what would have to be added to the golden set's boxes to scatter them as much.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import ndtri

from ratchet.components.labels.drawing import Drawn, beside_expected, beside_the_others, drawn_of
from ratchet.components.labels.findings import Excess, Finding, per_image, reason_of
from ratchet.components.labels.matching import Matched
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent

_CLIPPED = 3.0  # robust standard deviations, from which on a box is a wrong match
_MAD = 1.4826  # standard deviations in a median absolute deviation of a normal distribution
_NORMAL = ndtri((np.arange(15) + 0.5) / 15)  # [15] a normal distribution
_MOST, _STEPS = 0.5, 50  # jitter that is looked for


def jitter_reason(span: Matched, golden: Matched, limit: float) -> Reason:
    """The rule `labels:jitter`; `limit` is the accepted standard deviation, as a fraction of the box's size."""
    ours, theirs = drawn_of(span), drawn_of(golden)
    centre, size = (_told(each) for each in added_jitter(ours, theirs))
    worst = max(centre, size, key=lambda excess: (excess.breaks(limit), excess.value))
    scatter = np.square(beside_expected(ours, theirs)).sum(axis=1)
    weight = per_image(span.profile, ours.image, scatter) / np.maximum(1, per_image(span.profile, ours.image))
    by, (low, high) = percent(worst.value), worst.ends
    words = f"boxes scatter by {by} of their size more than the golden set's"
    if worst.value > limit / 2:
        words += f" (95 % interval {100 * low:.0f} to {percent(high)})"
    measure = f"{percent(centre.value)} in their place, {percent(size.value)} in width and height; {worst.power(limit)}"
    expected = f"boxes that scatter by at most {percent(limit)} of their size more than the golden set's"
    return reason_of("labels:jitter", expected, Finding(worst, words, weight, measure), limit, span.profile)


def added_jitter(span: Drawn, golden: Drawn, label: int | None = None) -> tuple[Excess, Excess]:
    """The jitter that the span has beyond the golden set's, in place and in size; negative if it has less.

    Args:
        span: the new boxes.
        golden: the trusted ones.
        label: only of what looks like this class; None: of all.
    """
    keep = [side.looks_like == label if label is not None else slice(None) for side in (span, golden)]
    relations = beside_expected(span, golden)[keep[0]], beside_the_others(golden)[keep[1]]
    images = span.image[keep[0]], golden.image[keep[1]]
    centre, size = (_added(*images, *(each[:, axes] for each in relations)) for axes in ([0, 1], [2, 3]))
    return centre, size


def _told(excess: Excess) -> Excess:
    # Boxes that scatter less than the golden set's are no fault.
    return dataclasses.replace(excess, value=max(0.0, excess.value))


def _added(span_image: np.ndarray, golden_image: np.ndarray, span: np.ndarray, golden: np.ndarray) -> Excess:
    """The jitter [n, 2] and [m, 2] relations differ by, and its error."""
    golden = golden - np.median(golden, axis=0)
    span = span - np.median(span, axis=0)
    unit = np.maximum(_MAD * np.median(np.abs(golden), axis=0), 1e-3)
    scatter, usual = (_scatter(each, unit) for each in (span, golden))
    error = float(np.hypot(_error_of_mean(scatter, span_image), _error_of_mean(usual, golden_image)))
    jitters = np.linspace(0, _MOST, _STEPS + 1)
    reached = np.array([_scatter(golden[:, None] + each * _NORMAL[:, None], unit).mean() for each in jitters])
    images = min(len(np.unique(span_image)), len(np.unique(golden_image)))
    above = float(scatter.mean() - usual.mean())
    # Scatter grows with the square of a little jitter, so that the error of the jitter is the larger the less there is.
    value = float(np.interp(usual.mean() + abs(above), reached, jitters))
    by_chance = float(np.interp(usual.mean() + error, reached, jitters))
    std_error = value * error / abs(above) if abs(above) > error else by_chance
    return Excess(float(np.copysign(value, above)), std_error, images)


def _scatter(relations: np.ndarray, unit: np.ndarray) -> np.ndarray:
    return np.minimum(np.abs(relations) / unit, _CLIPPED).mean(axis=-1)


def _error_of_mean(values: np.ndarray, image: np.ndarray) -> float:
    # With images as clusters; never less than that of independent rows.
    beside = values - values.mean()
    between = np.square(np.bincount(image, weights=beside)).sum()
    return float(np.sqrt(max(between, np.square(beside).sum())) / len(values))
