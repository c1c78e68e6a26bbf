"""Resampled precision of a class with more detections than should be in memory: `resampling.py`, piece by piece.

Twice from the last piece to the first: to know how often what comes before each was drawn, then to add precision, which
is the largest one from each hit on. The figures are those of `resampling.py` to the bit: whole numbers do not mind in
which pieces they are added, and floats are added in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.coco_rules import IOU_THRESHOLDS, area_bits
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.weighted_sums import add_area, points_reached, totals

ROWS_AT_ONCE = 1 << 17  # detections
_DRAWS_AT_ONCE = 64
_THRESHOLDS = len(IOU_THRESHOLDS)


@dataclass(frozen=True, eq=False)
class _Threshold:
    """One IoU threshold in a piece.

    Attributes:
        hits: [n] its true positives, rows of the piece.
        skipped: [s] the detections that it ignores.
        false_before: [n] false positives of the piece before each hit.
        false: how many there are in all.
    """

    hits: np.ndarray
    skipped: np.ndarray
    false_before: np.ndarray
    false: int

    @classmethod
    def of(cls, tp: np.ndarray, ignored: np.ndarray) -> _Threshold:
        hits, skipped = np.flatnonzero(tp), np.flatnonzero(ignored)
        false_before = hits - np.arange(len(hits)) - np.searchsorted(skipped, hits)
        return cls(hits, skipped, false_before, len(tp) - len(hits) - len(skipped))

    def false_until(self, then: int | None) -> int | None:
        """False positives before the first hit from here on, given those of the pieces after; None without a hit."""
        if len(self.hits):
            return int(self.false_before[0])
        return None if then is None else self.false + then

    def ends(self, then: int | None) -> np.ndarray:
        """The hits with a false positive before the next one, or without a next one; indices into `hits`."""
        if not len(self.hits):
            return np.empty(0, np.int64)
        is_last = then is None or self.false - self.false_before[-1] + then > 0
        return np.flatnonzero(np.append(self.false_before[1:] != self.false_before[:-1], is_last))


@dataclass(frozen=True, eq=False)
class _Piece:
    image: np.ndarray  # [m] of each detection that exists in the area range
    thresholds: list[_Threshold]

    @classmethod
    def of(cls, table: MatchTable, rows: slice, area: int) -> _Piece:
        tp, ignored = (area_bits(table.detections[name][rows], area) for name in ("tp", "ignored"))
        kept = np.flatnonzero(ignored != area_bits(~np.zeros(1, np.uint64), area))
        image, tp, ignored = table.detection_image[rows][kept].astype(np.intp), tp[kept], ignored[kept]
        shifts = map(np.uint16, range(_THRESHOLDS))
        return cls(image, [_Threshold.of(tp >> t & 1, ignored >> t & 1) for t in shifts])


@dataclass(frozen=True, eq=False)
class _Before:
    """What comes before each of p pieces.

    Attributes:
        seen: [p, b] detections in each draw.
        hits: [p, 10, b] true positives.
        skipped: [p, 10, b] what is ignored.
        ends: [p, 10] `ends` before it.
        then: [p][10] false positives after it and before the next hit; None without one.
    """

    seen: np.ndarray
    hits: np.ndarray
    skipped: np.ndarray
    ends: np.ndarray
    then: list[list[int | None]]


class _Left:
    """Rows of a threshold that wait for those before them."""

    def __init__(self, draws: int) -> None:
        self.hits, self.seen = np.empty((2, 0, draws), np.int64)
        self.area, self.highest = np.zeros((2, draws))

    def add(self, hits: np.ndarray, seen: np.ndarray, first: int, num_truth: np.ndarray) -> None:
        """Takes the rows before, of which the first is row `first` of all."""
        hits, seen = np.concatenate([hits, self.hits]), np.concatenate([seen, self.seen])
        if not len(hits):
            return
        least, most = int(hits[0].min()), int(hits[-1].max())
        different, of_draw = np.unique(num_truth, return_inverse=True)
        points = points_reached(different, least, most)
        offset = of_draw * points.shape[1] - least
        left = add_area(self.area, self.highest, hits, seen, points.ravel(), offset, first)
        self.hits, self.seen = hits[:left].copy(), seen[:left].copy()


class LargeClasses:
    """Classes of one data set and area range under one set of draws."""

    def __init__(self, weights: np.ndarray, area: int) -> None:
        """Takes [i, b] copies of each image, and an index into AREA_NAMES."""
        self._weights, self._area = weights, area
        self._blocks: list[tuple[slice, np.ndarray]] = []

    def areas(self, table: MatchTable, rows: slice, num_truth: np.ndarray) -> np.ndarray:
        """Recall points x precision of a class, of all thresholds together.

        Args:
            table: matches of the i images.
            rows: its detections.
            num_truth: [b] its objects.

        Returns:
            [b] float64.
        """
        starts = range(rows.start, rows.stop, ROWS_AT_ONCE)
        pieces = [slice(start, min(start + ROWS_AT_ONCE, rows.stop)) for start in starts]
        before, draws = self._before(table, pieces), self._draws()
        left = [[_Left(part.stop - part.start) for _ in range(_THRESHOLDS)] for part, _ in draws]
        for place in reversed(range(len(pieces))):
            piece = _Piece.of(table, pieces[place], self._area)
            for (part, weights), waiting in zip(draws, left):
                _add(piece, before, place, part, weights, waiting, num_truth[part])
        areas = [sum((each.area for each in waiting), np.zeros_like(waiting[0].area)) for waiting in left]
        return np.concatenate(areas)

    def _draws(self) -> list[tuple[slice, np.ndarray]]:
        """The draws in blocks: which they are, and their weights side by side."""
        if not self._blocks:
            starts = range(0, self._weights.shape[1], _DRAWS_AT_ONCE)
            parts = [slice(at, min(at + _DRAWS_AT_ONCE, self._weights.shape[1])) for at in starts]
            self._blocks = [(part, np.ascontiguousarray(self._weights[:, part])) for part in parts]
        return self._blocks

    def _before(self, table: MatchTable, pieces: Sequence[slice]) -> _Before:
        """Goes through the pieces from the last to the first."""
        count, draws = len(pieces), self._weights.shape[1]
        seen, hits, skipped = (np.zeros((count + 1, of, draws), np.int64) for of in (1, _THRESHOLDS, _THRESHOLDS))
        ends = np.zeros((count + 1, _THRESHOLDS), np.int64)
        then: list[list[int | None]] = [[None] * _THRESHOLDS for _ in range(count)]
        for place in reversed(range(count)):
            piece = _Piece.of(table, pieces[place], self._area)
            ends[place + 1] = [len(at.ends(gap)) for at, gap in zip(piece.thresholds, then[place])]
            if place:
                then[place - 1] = [at.false_until(gap) for at, gap in zip(piece.thresholds, then[place])]
            for part, weights in self._draws():
                seen[place + 1, 0, part] = _sum(weights, piece.image)
                for t, at in enumerate(piece.thresholds):
                    hits[place + 1, t, part] = _sum(weights, piece.image[at.hits])
                    skipped[place + 1, t, part] = _sum(weights, piece.image[at.skipped])
        for values in (seen, hits, skipped, ends):
            np.cumsum(values, axis=0, out=values)
        return _Before(seen[:, 0], hits, skipped, ends, then)


def _sum(weights: np.ndarray, image: np.ndarray) -> np.ndarray | int:
    return totals(weights, image, np.array([len(image) - 1]))[0] if len(image) else 0


def _add(
    piece: _Piece,
    before: _Before,
    place: int,
    part: slice,
    weights: np.ndarray,
    waiting: list[_Left],
    num_truth: np.ndarray,
) -> None:
    rows = [at.hits[at.ends(gap)] for at, gap in zip(piece.thresholds, before.then[place])]
    hit_rows = np.unique(np.concatenate(rows))
    all_seen = totals(weights, piece.image, hit_rows) if len(hit_rows) else np.empty((0, weights.shape[1]), np.int64)
    for t, (at, own) in enumerate(zip(piece.thresholds, rows)):
        hits = totals(weights, piece.image[at.hits], np.searchsorted(at.hits, own)) + before.hits[place, t, part]
        seen = all_seen[np.searchsorted(hit_rows, own)] + (before.seen[place, part] - before.skipped[place, t, part])
        skipped = np.searchsorted(at.skipped, own)
        first = int(np.searchsorted(skipped, 1))
        if first < len(own):
            seen[first:] -= totals(weights, piece.image[at.skipped], skipped[first:] - 1)
        waiting[t].add(hits, np.maximum(seen, 1), int(before.ends[place, t]), num_truth)
