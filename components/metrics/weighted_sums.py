"""Sums over copies of detections, in many data sets side by side, as columns: what resampled precision is made of.

Everything here is a whole number until it is divided, so that it does not matter in which pieces it is added; where
floats are added, the order is fixed.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.metrics.coco_rules import RECALL_POINTS

# Totals of so many rows are built in the narrow type of the weights, which `narrowest` makes wide enough.
_STRIPE = 16
# Rows that are worked on at once. Tests set it lower.
_ROWS = 256


def narrowest(weights: np.ndarray) -> np.ndarray:
    """Weights in the smallest unsigned type that holds a total of 16 of them."""
    return weights.astype(np.min_scalar_type(_STRIPE * int(weights.max(initial=0))), copy=False)


def add_area(
    area: np.ndarray,
    highest: np.ndarray,
    hits: np.ndarray,
    seen: np.ndarray,
    points: np.ndarray,
    offset: np.ndarray,
    first: int = 0,
) -> int:
    """Adds recall points x precision of some rows, from the last to the first, as many at once as a cache holds.

    Args:
        area: [b], which is added to.
        highest: [b], the highest precision of the rows after these; that of these afterwards, as far as they are done.
        hits: [r, b] true positives up to each row.
        seen: [r, b] detections up to each row, at least 1.
        points: [p] recall points that hits reach.
        offset: [b] where in `points` those of each data set begin.
        first: which of all rows the first one is.

    Returns:
        How many of the first rows are left: for these the row before, or some that are worked on together, are missing.
    """
    end = len(hits)
    for start in range((first + end - 1) // _ROWS * _ROWS - first, -first - 1, -_ROWS):
        if start <= 0 < first:
            break
        # Without anything seen there are no hits either, and pycocotools' 0 / 2e-16 is 0.
        precision = np.divide(hits[start:end], seen[start:end], dtype=np.float64)
        np.maximum(precision[-1], highest, out=precision[-1])
        _make_envelope(precision)
        highest[:] = precision[0]
        reached = points.take(hits[max(start - 1, 0) : end] + offset)
        gained = np.diff(reached, axis=0, prepend=reached[:1] * 0) if start == 0 else np.diff(reached, axis=0)
        precision *= gained
        area += _column_sums(precision)
        end = start
    return end


def _column_sums(values: np.ndarray) -> np.ndarray:
    # [b], of [n, b], which is overwritten. numpy's own sum adds in an order that depends on b.
    while len(values) > 1:
        half = len(values) // 2
        values[:half] += values[-half:]
        values = values[: len(values) - half]
    return values[0]


def _make_envelope(precision: np.ndarray) -> None:
    # The largest of the values from each row on, in place; numpy's own accumulate takes ten times as long.
    _accumulate(np.maximum, precision[::-1])


def _accumulate(operation: np.ufunc, values: np.ndarray) -> None:
    # operation.accumulate(values, axis=0) in place: inside stripes, then over the last rows of the stripes.
    whole = len(values) // _STRIPE * _STRIPE if len(values) > 2 * _STRIPE else 0
    if whole:
        stripes = values[:whole].reshape(-1, _STRIPE, values.shape[1])
        for k in range(1, _STRIPE):
            operation(stripes[:, k], stripes[:, k - 1], out=stripes[:, k])
        ends = stripes[:, -1].copy()
        _accumulate(operation, ends)
        operation(stripes[1:], ends[:-1, None], out=stripes[1:])
    for row in range(max(whole, 1), len(values)):
        operation(values[row], values[row - 1], out=values[row])


def totals(weights: np.ndarray, image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Copies of the detections 0..at[r], [r, b] unsigned, as narrow as they fit.

    Args:
        weights: [i, b] from `narrowest`, copies of each image.
        image: [m] of each detection.
        at: [r] up to which of them.
    """
    # Row k of a stripe is detection 16 q + k, so that the adding runs through long contiguous arrays; the total of
    # whole stripes is added where it is wanted.
    stripes = np.zeros(-(-len(image) // _STRIPE) * _STRIPE, dtype=np.intp)
    stripes[: len(image)] = image
    inner = weights.take(np.ascontiguousarray(stripes.reshape(-1, _STRIPE).T), axis=0)
    for k in range(1, _STRIPE):
        inner[k] += inner[k - 1]
    most = int(inner[-1].sum(axis=0, dtype=np.int64).max(initial=0))
    before = np.zeros((inner.shape[1] + 1, inner.shape[2]), dtype=np.min_scalar_type(most))
    before[1:] = inner[-1]
    _accumulate(np.add, before)
    stripe, k = np.divmod(at, _STRIPE)
    found = before.take(stripe, axis=0)
    found += inner.reshape(-1, inner.shape[2]).take(k * inner.shape[1] + stripe, axis=0)
    return found


def points_reached(num_truth: np.ndarray, least: int = 0, most: int | None = None) -> np.ndarray:
    """How many of the 101 recall points true positives reach.

    Args:
        num_truth: [u] numbers of objects.
        least: of true positives.
        most: of true positives; None for the largest number of objects.

    Returns:
        [u, most - least + 1] uint8, of `least` and more true positives.
    """
    width = (int(num_truth.max()) if most is None else most) - least + 1
    starts = np.zeros((len(num_truth), len(RECALL_POINTS) + 2), np.int64)
    np.clip(hits_needed(num_truth) - least, 0, width, out=starts[:, 1:-1])
    starts[:, -1] = width
    points = np.arange(len(RECALL_POINTS) + 1, dtype=np.uint8)
    return np.repeat(np.tile(points, len(num_truth)), np.diff(starts, axis=1).ravel()).reshape(-1, width)


def hits_needed(num_truth: np.ndarray) -> np.ndarray:
    """True positives that reach each recall point, [u, 101], of [u] numbers of objects; in floats, as pycocotools
    compares them."""
    objects = np.maximum(num_truth, 1)[:, None]
    guess = -(-np.arange(len(RECALL_POINTS)) * objects // 100)
    # Exactly on a recall point, rounding decides: .35 is stored as a little more than 35 / 100.
    return guess + (guess / objects < RECALL_POINTS)
