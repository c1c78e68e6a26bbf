"""k-means in one dimension; pure."""

from __future__ import annotations

import numpy as np

DECIMALS = 2


def cluster(values: np.ndarray, count: int) -> np.ndarray:
    """The centres with the least sum of squared distances to them, by dynamic programming.

    Lloyd's iterations end in whatever optimum their random start leads to, and may miss a small cluster far out; in one
    dimension the best of all divisions can be had. (Wang & Song, Ckmeans.1d.dp, The R Journal 3/2, 2011.)

    Args:
        values: [n] float, n >= 1; they are rounded to DECIMALS decimals.
        count: clusters, at most.

    Returns:
        [k] ascending; fewer than `count` if there are fewer different values.

    >>> cluster(np.array([0.0, 5.0, 0.02, 5.02, 9.0]), 3)
    array([0.01, 5.01, 9.  ])
    """
    points, weights = np.unique(np.round(values, DECIMALS), return_counts=True)
    spread, centres = _clusters(points, weights)
    least = spread[0]  # [last point], of all points up to it
    starts = [np.zeros(len(points), dtype=int)]  # [clusters - 1][last point]: where the last cluster begins
    for _ in range(min(count, len(points)) - 1):
        split = np.concatenate([[np.inf], least[:-1]])[:, None] + spread  # [begin of the last cluster, last point]
        starts.append(split.argmin(axis=0))
        least = split.min(axis=0)
    found, last = [], len(points) - 1
    for start in reversed(starts):
        found.append(centres[start[last], last])
        last = start[last] - 1
    return np.array(found[::-1])


def _clusters(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squared distances and centre of the points [first..last], both [first, last]; inf where last < first."""
    total, sums, squares = (np.concatenate([[0.0], np.cumsum(weights * points**power)]) for power in range(3))
    ordered = np.triu(np.ones((len(points), len(points)), dtype=bool))
    mass = np.where(ordered, total[None, 1:] - total[:-1, None], 1.0)
    centres = (sums[None, 1:] - sums[:-1, None]) / mass
    spread = squares[None, 1:] - squares[:-1, None] - mass * centres**2
    return np.where(ordered, np.maximum(spread, 0.0), np.inf), centres
