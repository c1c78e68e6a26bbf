"""Paired bootstrap of a difference in mAP: is the candidate better, or were the images kind to it?

Images are drawn with replacement, the same draw for both models. A draw is a number of copies per image, so every
image is matched once and a resample only re-weights its matches. That equals pycocotools on a data set with the drawn
copies, unless scores tie: among tied detections the order is arbitrary, and here copies of one detection stay together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.metrics.accumulator import Accumulator
from components.metrics.average_precision import RECALL_POINTS, UNDEFINED, detection_metrics
from components.metrics.match_table import MatchTable
from components.metrics.matching import IOU_THRESHOLDS, unpack_bits

# A chunk of resamples keeps about 40 bytes per cell (detection of one class x resample), so at most about 320 MB.
_CHUNK_CELLS = 8_000_000
_CHUNK_RESAMPLES = 200


@dataclass(frozen=True)
class DeltaEstimate:
    """mAP of the candidate minus mAP of the baseline, with its 95 % percentile interval.

    Attributes:
        value: difference on the images themselves; NaN without ground truth.
        lo: 2.5 % percentile of the resampled differences; NaN without ground truth.
        hi: 97.5 % percentile.
        std_error: their standard deviation.
        resamples: resamples drawn.
        undefined: how many of them held no ground truth; they are left out of the interval.
    """

    value: float
    lo: float
    hi: float
    std_error: float
    resamples: int
    undefined: int


def paired_delta(candidate: Accumulator, baseline: Accumulator, resamples: int = 1000, seed: int = 0) -> DeltaEstimate:
    """Estimate mAP(candidate) - mAP(baseline) and how far chance could move it.

    Args:
        candidate: matches of the new model.
        baseline: matches of the old model on the same images and ground truth.
        resamples: data sets to draw, at least 1.
        seed: of the draws; equal seeds give equal results, however the images were sharded.

    Returns:
        The estimate; a model against itself gives exactly 0 and [0, 0].

    Raises:
        ValueError: the two cover different images or different ground truth, or resamples is below 1.
    """
    if resamples < 1:
        raise ValueError(f"resamples = {resamples}; at least 1 is needed, 1000 is usual")
    new, old = candidate.table(), baseline.table()
    _check_comparable(new, old)
    value = _map(new) - _map(old)
    chunk = int(np.clip(_CHUNK_CELLS // max(_cells_per_resample(new), _cells_per_resample(old)), 1, _CHUNK_RESAMPLES))
    draws = _draw_weights(len(new.image_ids), resamples, chunk, seed)
    deltas = np.concatenate([weighted_map(new, weights) - weighted_map(old, weights) for weights in draws])
    deltas = deltas[~np.isnan(deltas)]
    lo, hi = np.percentile(deltas, [2.5, 97.5]) if deltas.size else (np.nan, np.nan)
    return DeltaEstimate(
        value=value,
        lo=float(lo),
        hi=float(hi),
        std_error=float(np.std(deltas)) if deltas.size else np.nan,
        resamples=resamples,
        undefined=resamples - len(deltas),
    )


def weighted_map(table: MatchTable, weights: np.ndarray) -> np.ndarray:
    """The mAP of data sets made of copies of the images.

    Args:
        table: matches of i images.
        weights: [i, b] int32, copies of each image in each of b data sets.

    Returns:
        [b] float64, mean over the classes with ground truth of AP at IoU .50:.95; NaN where there is no such class.
    """
    total, classes = np.zeros((2, weights.shape[1]))
    for label in np.unique(table.truth["label"]).tolist():
        rows, truth_rows = table.detection_rows(label), table.truth_rows(label)
        counts = table.truth["valid"][truth_rows] & 1 == 1
        num_truth = weights[table.truth_image[truth_rows][counts]].sum(axis=0)
        total += _class_ap(table.detections[rows], table.detection_image[rows], num_truth, weights)
        classes += num_truth > 0
    return np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)


def _class_ap(detections: np.ndarray, images: np.ndarray, num_truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # AP [b] of one class: 0 in data sets without ground truth, for which weighted_map does not count the class.
    tp, ignored = unpack_bits(detections["tp"], 0), unpack_bits(detections["ignored"], 0)
    area = np.zeros(weights.shape[1])
    ever_hit = np.flatnonzero(tp.any(axis=1))
    if not ever_hit.size:
        return area
    # Detections so far, at each hit: what comes after the last hit has no effect on AP.
    starts = np.concatenate([[0], ever_hit[:-1] + 1])
    seen_at_hit = np.add.reduceat(weights[images[: ever_hit[-1] + 1]], starts, axis=0).cumsum(axis=0, dtype=np.int32)
    points = _points_reached(num_truth)
    for t in range(len(IOU_THRESHOLDS)):
        hit = np.flatnonzero(tp[ever_hit, t])
        hits = _running_total(weights, images[ever_hit[hit]])
        seen = seen_at_hit[hit]
        skipped = np.flatnonzero(ignored[:, t])
        if skipped.size:
            before = np.searchsorted(skipped, ever_hit[hit])
            seen[before > 0] -= _running_total(weights, images[skipped])[before[before > 0] - 1]
        area += _area_under_curve(hits, seen, points)
    return area / (len(IOU_THRESHOLDS) * len(RECALL_POINTS))


def _running_total(weights: np.ndarray, images: np.ndarray) -> np.ndarray:
    # [n, b]: copies of the first, the first two, ... of n detections, given the image of each.
    return weights[images].cumsum(axis=0, dtype=np.int32)


def _area_under_curve(hits: np.ndarray, seen: np.ndarray, points: np.ndarray) -> np.ndarray:
    # hits, seen [n, b]: true positives and all detections so far, at each true positive. Interpolated precision times
    # the recall points newly reached there. Precision elsewhere is lower than at the last hit, so it never matters.
    precision = hits / (seen + np.spacing(1))  # as pycocotools
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    reached = np.take(points, hits + np.arange(len(points), dtype=np.int32) * points.shape[1])
    newly = np.diff(reached, axis=0, prepend=np.zeros_like(reached, shape=(1, len(points))))
    return np.einsum("nb,nb->b", envelope, newly)


def _points_reached(num_truth: np.ndarray) -> np.ndarray:
    # [b, c]: how many of the 101 recall points c true positives reach; in floats, as pycocotools compares them. A
    # table, because every threshold needs the same numbers.
    hits = np.arange(num_truth.max(initial=0) + 1)
    guess = np.minimum(hits * 100 // np.maximum(num_truth, 1)[:, None], 100)
    # Exactly on a recall point, rounding decides: .35 is stored as a little more than 35 / 100.
    points = guess + (hits / np.maximum(num_truth, 1)[:, None] >= RECALL_POINTS[guess])
    return points.astype(np.int8)


def _draw_weights(images: int, resamples: int, chunk: int, seed: int) -> Iterator[np.ndarray]:
    # One draw at a time, so that the size of a chunk does not change what is drawn.
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, chunk):
        draws = [_copies(generator, images) for _ in range(min(chunk, resamples - start))]
        yield np.stack(draws, axis=1)


def _copies(generator: np.random.Generator, images: int) -> np.ndarray:
    drawn = generator.integers(images, size=images) if images else np.zeros(0, dtype=np.int64)
    return np.bincount(drawn, minlength=images).astype(np.int32)


def _check_comparable(new: MatchTable, old: MatchTable) -> None:
    different = np.setxor1d(new.image_ids, old.image_ids)
    if different.size:
        raise ValueError(
            f"candidate and baseline cover different images: {different.size} ids are in only one of them, "
            f"such as {different[:3].tolist()}; evaluate both models on the same images"
        )
    if not (np.array_equal(new.truth, old.truth) and np.array_equal(new.truth_image, old.truth_image)):
        raise ValueError("candidate and baseline were matched to different ground truth; evaluate both on the same one")


def _map(table: MatchTable) -> float:
    value = detection_metrics(table).coco["AP"]
    return np.nan if value == UNDEFINED else value


def _cells_per_resample(table: MatchTable) -> int:
    per_class = [np.bincount(rows["label"], minlength=1).max() for rows in (table.detections, table.truth)]
    return int(max(*per_class, len(table.image_ids), 1))
