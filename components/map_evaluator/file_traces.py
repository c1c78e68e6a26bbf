"""Traces in result files that only their boxes show: detections written twice, boxes rounded to whole pixels; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ratchet.components.map_evaluator.traces import Tables, Trace
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import match
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

Found = Mapping[str, DetectionColumns]
_LEAST = 10  # detections that are written twice
_PART = 0.01  # of all
_WHOLE, _NOT_WHOLE = 0.99, 0.5  # of the boxes
_ODD = np.random.default_rng(0).integers(0, 1 << 63, 7, np.uint64) * np.uint64(2) + np.uint64(1)


def file_traces(image_ids: np.ndarray, truth: TruthColumns, found: Found, max_detections: int) -> list[Trace]:
    """The traces in the boxes of two files; each is treated together with those before it.

    Args:
        image_ids: [i] int64, what positions count.
        truth: the objects.
        found: what each model found.
        max_detections: how many count of each image and class.
    """

    def rematched(steps: list[_Step]) -> Callable[[Tables], dict[str, MatchTable]]:
        def tables(_: Tables) -> dict[str, MatchTable]:
            return {name: _table(image_ids, truth, _done(each, steps), max_detections) for name, each in found.items()}

        return tables

    steps: list[_Step] = []
    traces = []
    for model, seen, step in [*_doubled(found), *_whole(found)]:
        steps = [*steps, step]
        traces.append(Trace(model, seen, True, rematched(steps)))
    return traces


_Step = Callable[[DetectionColumns], DetectionColumns]


def _done(found: DetectionColumns, steps: list[_Step]) -> DetectionColumns:
    for step in steps:
        found = step(found)
    return found


def _table(image_ids: np.ndarray, truth: TruthColumns, found: DetectionColumns, max_detections: int) -> MatchTable:
    matches = Accumulator.create()
    matches.add(match(image_ids, truth, found, max_detections))
    return matches.table()


def _doubled(found: Found) -> Iterator[tuple[str, str, _Step]]:
    for model, each in found.items():
        twice = len(each.scores) - int(np.count_nonzero(_is_first(each)))
        if twice >= max(_LEAST, _PART * len(each.scores)):
            seen = f"{twice} of {len(each.scores)} detections of the {model} are written twice, box and score alike"
            yield model, seen, lambda columns: rows_of(columns, _is_first(columns))


def _is_first(found: DetectionColumns) -> np.ndarray:
    """[m] bool, whether no earlier detection is the same."""
    rows = np.column_stack([found.image, found.labels, found.scores, found.boxes_xywh_px])
    mixed = rows.view(np.uint64) @ _ODD  # wraps around: equal rows alike, others hardly ever
    order = np.argsort(mixed, kind="stable")  # the first of equal rows comes first
    first = np.ones(len(rows), np.bool_)
    alike = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
    first[order[alike + 1]] = np.any(rows[order[alike + 1]] != rows[order[alike]], axis=1)
    return first


def _whole(found: Found) -> Iterator[tuple[str, str, _Step]]:
    shares = {model: _share_of_whole(each.boxes_xywh_px) for model, each in found.items()}
    for model, share in shares.items():
        others = min(shares.values())
        if share >= _WHOLE and others <= _NOT_WHOLE and len(found[model].scores) >= _LEAST:
            yield model, f"{percent(share)} of the boxes of the {model} are whole pixels", _rounded


def _share_of_whole(boxes: np.ndarray) -> float:
    return float(np.mean(np.all(boxes == np.round(boxes), axis=1))) if len(boxes) else 0.0


def _rounded(found: DetectionColumns) -> DetectionColumns:
    return DetectionColumns(found.image, np.round(found.boxes_xywh_px), found.labels, found.scores)
