"""Category ids of detections that are not the ground truth's, but count its classes in another way; pure.

Where a tool numbers its classes itself, all ids are off in the same way: Ultralytics wrote 0 for the first class until
8.3.48, as YOLOv5 and YOLOv7 do to this day, and writes 1 since 8.3.49, whatever a ground truth says; only for the 80
classes of COCO it writes COCO's ids. Such ids are not put right here, for 0 can be a background as well: they are
named, and what to do with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FROM_0 = "they count the classes from 0, as Ultralytics before 8.3.49 and YOLOv5 do"
FROM_1 = "they count the classes from 1, as Ultralytics does from 8.3.49 on"


@dataclass(frozen=True)
class OtherCount:
    """A way to count classes.

    Attributes:
        words: what ids are like in it.
        first: the id of the first class.
        against: the id of the ground truth's first category, if it matters.
        fix: how to make the ground truth's ids of them.
        ids: gives the ground truth's ids, [n] int64, of some, given all of the ground truth, ascending; what is none of
            these where there is none.
    """

    words: str
    first: int
    against: int | None
    fix: str
    ids: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _at(places: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where((places >= 0) & (places < len(known)), known[np.clip(places, 0, len(known) - 1)], known[-1] + 1)


_BY_PLACE = "give each the id at that place of the ground truth's categories, ordered by id"
OTHER_COUNTS = (
    OtherCount(FROM_0, 0, 1, "add 1 to each", lambda ids, known: ids + 1),
    OtherCount(FROM_1, 1, 0, "subtract 1 from each", lambda ids, known: ids - 1),
    OtherCount(FROM_0, 0, None, _BY_PLACE, _at),
    OtherCount(FROM_1, 1, None, _BY_PLACE, lambda ids, known: _at(ids - 1, known)),
)
# Where numbers of places became ids, as of result texts, a shift of the numbers is one to the neighbours.
_NEIGHBOUR = "each is the id of the class {} the right one, as if classes were counted from {} that count from {}"
NEIGHBOURS = (
    OtherCount(
        _NEIGHBOUR.format("after", 1, 0),
        1,
        None,
        "subtract 1 from the number of each class",
        lambda ids, known: _at(np.searchsorted(known, ids) - 1, known),
    ),
    OtherCount(
        _NEIGHBOUR.format("before", 0, 1),
        0,
        None,
        "add 1 to the number of each class",
        lambda ids, known: _at(np.searchsorted(known, ids) + 1, known),
    ),
)


def counted_otherwise(ids: np.ndarray, known: np.ndarray) -> str:
    """What is wrong with ids of which some are unknown, if all are known when they are counted otherwise.

    Args:
        ids: [n] int64.
        known: [K] int64, those of the ground truth, ascending.

    Returns:
        What they seem to be and the fix; empty if no way of counting fits all.

    >>> counted_otherwise(np.array([0, 1]), np.array([1, 2, 3])).partition(", as")[0]
    'the category ids are 0..1, those of the ground truth 1..3: they count the classes from 0'
    """
    for count in OTHER_COUNTS:
        is_possible = min(ids.min(), 1) == count.first and count.against in (None, known[0])
        if is_possible and np.isin(count.ids(ids, known), known).all():
            return (
                f"the category ids are {ids.min()}..{ids.max()}, those of the ground truth {known[0]}..{known[-1]}: "
                f"{count.words}; {count.fix}, which docs/evaluation.md shows how to do"
            )
    return ""
