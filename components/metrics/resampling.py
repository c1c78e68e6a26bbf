"""Average precision of data sets made of copies of images, without matching anything again.

A data set is a number of copies per image, so it only re-weights the matches. With copies of one detection staying
together among tied scores, AP is a sum over true positives: recall points newly reached there x interpolated
precision. Of true positives without a false positive between them only the last is evaluated, for precision rises
up to it. All data sets are worked on side by side, as columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.coco_rules import AREA_NAMES, IOU_THRESHOLDS, RECALL_POINTS, area_bits
from ratchet.components.metrics.match_table import MatchTable

# Totals of so many rows are built in the narrow type of the weights, which `narrowest` makes wide enough.
_STRIPE = 16
# Rows that are worked on at once. Tests set it lower.
_ROWS = 256
# Roughly the memory of a block of columns: enough that long inner loops pay for the calls. Tests set it lower.
_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class ClassDraws:
    """One class in all data sets.

    Attributes:
        label: the class.
        num_truth: [b] int64, objects that count.
        ap: [models, b] float64, AP at IoU .50:.95; 0 where num_truth is 0.
    """

    label: int
    num_truth: np.ndarray
    ap: np.ndarray


def narrowest(weights: np.ndarray) -> np.ndarray:
    """Weights in the smallest unsigned type that holds a total of 16 of them."""
    return weights.astype(np.min_scalar_type(_STRIPE * int(weights.max(initial=0))))


def class_draws(tables: Sequence[MatchTable], weights: np.ndarray, area: str = "all") -> Iterator[ClassDraws]:
    """The AP of every class in data sets made of copies of the images.

    Args:
        tables: matches of i images, one table per model, all with the same ground truth.
        weights: [i, b] from `narrowest`, copies of each image in each of b data sets.
        area: one of AREA_NAMES.

    Yields:
        One value per class with ground truth that counts, labels ascending.
    """
    bit = AREA_NAMES.index(area)
    truth = tables[0].truth
    counts = truth["valid"] >> bit & 1 == 1
    for label in np.unique(truth["label"][counts]).tolist():
        rows = tables[0].truth_rows(label)
        num_truth = weights[tables[0].truth_image[rows][counts[rows]]].sum(axis=0, dtype=np.int64)
        points, of_draw = _points_reached(num_truth)
        curves = [_curve(table, table.detection_rows(label), bit) for table in tables]
        ap = np.stack([_average_precision(curve, weights, points, of_draw) for curve in curves])
        yield ClassDraws(label, num_truth, ap)


@dataclass(frozen=True, eq=False)
class _Threshold:
    # True positives of one class at one IoU threshold, in order of score.
    hit_image: np.ndarray  # [n] image of each
    ends: np.ndarray  # [r] those before a false positive, indices into hit_image
    rows: np.ndarray  # [r] the same as indices into _Curve.hit_rows
    skipped_image: np.ndarray  # [s] image of each detection that is ignored
    skipped: np.ndarray  # [r] how many of these come before


@dataclass(frozen=True, eq=False)
class _Curve:
    image: np.ndarray  # [m] image of each detection up to the last that ever hits
    hit_rows: np.ndarray  # [h] those that hit at any threshold
    thresholds: list[_Threshold]


def _curve(table: MatchTable, rows: slice, area: int) -> _Curve:
    tp, ignored = (area_bits(table.detections[name][rows], area) for name in ("tp", "ignored"))
    image = table.detection_image[rows]
    # What is ignored at every threshold does not exist. What comes after the last hit has no effect on AP.
    kept = np.flatnonzero(ignored != area_bits(~np.zeros(1, np.uint64), area))
    kept = kept[: np.flatnonzero(tp[kept])[-1] + 1] if tp.any() else kept[:0]
    tp, ignored, image = tp[kept], ignored[kept], image[kept]
    hit_rows = np.flatnonzero(tp)
    return _Curve(image, hit_rows, [_threshold(tp >> t & 1, ignored >> t & 1, image, hit_rows) for t in _shifts()])


def _shifts() -> Iterator[np.uint16]:
    return map(np.uint16, range(len(IOU_THRESHOLDS)))


def _threshold(tp: np.ndarray, ignored: np.ndarray, image: np.ndarray, hit_rows: np.ndarray) -> _Threshold:
    hits, skipped = np.flatnonzero(tp), np.flatnonzero(ignored)
    skipped_before = np.searchsorted(skipped, hits)
    false_before = hits - np.arange(len(hits)) - skipped_before
    ends = np.flatnonzero(np.append(false_before[1:] != false_before[:-1], [True] * len(hits[:1])))
    rows = np.searchsorted(hit_rows, hits[ends])
    return _Threshold(image[hits], ends, rows, image[skipped], skipped_before[ends])


def _average_precision(curve: _Curve, weights: np.ndarray, points: np.ndarray, of_draw: np.ndarray) -> np.ndarray:
    draws = weights.shape[1]
    ap = np.zeros(draws)
    if not curve.hit_rows.size:
        return ap
    bytes_per_draw = len(curve.image) * weights.itemsize + 32 * len(curve.hit_rows)
    block = int(np.clip(_BLOCK_BYTES // bytes_per_draw, 1, draws))
    for start in range(0, draws, block):
        part = slice(start, start + block)
        ap[part] = _block(curve, np.ascontiguousarray(weights[:, part]), points, of_draw[part])
    return ap / (len(IOU_THRESHOLDS) * len(RECALL_POINTS))


def _block(curve: _Curve, weights: np.ndarray, points: np.ndarray, of_draw: np.ndarray) -> np.ndarray:
    area = np.zeros(weights.shape[1])
    all_seen = _totals(weights, curve.image, curve.hit_rows)
    offset = of_draw * points.shape[1]
    for at in curve.thresholds:
        if at.ends.size:
            hits = _totals(weights, at.hit_image, at.ends)
            seen = all_seen.take(at.rows, axis=0)
            if at.skipped_image.size:
                first = np.searchsorted(at.skipped, 1)
                seen[first:] -= _totals(weights, at.skipped_image, at.skipped[first:] - 1)
            area += _area(hits, np.maximum(seen, 1, out=seen), points.ravel(), offset)
    return area


def _area(hits: np.ndarray, seen: np.ndarray, points: np.ndarray, offset: np.ndarray) -> np.ndarray:
    # [b] recall points x precision, given [r, b] hits and detections up to each row. From the last rows to the first,
    # so many at once as a cache holds.
    area, highest = np.zeros(hits.shape[1]), np.zeros(hits.shape[1])
    for start in range((len(hits) - 1) // _ROWS * _ROWS, -1, -_ROWS):
        rows = slice(start, start + _ROWS)
        # Without anything seen there are no hits either, and pycocotools' 0 / 2e-16 is 0.
        precision = np.divide(hits[rows], seen[rows], dtype=np.float64)
        np.maximum(precision[-1], highest, out=precision[-1])
        _make_envelope(precision)
        highest = precision[0].copy()
        reached = points.take(hits[max(start - 1, 0) : start + _ROWS] + offset)
        gained = np.diff(reached, axis=0, prepend=reached[:1] * 0) if start == 0 else np.diff(reached, axis=0)
        precision *= gained
        area += _column_sums(precision)
    return area


def _column_sums(values: np.ndarray) -> np.ndarray:
    # [b], of [n, b], which is overwritten. numpy's own sum adds in an order that depends on b.
    while len(values) > 1:
        half = len(values) // 2
        values[:half] += values[-half:]
        values = values[: len(values) - half]
    return values[0]


def _make_envelope(precision: np.ndarray) -> None:
    # The largest of the values from each row on, in place; numpy's own accumulate takes ten times as long.
    _accumulate(np.maximum, precision[::-1])


def _accumulate(operation: np.ufunc, values: np.ndarray) -> None:
    # operation.accumulate(values, axis=0) in place: inside stripes, then over the last rows of the stripes.
    whole = len(values) // _STRIPE * _STRIPE if len(values) > 2 * _STRIPE else 0
    if whole:
        stripes = values[:whole].reshape(-1, _STRIPE, values.shape[1])
        for k in range(1, _STRIPE):
            operation(stripes[:, k], stripes[:, k - 1], out=stripes[:, k])
        ends = stripes[:, -1].copy()
        _accumulate(operation, ends)
        operation(stripes[1:], ends[:-1, None], out=stripes[1:])
    for row in range(max(whole, 1), len(values)):
        operation(values[row], values[row - 1], out=values[row])


def _totals(weights: np.ndarray, image: np.ndarray, at: np.ndarray) -> np.ndarray:
    # [r, b] unsigned, as narrow as they fit: copies of the detections 0..at[r], given the image of each. Row k of a
    # stripe is detection 16 q + k, so that the adding runs through long contiguous arrays; the total of whole stripes
    # is added where it is wanted.
    stripes = np.zeros(-(-len(image) // _STRIPE) * _STRIPE, dtype=np.intp)
    stripes[: len(image)] = image
    inner = weights.take(np.ascontiguousarray(stripes.reshape(-1, _STRIPE).T), axis=0)
    for k in range(1, _STRIPE):
        inner[k] += inner[k - 1]
    most = int(inner[-1].sum(axis=0, dtype=np.int64).max(initial=0))
    before = np.zeros((inner.shape[1] + 1, inner.shape[2]), dtype=np.min_scalar_type(most))
    before[1:] = inner[-1]
    _accumulate(np.add, before)
    stripe, k = np.divmod(at, _STRIPE)
    totals = before.take(stripe, axis=0)
    totals += inner.reshape(-1, inner.shape[2]).take(k * inner.shape[1] + stripe, axis=0)
    return totals


def _points_reached(num_truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # [u, c] uint8: how many of the 101 recall points c true positives reach, for u different numbers of objects. And
    # [b] the row of each data set.
    different, of_draw = np.unique(num_truth, return_inverse=True)
    table = np.empty((len(different), different[-1] + 1), dtype=np.uint8)
    points = np.arange(len(RECALL_POINTS) + 1, dtype=np.uint8)
    for row, needed in zip(table, _hits_needed(different), strict=True):
        row[:] = np.repeat(points, np.diff(needed, prepend=0, append=len(row)))
    return table, of_draw


def _hits_needed(num_truth: np.ndarray) -> np.ndarray:
    # [u, 101] true positives that reach each recall point; in floats, as pycocotools compares them.
    objects = np.maximum(num_truth, 1)[:, None]
    guess = -(-np.arange(len(RECALL_POINTS)) * objects // 100)
    # Exactly on a recall point, rounding decides: .35 is stored as a little more than 35 / 100.
    return guess + (guess / objects < RECALL_POINTS)
