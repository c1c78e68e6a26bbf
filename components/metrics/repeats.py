"""Objects that are labelled twice; numpy only."""

from __future__ import annotations

import numpy as np

from ratchet.schemas.data.columns import TruthColumns

_SHIFT = 0.15  # of the side, between the centres; distinct objects of one class and size are hardly ever nearer
_SHIFT_PX = 1.0  # a pixel of rounding is allowed to the smallest boxes too
_SIZE = 0.2  # ln of the ratio of the sides


def repeated_objects(truth: TruthColumns, same_class: bool = True) -> np.ndarray:
    """Finds objects that another box of their image stands for already.

    A box repeats an earlier one if it has nearly its centre and its size, as a share of that size: then one pixel of
    rounding counts the same for small boxes as for large ones, which an IoU does not let it.

    Args:
        truth: objects in the order of their annotation; crowds repeat nothing.
        same_class: whether boxes of one class are held against each other, or those of different classes.

    Returns:
        [d] rows of `truth`, ascending, each the later one of a pair.

    >>> from ratchet.schemas.data.records import GroundTruth
    >>> boxes = [[0, 0, 10, 10], [1, 1, 10, 10], [0, 0, 5, 5]]
    >>> repeated_objects(TruthColumns.of([GroundTruth(boxes, [1, 1, 1], [100, 100, 25], [0, 0, 0])]))
    array([1])
    """
    boxes = truth.boxes_xywh_px
    rows = np.flatnonzero(~truth.is_crowd & (boxes[:, 2:] > 0).all(axis=1))
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    rows = rows[np.lexsort((centres[rows, 0], truth.image[rows]))]
    near = np.maximum(_SHIFT * boxes[:, 2:], _SHIFT_PX) + 1e-6
    later: list[np.ndarray] = []
    places = np.arange(len(rows))
    step = 1
    while True:  # ever farther neighbours along x, of those that still have one near enough
        places = places[places + step < len(rows)]
        one, other = rows[places], rows[places + step]
        apart = np.abs(centres[one] - centres[other])
        # The wider of both decides how far to look, so that no order of the two makes a difference.
        reach = (truth.image[one] == truth.image[other]) & (apart[:, 0] <= near[one, 0] * np.exp(_SIZE))
        one, other, apart = one[reach], other[reach], apart[reach]
        places = places[reach]
        if not len(places):
            break
        alike = (apart <= np.maximum(near[one], near[other])).all(axis=1)
        alike &= (np.abs(np.log(boxes[one, 2:] / boxes[other, 2:])) <= _SIZE).all(axis=1)
        alike &= (truth.labels[one] == truth.labels[other]) == same_class
        later.append(np.maximum(one[alike], other[alike]))
        step += 1
    return np.unique(np.concatenate([np.empty(0, np.int64), *later]))
