"""The evaluators that the benchmark compares, each behind the same two steps: load JSON files, evaluate.

Run as `python -m benchmarks.engines ENGINE TRUTH RESULTS...` in a process of its own; prints one line of JSON. The
other evaluators come with the pip extra `bench` (pycocotools with `dev`) and are imported only here.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.bootstrap import paired_deltas
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import match
from ratchet.schemas.base.memory import keep_freed_memory
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

RESAMPLES = 1000
_Timed = dict[str, Any]


def ours(truth: Path, results: Path) -> _Timed:
    """This project: JSON to columns, match, accumulate."""
    columns, load = _timed(lambda: _columns(truth, results))
    metrics, evaluate = _timed(lambda: _accumulate(*columns).finish())
    return {"load_s": load, "evaluate_s": evaluate, "figures": list(metrics.coco.values())}


def bootstrap(truth: Path, *results: Path) -> _Timed:
    """The paired bootstrap of this project, overall and per class, after both models were matched."""
    keep_freed_memory()  # as the evaluator does
    tables, load = _timed(lambda: [_table(truth, file) for file in results])
    deltas, evaluate = _timed(lambda: paired_deltas(tables[0], tables[1], resamples=RESAMPLES))
    interval = [deltas.overall.value, deltas.overall.lo, deltas.overall.hi]
    return {"load_s": load, "evaluate_s": evaluate, "interval": interval, "classes": len(deltas.per_class)}


def pycocotools(truth: Path, results: Path) -> _Timed:
    """The reference."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return _coco_like(COCO, lambda expected, found: COCOeval(expected, found, "bbox"), truth, results)


def faster_coco_eval(truth: Path, results: Path) -> _Timed:
    """The evaluator of the package faster-coco-eval."""
    from faster_coco_eval import COCO, COCOeval_faster

    return _coco_like(COCO, lambda expected, found: COCOeval_faster(expected, found, "bbox"), truth, results)


def hotcoco(truth: Path, results: Path) -> _Timed:
    """The evaluator of the package hotcoco."""
    from hotcoco import COCO, COCOeval

    return _coco_like(COCO, lambda expected, found: COCOeval(expected, found, "bbox"), truth, results)


ENGINES: dict[str, Callable[..., _Timed]] = {
    "ours": ours,
    "pycocotools": pycocotools,
    "faster-coco-eval": faster_coco_eval,
    "hotcoco": hotcoco,
    "bootstrap": bootstrap,
}


def _coco_like(coco: Any, evaluator: Callable, truth: Path, results: Path) -> _Timed:
    def load() -> tuple:
        expected = coco(str(truth))
        load_results = getattr(expected, "loadRes", None) or expected.load_res
        return expected, load_results(str(results))

    def evaluate() -> Any:
        evaluation = evaluator(*loaded)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return evaluation.stats

    with contextlib.redirect_stdout(io.StringIO()):
        loaded, load_s = _timed(load)
        stats, evaluate_s = _timed(evaluate)
    return {"load_s": load_s, "evaluate_s": evaluate_s, "figures": [float(value) for value in stats][:12]}


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return action(), time.process_time() - start


def _table(truth: Path, results: Path) -> MatchTable:
    return _accumulate(*_columns(truth, results)).table()


def _accumulate(image_ids: np.ndarray, truth: TruthColumns, detections: DetectionColumns) -> Accumulator:
    accumulator = Accumulator.create()
    accumulator.add(match(image_ids, truth, detections))
    return accumulator


def _columns(truth_file: Path, results_file: Path) -> tuple[np.ndarray, TruthColumns, DetectionColumns]:
    dataset, results = orjson.loads(truth_file.read_bytes()), orjson.loads(results_file.read_bytes())
    image_ids = np.sort(_column(dataset["images"], "id", np.int64))
    objects = dataset["annotations"]
    truth = TruthColumns(
        np.searchsorted(image_ids, _column(objects, "image_id", np.int64)),
        _column(objects, "bbox", np.float64),
        _column(objects, "category_id", np.int64),
        _column(objects, "area", np.float64),
        _column(objects, "iscrowd", np.int64).astype(np.bool_),
    )
    detections = DetectionColumns(
        np.searchsorted(image_ids, _column(results, "image_id", np.int64)),
        _column(results, "bbox", np.float64),
        _column(results, "category_id", np.int64),
        _column(results, "score", np.float64),
    )
    return image_ids, truth, detections


def _column(rows: list[dict], key: str, dtype: type) -> np.ndarray:
    return np.array([row[key] for row in rows], dtype=dtype)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ENGINES[sys.argv[1]](*map(Path, sys.argv[2:]))))
