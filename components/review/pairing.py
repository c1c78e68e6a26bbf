"""Which detection belongs to which object, and what became of each object: found, read as another, missed; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import BoxPairs, overlapping
from ratchet.components.metrics.greedy import match_greedily
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

LEAST_IOU = 0.5
NEARBY_IOU = 0.1  # from which a detection of an object's class is about that object, and drawn badly
WELL_IOU = 0.75  # from which a box fits; below, it is too large, too small or beside its object
_LARGER = 1.2  # times the object's area: too large, its inverse too small

# What became of an object.
FITS, LOOSE, TIGHT, BESIDE, READ_AS_OTHER, MISSED, CROWD = range(7)
DRAWN_BADLY = (LOOSE, TIGHT, BESIDE)


@dataclass(frozen=True, eq=False)
class Pairing:
    """Objects and detections of one model; an object takes one detection and a detection one object.

    Attributes:
        partner: [n] int64, row of the detection that an object has, -1 for none.
        iou: [n] float64, their overlap; below LEAST_IOU the two only lie near each other.
        false: [m] bool, detections that have no object and lie in no crowd of their class.
    """

    partner: np.ndarray
    iou: np.ndarray
    false: np.ndarray

    def scores(self, truth: TruthColumns, found: DetectionColumns) -> np.ndarray:
        """[n] float64, the score of the detection that finds each object, of its class and well enough; else NaN."""
        if not len(found.labels):
            return np.full(len(truth.labels), np.nan)
        hit = (self.partner >= 0) & (found.labels[self.partner] == truth.labels) & (self.iou >= LEAST_IOU)
        return np.where(hit, found.scores[self.partner], np.nan)


def pair_off(truth: TruthColumns, found: DetectionColumns) -> Pairing:
    """Pairs first within each class, so that what is right is right; what is left then over all classes, and at last
    what lies near an object of its class.

    Args:
        truth: the objects.
        found: the detections, all of which count.
    """
    pairs = _best_first(
        overlapping(found.image, found.boxes_xywh_px, truth.image, truth.boxes_xywh_px, truth.is_crowd, NEARBY_IOU),
        found,
    )
    image, same = found.image[pairs.one], found.labels[pairs.one] == truth.labels[pairs.other]
    crowd, fits = truth.is_crowd[pairs.other], pairs.iou >= LEAST_IOU
    partner, iou = np.full(len(truth.labels), -1), np.zeros(len(truth.labels))
    settled, taken = np.zeros(len(found.labels), np.bool_), truth.is_crowd.copy()
    for allowed in (same & fits, fits, same):
        free = ~(settled[pairs.one] | taken[pairs.other])
        match = np.flatnonzero(match_greedily(image, pairs.one, pairs.other, allowed & free))
        partner[pairs.other[match]], iou[pairs.other[match]] = pairs.one[match], pairs.iou[match]
        settled[pairs.one[match]] = taken[pairs.other[match]] = True
        settled[pairs.one[same & fits & crowd]] = True  # those that hit nothing, as COCO does
    return Pairing(partner, iou, ~settled)


def _best_first(pairs: BoxPairs, found: DetectionColumns) -> BoxPairs:
    """Image by image, the surest detection first, and its nearest object first; of equal ones the last, as in COCO."""
    order = np.lexsort((-pairs.other, -pairs.iou, pairs.one, -found.scores[pairs.one], found.image[pairs.one]))
    return BoxPairs(pairs.one[order], pairs.other[order], pairs.iou[order])


def fates(truth: TruthColumns, found: DetectionColumns, pairing: Pairing) -> np.ndarray:
    """[n] uint8, what became of each object."""
    if not len(found.labels):
        return np.where(truth.is_crowd, CROWD, MISSED).astype(np.uint8)
    size = np.prod(found.boxes_xywh_px[pairing.partner, 2:], axis=1)
    own = np.maximum(np.prod(truth.boxes_xywh_px[:, 2:], axis=1), 1e-9)
    kinds = [
        (truth.is_crowd, CROWD),
        (pairing.partner < 0, MISSED),
        (found.labels[pairing.partner] != truth.labels, READ_AS_OTHER),
        (pairing.iou >= WELL_IOU, FITS),
        (size >= _LARGER * own, LOOSE),
        (size <= own / _LARGER, TIGHT),
    ]
    return np.select([fits for fits, _ in kinds], [kind for _, kind in kinds], BESIDE).astype(np.uint8)
