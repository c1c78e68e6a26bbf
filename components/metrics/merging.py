"""Tables of different images as one table, in bounded memory: rows are sorted piece by piece and written as they come.

Every table is sorted, so the rows that come next are the first ones of each. Samples of the keys of all tables say
where to cut, and what lies between two cuts is sorted in memory (sample sort: Frazer and McKellar, JACM 17, 1970). The
order of rows is a total one, so the result is that of `build_table` to the bit, whatever is in which table.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.coco_rules import DETECTION_DTYPE, TRUTH_DTYPE
from ratchet.components.metrics.match_table import MatchTable, common_limit, refuse_repeated
from ratchet.components.metrics.stored_arrays import ArraysWriter, pieces_of, room_for

# Rows that are sorted at once. Tests set it lower.
_AT_ONCE = 1 << 19
_Key = tuple[float, int]


@dataclass(frozen=True, eq=False)
class _Run:
    """The rows of one label in one table: [m] rows, [m] positions of their images in the table, [i] of these among all
    images."""

    rows: np.ndarray
    image: np.ndarray
    position: np.ndarray

    def part(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Some rows, and the position of their images among all."""
        return np.array(self.rows[start:stop]), self.position[self.image[start:stop]]


def _detection_key(run: _Run, row: int) -> _Key:
    return -float(run.rows["score"][row]), int(run.position[run.image[row]])


def _truth_key(run: _Run, row: int) -> _Key:
    return float(run.position[run.image[row]]), int(run.rows["valid"][row])


def write_joined(writer: ArraysWriter, name: str, tables: Sequence[MatchTable]) -> None:
    """Writes the table of all images, as `to_arrays` names its columns.

    Args:
        writer: of the file.
        name: of the table.
        tables: of different images.

    Raises:
        ValueError: an image is in two tables, or their limits differ.
    """
    limit = common_limit(tables)
    image_ids = np.sort(np.concatenate([np.empty(0, np.int64), *(table.image_ids for table in tables)]))
    refuse_repeated(image_ids)
    positions = [np.searchsorted(image_ids, table.image_ids).astype(np.int32) for table in tables]
    writer.write(f"table/{name}/image_ids", image_ids)
    _write_side(writer, f"table/{name}", "detections", DETECTION_DTYPE, _detections(tables, positions))
    _write_side(writer, f"table/{name}", "truth", TRUTH_DTYPE, _truth(tables, positions))
    writer.write(f"table/{name}/max_detections", np.asarray(limit))


@dataclass(frozen=True, eq=False)
class _Side:
    count: int
    parts: Iterator[tuple[np.ndarray, np.ndarray]]


def _write_side(writer: ArraysWriter, prefix: str, rows: str, kind: np.dtype, side: _Side) -> None:
    images = room_for(side.count, np.dtype(np.int32))
    image_name = {"detections": "detection_image", "truth": "truth_image"}[rows]

    def pieces() -> Iterator[np.ndarray]:
        done = 0
        for piece, image in side.parts:
            images[done : done + len(piece)] = image
            done += len(piece)
            yield piece

    writer.write_pieces(f"{prefix}/{rows}", kind, (side.count,), pieces())
    writer.write_pieces(f"{prefix}/{image_name}", images.dtype, images.shape, pieces_of(images))


def _detections(tables: Sequence[MatchTable], positions: Sequence[np.ndarray]) -> _Side:
    def runs(label: int) -> list[_Run]:
        return [
            _Run(table.detections[rows], table.detection_image[rows], position)
            for table, position in zip(tables, positions)
            if (rows := table.detection_rows(label)).stop > rows.start
        ]

    labels = sorted({label for table in tables for label in table.labels()})
    count = sum(len(table.detections) for table in tables)
    return _Side(count, (part for label in labels for part in _sorted(runs(label), _detection_key, _best_first)))


def _truth(tables: Sequence[MatchTable], positions: Sequence[np.ndarray]) -> _Side:
    def runs(label: int) -> list[_Run]:
        return [
            _Run(table.truth[rows], table.truth_image[rows], position)
            for table, position in zip(tables, positions)
            if (rows := table.truth_rows(label)).stop > rows.start
        ]

    labels = sorted({label for table in tables for label in table.labels()})
    count = sum(len(table.truth) for table in tables)
    return _Side(count, (part for label in labels for part in _sorted(runs(label), _truth_key, _by_image)))


def _sorted(
    runs: Sequence[_Run],
    key: Callable[[_Run, int], _Key],
    order: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of sorted runs in one order, at most _AT_ONCE of them at a time."""
    starts = [0] * len(runs)
    for cut in [*_cuts(runs, key), None]:
        ends = [len(run.rows) if cut is None else _first_from(run, cut, key, start) for run, start in zip(runs, starts)]
        parts = [run.part(start, end) for run, start, end in zip(runs, starts, ends) if end > start]
        starts = ends
        if parts:
            rows, image = (np.concatenate(columns) for columns in zip(*parts))
            place = order(rows, image)
            yield rows[place], image[place]


def _cuts(runs: Sequence[_Run], key: Callable[[_Run, int], _Key]) -> list[_Key]:
    """Keys between which there are at most _AT_ONCE rows, as far as their keys differ."""
    if sum(len(run.rows) for run in runs) <= _AT_ONCE:
        return []
    step = max(1, _AT_ONCE // (2 * len(runs)))  # between two samples of each run there are fewer than half of them
    samples = sorted(key(run, row) for run in runs for row in range(step - 1, len(run.rows), step))
    return samples[:: max(1, _AT_ONCE // (2 * step))]


def _first_from(run: _Run, cut: _Key, key: Callable[[_Run, int], _Key], start: int) -> int:
    """The first row of a run from `start` on whose key is not below a cut."""
    return bisect.bisect_left(range(len(run.rows)), cut, lo=start, key=lambda row: key(run, row))


def _best_first(rows: np.ndarray, image: np.ndarray) -> np.ndarray:
    # Merges what is sorted already. Among equal scores come those of the first image; inside an image they stand by
    # rank, for they are of one run.
    score = rows["score"]
    order = np.argsort(-score, kind="stable")
    equal = score[order[1:]] == score[order[:-1]]
    if equal.any():
        tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
        of_tied = order[tied]
        order[tied] = of_tied[np.lexsort((image[of_tied], -score[of_tied]))]
    return order


def _by_image(rows: np.ndarray, image: np.ndarray) -> np.ndarray:
    return np.lexsort((rows["valid"], image))
