"""Precision over recall and F1 over the score, of single classes and of all together; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.average_precision import DetectionMetrics, detection_metrics
from ratchet.components.metrics.coco_rules import AREA_NAMES, IOU_THRESHOLDS, area_bits
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.review.content import OVERALL, ClassCurves, Curves, Point
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation

CURVE_IOUS = (0.5, 0.75)
_STEPS = 101  # of the scores
_ALL = AREA_NAMES.index("all")


@dataclass(frozen=True, eq=False)
class _AtScores:
    """Of one class and model at each score: objects found, detections shown, and how many objects there are."""

    hits: np.ndarray
    shown: np.ndarray
    objects: int

    @classmethod
    def of(cls, table: MatchTable, label: int, scores: np.ndarray, iou: float = CURVE_IOUS[0]) -> _AtScores:
        rows = table.detections[table.detection_rows(label)]  # best score first
        bit = np.uint16(np.argmin(np.abs(IOU_THRESHOLDS - iou)))
        hit, ignored = (area_bits(rows[name], _ALL) >> bit & 1 for name in ("tp", "ignored"))
        number = np.searchsorted(-rows["score"], -scores, side="right")
        hits, shown = (np.append(0, np.cumsum(values))[number] for values in (hit, ignored == 0))
        objects = int(np.count_nonzero(table.truth["valid"][table.truth_rows(label)] >> _ALL & 1))
        return cls(hits, shown, objects)

    @property
    def precision(self) -> np.ndarray:
        """1 where nothing is shown."""
        return np.where(self.shown, self.hits / np.maximum(self.shown, 1), 1.0)

    @property
    def recall(self) -> np.ndarray:
        return self.hits / max(self.objects, 1)

    @property
    def f1(self) -> np.ndarray:
        return 2 * self.hits / np.maximum(self.shown + self.objects, 1)


def class_curves(
    tables: Mapping[str, MatchTable],
    points: Mapping[str, np.ndarray],
    golden: DataSetEvaluation,
    names: Sequence[str],
) -> Curves:
    """Curves of all classes that have objects.

    Args:
        tables: matches by model.
        points: by model, [K + 1] the score from which a detection of a label counts.
        golden: the figures; the largest fall comes first, without a baseline the lowest AP.
        names: of the classes, in label order.
    """
    metrics = {model: detection_metrics(table, len(names)) for model, table in tables.items()}
    scores = _scores(tables)
    labels = sorted(_with_objects(golden, names), key=lambda label: _fall(golden, names[label - 1]))
    curves = [_overall(tables, metrics, labels, scores)] if labels else []
    if len(labels) > 1:
        curves += [_class(tables, metrics, points, label, names[label - 1], scores) for label in labels]
    return Curves(tuple(scores.tolist()), tuple(curves))


def _scores(tables: Mapping[str, MatchTable]) -> np.ndarray:
    """Scores are 0..1, but a file may hold others."""
    given = np.concatenate([[0.0, 1.0], *(table.detections["score"] for table in tables.values())])
    return np.linspace(given.min(), given.max(), _STEPS)


def _with_objects(golden: DataSetEvaluation, names: Sequence[str]) -> list[int]:
    support = golden.class_support
    return [label for label, name in enumerate(names, start=1) if name in support and support[name].objects]


def _fall(golden: DataSetEvaluation, name: str) -> float:
    delta = golden.deltas.per_class.get(name) if golden.deltas else None
    return golden.candidate.per_class[name] if delta is None or delta.value is None else delta.value


def _overall(
    tables: Mapping[str, MatchTable], metrics: Mapping[str, DetectionMetrics], labels: Sequence[int], scores: np.ndarray
) -> ClassCurves:
    f1, points = {}, {}
    for model, table in tables.items():
        of_each = [_AtScores.of(table, label, scores) for label in labels]
        mean = {
            name: np.mean([getattr(each, name) for each in of_each], axis=0) for name in ("precision", "recall", "f1")
        }
        best = int(np.argmax(mean["f1"]))
        f1[model] = _rounded(mean["f1"])
        best_of = (float(mean[name][best]) for name in ("precision", "recall", "f1"))
        points[model, CURVE_IOUS[0]] = Point(float(scores[best]), *best_of)
    return ClassCurves(OVERALL, _precision(metrics, labels), f1, points)


def _class(
    tables: Mapping[str, MatchTable],
    metrics: Mapping[str, DetectionMetrics],
    points: Mapping[str, np.ndarray],
    label: int,
    name: str,
    scores: np.ndarray,
) -> ClassCurves:
    f1, own = {}, {}
    for model, table in tables.items():
        f1[model] = _rounded(_AtScores.of(table, label, scores).f1)
        score = points[model][label]
        for iou in CURVE_IOUS:
            at = _AtScores.of(table, label, np.array([score]), iou)
            own[model, iou] = Point(float(score), float(at.precision[0]), float(at.recall[0]), float(at.f1[0]))
    return ClassCurves(name, _precision(metrics, [label]), f1, own)


def _precision(
    metrics: Mapping[str, DetectionMetrics], labels: Sequence[int]
) -> dict[tuple[str, float], tuple[float, ...]]:
    return {
        (model, iou): tuple(np.mean([each.pr_curve(label, iou) for label in labels], axis=0).tolist())
        for model, each in metrics.items()
        for iou in CURVE_IOUS
    }


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.round(4).tolist())
