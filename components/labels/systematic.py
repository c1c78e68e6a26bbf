"""Which explains labels better, two classes that are taken for each other or classes at random? Pure.

A model that confuses classes itself sees a swap of two blurred over many pairs, of which no single one stands out,
and all together look like label noise. So both explanations are held against all labels at once.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.labels.noise import Seen, usual_labels

_SHARES = np.array([0.2, 0.4, 0.6, 0.8, 0.98])  # of the objects of a class that are labelled as the other
_NOISE = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.6])
_CERTAIN = 8.0  # ln of how many times likelier than the golden set's confusions alone, beside how many pairs are tried
_LIKELIER = 2.0  # the same beside noise


def likeliest_pair(span: Seen, golden: Seen, classes: int, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pair of classes (what it is, what it is labelled as) whose confusion explains the labels best.

    Args:
        span: the new labels.
        golden: the trusted ones.
        classes: K.
        pairs: those to try.

    Returns:
        None, one, or both directions of a swap; none if label noise explains the labels as well.
    """
    if not pairs or classes < 2 or not len(span.image) or not len(golden.image):
        return []
    usual = usual_labels(span, golden, classes)  # [k, K + 1]
    rows = np.arange(len(span.image))
    as_usual = usual[rows, span.labelled]
    nothing = _log_likelihood(as_usual, as_usual, np.zeros(1))
    noise = _log_likelihood(as_usual, (1 - as_usual) / (classes - 1), _NOISE)
    tried: list[tuple[float, list[tuple[int, int]]]] = []
    for is_one, labelled in pairs:
        one_way, swap = (_confused(usual, is_one, labelled, both)[rows, span.labelled] for both in (False, True))
        tried.append((_log_likelihood(as_usual, one_way, _SHARES), [(is_one, labelled)]))
        tried.append((_log_likelihood(as_usual, swap, _SHARES), [(is_one, labelled), (labelled, is_one)]))
    likelihood, best = max(tried, key=lambda each: each[0])
    is_certain = likelihood > nothing + _CERTAIN + np.log(len(tried)) and likelihood > noise + _LIKELIER
    return best if is_certain else []


def _confused(usual: np.ndarray, is_one: int, labelled: int, both: bool) -> np.ndarray:
    # [k, K + 1] what labels would be if all of the one class were labelled as the other.
    confused = usual.copy()
    if both:
        confused[:, [is_one, labelled]] = usual[:, [labelled, is_one]]
    else:
        confused[:, labelled] += usual[:, is_one]
        confused[:, is_one] = 0
    return confused


def _log_likelihood(as_usual: np.ndarray, otherwise: np.ndarray, shares: np.ndarray) -> float:
    mixed = as_usual[:, None] * (1 - shares) + otherwise[:, None] * shares
    return float(np.log(np.maximum(mixed, 1e-9)).sum(axis=0).max())
