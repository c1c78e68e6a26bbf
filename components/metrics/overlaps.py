"""Which detections overlap which objects of their image, whatever their classes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from components.metrics.boxes import iou_of_pairs
from schemas.data.columns import DetectionColumns, TruthColumns

# A pair takes about 150 bytes while its IoU is computed, so at most about 80 MB. Tests set it lower.
_CHUNK_PAIRS = 1 << 19


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of a detection and an object of the same image, by detection, then by object.

    Attributes:
        detection: [p] int64, row of the detection.
        truth: [p] int64, row of the object.
        iou: [p] float64; with a crowd the part of the detection that lies in it.
    """

    detection: np.ndarray
    truth: np.ndarray
    iou: np.ndarray


def overlaps(detections: DetectionColumns, truth: TruthColumns, least_iou: float) -> Overlaps:
    """All pairs that overlap by an IoU or more.

    Args:
        detections: of some images, in any order.
        truth: the objects of the same images, in any order.
        least_iou: above 0, so that boxes that do not touch are no pair.

    Returns:
        The pairs of this IoU and above.
    """
    by_image = np.argsort(truth.image, kind="stable")
    first, count = _runs(detections.image, truth.image[by_image])
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for start, stop in _chunks(count):
        rows = np.repeat(np.arange(start, stop), count[start:stop])
        ends = np.cumsum(count[start:stop])
        # The k-th pair of the chunk is object k - (pairs of earlier detections) of its own detection.
        places = np.arange(len(rows)) + np.repeat(first[start:stop] - (ends - count[start:stop]), count[start:stop])
        objects = by_image[places]
        iou = iou_of_pairs(detections.boxes_xywh_px[rows], truth.boxes_xywh_px[objects], truth.is_crowd[objects])
        kept = iou >= least_iou
        found.append((rows[kept], objects[kept], iou[kept]))
    return Overlaps(*(np.concatenate(column) for column in zip(*found)))


def _runs(wanted: np.ndarray, ascending: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the run of each wanted value starts among ascending ones, and how long it is."""
    first = np.searchsorted(ascending, wanted)
    return first, np.searchsorted(ascending, wanted, side="right") - first


def _chunks(count: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of rows that have at most about _CHUNK_PAIRS pairs together; `count` is [m], the pairs of each row."""
    ends = np.searchsorted(np.cumsum(count), np.arange(_CHUNK_PAIRS, count.sum() + _CHUNK_PAIRS, _CHUNK_PAIRS))
    edges = np.unique(np.concatenate([[0], np.minimum(ends + 1, len(count)), [len(count)]]))
    return [(int(start), int(stop)) for start, stop in itertools.pairwise(edges)]
