"""Greedy COCO matching of many images at once, for all IoU thresholds and area ranges.

The order of the matching only matters inside a group, the boxes of one image and label. So round r settles the r-th
detection of every group that overlaps anything, and most groups need one round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.metrics.boxes import iou_of_pairs
from components.metrics.coco_rules import ALL_BITS, FITS, IN_AREAS, IOU_THRESHOLDS

# A pair takes about 150 bytes while its IoU is computed, so at most about 80 MB. Tests set it lower.
_CHUNK_PAIRS = 1 << 19


@dataclass(frozen=True, eq=False)
class Boxes:
    """Detections or objects of many images, those of one group in one run.

    Attributes:
        group: [n] int64, ascending; equal for boxes of one image and label.
        boxes_xywh_px: [n, 4] float64.
    """

    group: np.ndarray
    boxes_xywh_px: np.ndarray


@dataclass(frozen=True, eq=False)
class _Pairs:
    # Detections and objects of one group that overlap by .5 or more: by detection, then in the order of choice.
    detection: np.ndarray
    truth: np.ndarray
    fits: np.ndarray


def match_greedily(
    detections: Boxes, truth: Boxes, valid: np.ndarray, is_crowd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Assign objects to detections as pycocotools' evaluateImg does, in all 40 matchings.

    Args:
        detections: [m] boxes; inside a group the best score first.
        truth: [n] boxes; inside a group in the order of annotation.
        valid: [n] uint8, the area ranges in which an object counts.
        is_crowd: [n] bool; a crowd takes any number of detections.

    Returns:
        `tp` and `ignored`, each [m] uint64: the matchings in which a detection hit an object that counts, and one
        that does not.
    """
    pairs = _overlapping_pairs(detections, truth, is_crowd)
    tp, ignored = np.zeros((2, len(detections.group)), dtype=np.uint64)
    counts, free = IN_AREAS[valid], np.full(len(valid), ALL_BITS)
    for starts, lengths in _rounds(pairs, detections.group):
        rows = pairs.detection[starts]
        tp[rows] = _take(pairs, starts, lengths, np.zeros(len(rows), np.uint64), counts, free)
        # An object that counts comes before an ignored one, however well that one overlaps.
        hit = _take(pairs, starts, lengths, tp[rows], ~counts, free, is_crowd)
        ignored[rows] = hit & ~tp[rows]
    return tp, ignored


def _take(
    pairs: _Pairs,
    starts: np.ndarray,
    lengths: np.ndarray,
    done: np.ndarray,
    allowed: np.ndarray,
    free: np.ndarray,
    reusable: np.ndarray | None = None,
) -> np.ndarray:
    # One detection of each group takes its best object, then in what is still open its second best, ... Returns the
    # matchings that are done; `free` [n], the matchings in which an object is not taken yet, is updated.
    done = done.copy()
    for choice in range(lengths.max(initial=0)):
        active = np.flatnonzero(lengths > choice)
        pair = starts[active] + choice
        objects = pairs.truth[pair]
        hit = pairs.fits[pair] & free[objects] & allowed[objects] & ~done[active]
        done[active] |= hit
        free[objects] &= ~hit if reusable is None else ~np.where(reusable[objects], np.uint64(0), hit)
    return done


def _rounds(pairs: _Pairs, group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # Yields, of the first, second, ... detection with a pair of every group, where its pairs start and their number.
    rows, starts, lengths = np.unique(pairs.detection, return_index=True, return_counts=True)
    order = group[rows]
    turn = np.arange(len(rows)) - np.searchsorted(order, order)
    by_turn = np.argsort(turn, kind="stable")
    for chosen in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1] if len(turn) else []):
        yield starts[chosen], lengths[chosen]


def _overlapping_pairs(detections: Boxes, truth: Boxes, is_crowd: np.ndarray) -> _Pairs:
    found = [np.empty((2, 0), dtype=np.int64)]
    overlaps = [np.empty(0)]
    for rows, columns in _pairs_of_groups(detections.group, truth.group):
        overlap = iou_of_pairs(detections.boxes_xywh_px[rows], truth.boxes_xywh_px[columns], is_crowd[columns])
        # Only pairs that reach the lowest threshold can ever match.
        kept = np.flatnonzero(overlap >= IOU_THRESHOLDS[0])
        found.append(np.stack([rows[kept], columns[kept]]))
        overlaps.append(overlap[kept])
    (rows, columns), overlap = np.concatenate(found, axis=1), np.concatenate(overlaps)
    # pycocotools takes the highest IoU and on a tie the last object.
    order = np.lexsort((-columns, -overlap, rows))
    fits = FITS[np.searchsorted(IOU_THRESHOLDS, overlap[order], side="right")]
    return _Pairs(rows[order], columns[order], fits)


def _pairs_of_groups(group: np.ndarray, truth_group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # Yields index pairs of all detections and objects of the same group, at most about _CHUNK_PAIRS at once.
    first = np.searchsorted(truth_group, group)
    count = np.searchsorted(truth_group, group, side="right") - first
    total = np.cumsum(count)
    start = 0
    while start < len(group):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + _CHUNK_PAIRS, side="right")))
        lengths = count[start:stop]
        rows = np.repeat(np.arange(start, stop), lengths)
        # The k-th pair of the chunk is object k - (pairs of earlier detections) of its own detection.
        columns = np.arange(len(rows)) + np.repeat(first[start:stop] - (total[start:stop] - lengths - done), lengths)
        yield rows, columns
        start = stop
