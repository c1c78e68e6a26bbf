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
from ratchet.components.metrics.large_classes import ROWS_AT_ONCE, LargeClasses
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.weighted_sums import add_area, points_reached, totals

# Roughly the memory of a block of columns: enough that long inner loops pay for the calls. Tests set it lower.
_BLOCK_BYTES = 1 << 26
_LARGE_FROM = ROWS_AT_ONCE + 1  # detections or objects of a class. Tests set it lower.


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
    large = LargeClasses(weights, bit)
    for label in tables[0].labels():
        rows, found = tables[0].truth_rows(label), [table.detection_rows(label) for table in tables]
        images = tables[0].truth_image[rows][tables[0].truth["valid"][rows] >> bit & 1 == 1]
        if not len(images):
            continue
        num_truth = _sums(weights, images)
        if max(each.stop - each.start for each in (rows, *found)) >= _LARGE_FROM:
            areas = [large.areas(table, each, num_truth) for table, each in zip(tables, found)]
        else:
            different, of_draw = np.unique(num_truth, return_inverse=True)
            points = points_reached(different)
            curves = [_curve(table, each, bit) for table, each in zip(tables, found)]
            areas = [_areas(curve, weights, points, of_draw) for curve in curves]
        yield ClassDraws(label, num_truth, np.stack(areas) / (len(IOU_THRESHOLDS) * len(RECALL_POINTS)))


def _sums(weights: np.ndarray, images: np.ndarray) -> np.ndarray:
    # [b] int64, copies of objects
    total = np.zeros(weights.shape[1], np.int64)
    for start in range(0, len(images), ROWS_AT_ONCE):
        total += weights[images[start : start + ROWS_AT_ONCE]].sum(axis=0, dtype=np.int64)
    return total


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


def _areas(curve: _Curve, weights: np.ndarray, points: np.ndarray, of_draw: np.ndarray) -> np.ndarray:
    # [b], of all thresholds together
    draws = weights.shape[1]
    areas = np.zeros(draws)
    if not curve.hit_rows.size:
        return areas
    bytes_per_draw = len(curve.image) * weights.itemsize + 32 * len(curve.hit_rows)
    block = int(np.clip(_BLOCK_BYTES // bytes_per_draw, 1, draws))
    for start in range(0, draws, block):
        part = slice(start, start + block)
        areas[part] = _block(curve, np.ascontiguousarray(weights[:, part]), points, of_draw[part])
    return areas


def _block(curve: _Curve, weights: np.ndarray, points: np.ndarray, of_draw: np.ndarray) -> np.ndarray:
    area = np.zeros(weights.shape[1])
    all_seen = totals(weights, curve.image, curve.hit_rows)
    offset = of_draw * points.shape[1]
    for at in curve.thresholds:
        if at.ends.size:
            hits = totals(weights, at.hit_image, at.ends)
            seen = all_seen.take(at.rows, axis=0)
            if at.skipped_image.size:
                first = np.searchsorted(at.skipped, 1)
                seen[first:] -= totals(weights, at.skipped_image, at.skipped[first:] - 1)
            of_threshold, highest = np.zeros((2, weights.shape[1]))
            add_area(of_threshold, highest, hits, np.maximum(seen, 1, out=seen), points.ravel(), offset)
            area += of_threshold
    return area
