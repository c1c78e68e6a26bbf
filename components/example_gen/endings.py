"""Does labelling end before the images do? Images and classes in the order of delivery; pure.

Images without objects, and classes that come in blocks, are normal: frames of a fixed camera, directories by class. So
an end has to be no chance in a random order of the images, and longer than all other pauses by far.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

_CHANCE = 1e-6  # of an end as long in images in any order; two orders and all classes are tried
_LONGER = 3  # times the longest other pause
_FEWEST = 5  # images
_IN_BLOCKS = 1 / 3  # of the classes; where more of them end or begin late, images are sorted by class


def unlabelled_end(is_empty: np.ndarray) -> int:
    """How many images at the end have no objects, if that is the end of labelling; or else 0.

    Args:
        is_empty: [n] bool, in the order of delivery.

    >>> unlabelled_end(np.repeat([False, True], [80, 20]))
    20
    """
    images, empty = len(is_empty), int(is_empty.sum())
    length = _end(~is_empty)
    if length < _FEWEST or length == images or length < _LONGER * _longest_pause(~is_empty):
        return 0
    return length if _log_chance(images, empty, length) < np.log(_CHANCE) else 0


def class_endings(has_class: np.ndarray) -> dict[int, int]:
    """Classes that stop while the others go on.

    Args:
        has_class: [K, n] bool, which images show each class, in the order of delivery.

    Returns:
        By row of the class the number of images up to its last one; empty where images are sorted by class.
    """
    labelled = has_class[:, : has_class.shape[1] - _end(np.any(has_class, axis=0))]
    images = labelled.shape[1]
    known = [row for row in range(len(labelled)) if labelled[row].sum() >= _FEWEST]
    ends = {row: _end(labelled[row]) for row in known if _is_ended(labelled[row])}
    starts = [row for row in known if _is_ended(labelled[row, ::-1])]
    if len(set(ends) | set(starts)) > max(1, _IN_BLOCKS * len(known)):
        return {}
    return {row: images - length for row, length in ends.items()}


def _is_ended(shows: np.ndarray) -> bool:
    images, length = len(shows), _end(shows)
    if length < max(_FEWEST, _LONGER * _longest_pause(shows)):
        return False
    return _log_chance(images, images - int(shows.sum()), length) < np.log(_CHANCE)


def _end(shows: np.ndarray) -> int:
    """Images after the last one that shows it."""
    return int(np.argmax(shows[::-1])) if shows.any() else len(shows)


def _longest_pause(shows: np.ndarray) -> int:
    """The most images in a row, before the last one that shows it, which do not."""
    places = np.flatnonzero(shows)
    return int(np.diff(places, prepend=-1).max()) - 1 if len(places) else 0


def _log_chance(images: int, empty: int, length: int) -> float:
    """ln of the chance that the last `length` of the images are all among `empty` ones, in a random order."""
    if length > empty:
        return -np.inf
    return float(gammaln(empty + 1) - gammaln(empty - length + 1) - gammaln(images + 1) + gammaln(images - length + 1))
