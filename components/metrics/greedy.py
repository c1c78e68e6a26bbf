"""Greedy matching: pairs choose in a given order, and what a pair takes is taken.

That order only matters inside a group, such as the boxes of one image. So round r settles the r-th pair of every group,
and all groups at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ratchet.components.metrics.ordering import places_in_runs


def match_greedily(
    group: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    allowed: np.ndarray,
    reusable: np.ndarray | None = None,
) -> np.ndarray:
    """Settles pairs of a row of one side and a row of another, the first pair of a group first.

    Args:
        group: [p] int64, ascending; no row is in pairs of two groups.
        one: [p] int64, rows of the one side.
        other: [p] int64, rows of the other.
        allowed: [p] bool, or unsigned integers for as many matchings at once as they have bits, each of its own:
            whether the pair may be a match.
        reusable: [p] bool, whether the other row can be taken any number of times.

    Returns:
        [p] as `allowed`: whether the pair is a match. Of each row there is one match at most in each matching.

    >>> match_greedily(np.zeros(3, int), np.array([0, 0, 1]), np.array([5, 6, 5]), np.ones(3, bool))
    array([ True, False, False])
    """
    matches = np.zeros_like(allowed)
    taken = np.zeros_like(allowed, shape=one.max(initial=-1) + 1)
    other_taken = np.zeros_like(allowed, shape=other.max(initial=-1) + 1)
    for pairs in _rounds(group):
        rows, other_rows = one[pairs], other[pairs]
        hit = allowed[pairs] & ~(taken[rows] | other_taken[other_rows])
        matches[pairs] = hit
        taken[rows] |= hit
        other_taken[other_rows] |= hit if reusable is None else np.where(reusable[pairs], np.zeros_like(hit), hit)
    return matches


def _rounds(group: np.ndarray) -> Iterator[np.ndarray]:
    """The first pair of every group, the second one, ..."""
    turn = places_in_runs(group)
    by_turn = np.argsort(turn, kind="stable")
    yield from np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]) if len(turn) else ()
