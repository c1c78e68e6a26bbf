"""Stable orders of many rows by radix: numpy sorts 16 bits at a time faster than it compares 64."""

from __future__ import annotations

import numpy as np

_DIGIT_BITS = 16
_SIGN = np.uint64(1 << 63)


def best_first(scores: np.ndarray) -> np.ndarray:
    """The rows by descending score, equal ones in the order given.

    Args:
        scores: [n] float64 without NaN.

    Returns:
        [n] int64.

    >>> best_first(np.array([0.5, 0.9, -1.0, 0.5, -0.0, 0.0]))
    array([1, 0, 3, 4, 5, 2])
    """
    bits = (np.asarray(scores, np.float64) + 0.0).view(np.uint64)  # adding makes -0.0 a 0.0
    # Positive floats are in the order of their bits, negative ones in the reverse one.
    return _ascending(np.where(bits & _SIGN != 0, bits, ~bits & ~_SIGN))


def ascending(values: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Rows by ascending value, equal ones in the order given.

    Args:
        values: [n] integers, 0 or more.
        rows: [m] the rows and their order; None for all of them.

    Returns:
        [m] int64.

    >>> ascending(np.array([3, 1, 3, 70_000]), np.array([2, 0, 3]))
    array([2, 0, 3])
    """
    return _ascending(values.astype(np.uint64), rows)


def _ascending(keys: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    order = np.arange(len(keys)) if rows is None else rows
    varying = int(np.bitwise_or.reduce(keys ^ keys[:1])) if len(keys) else 0
    for low in range(0, 64, _DIGIT_BITS):
        if varying >> low & (1 << _DIGIT_BITS) - 1:
            digits = (keys >> np.uint64(low)).astype(np.uint16)
            order = order[np.argsort(digits[order], kind="stable")]
    return order


def run_starts(values: np.ndarray) -> np.ndarray:
    """Where runs of equal neighbours begin, [r] int64.

    >>> run_starts(np.array([5, 5, 7, 5]))
    array([0, 2, 3])
    """
    return np.flatnonzero(np.append([True] * len(values[:1]), values[1:] != values[:-1]))


def places_in_runs(values: np.ndarray) -> np.ndarray:
    """How many equal neighbours stand before each value without a break, [n] int64.

    >>> places_in_runs(np.array([5, 5, 7, 5]))
    array([0, 1, 0, 0])
    """
    starts = run_starts(values)
    return np.arange(len(values)) - np.repeat(starts, np.diff(starts, append=len(values)))
