"""COCO average precision and recall of a table of matches, equal to pycocotools' accumulate and summarize.

As in pycocotools there are three limits of detections per image and class (Params.maxDets): 1, 10, and as many as were
matched, 100 unless another limit is set. Departures: precision is kept for the last limit only, and `AP` is taken
there; pycocotools' summarize takes its first figure at 100 by name, and gives -1 where 100 is not among the limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ratchet.components.metrics.coco_rules import (
    AREA_NAMES,
    IOU_THRESHOLDS,
    RECALL_POINTS,
    area_bits,
    ignored_until,
    unpack_areas,
    unpack_bits,
)
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.weighted_sums import hits_needed

# pycocotools, cocoeval.py, Params.setDetParams; the last limit is that of the table.
_LOWER_LIMITS = (1, 10)
UNDEFINED = -1.0
# Detections that are unpacked at once, 400 bytes each where all of them hit. Tests set it lower.
_ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True, eq=False)
class DetectionMetrics:
    """The COCO metrics of a data set; -1.0 where there is no ground truth to measure against, as in pycocotools.

    Attributes:
        coco: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; 0..1. AR100 is named by the last limit.
        per_class_ap: AP of each label, over IoU .50:.95, all areas.
        num_truth: objects of each label that count: no crowds.
        num_images: images evaluated.
        precision: [10 IoU thresholds, 101 recall points, classes, 4 areas] float64, at the last detection limit.
        recall: [10 IoU thresholds, classes, 4 areas, 3 detection limits] float64.
    """

    coco: dict[str, float]
    per_class_ap: dict[int, float]
    num_truth: dict[int, int]
    num_images: int
    precision: np.ndarray = field(repr=False)
    recall: np.ndarray = field(repr=False)

    def pr_curve(self, label: int, iou_threshold: float = 0.5, area: str = "all") -> np.ndarray:
        """Interpolated precision at the recall points 0, .01, ..., 1.

        Args:
            label: one of per_class_ap.
            iou_threshold: one of .50, .55, ..., .95.
            area: one of AREA_NAMES.

        Returns:
            [101] float64; all -1.0 for a class without ground truth.

        Raises:
            ValueError: label, threshold or area is not one of those evaluated.
        """
        thresholds = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou_threshold))
        if label not in self.per_class_ap or area not in AREA_NAMES or not thresholds.size:
            raise ValueError(
                f"no curve for label {label}, IoU {iou_threshold}, area {area!r}: give a label in "
                f"{list(self.per_class_ap)}, an IoU in {IOU_THRESHOLDS.round(2).tolist()}, an area in {AREA_NAMES}"
            )
        return self.precision[thresholds[0], :, list(self.per_class_ap).index(label), AREA_NAMES.index(area)]


def detection_metrics(table: MatchTable, num_classes: int | None = None) -> DetectionMetrics:
    """Compute the COCO metrics of a table of matches.

    Args:
        table: the matches of all images.
        num_classes: evaluate labels 1..num_classes; without it, the labels that occur.

    Returns:
        The metrics, classes by ascending label.

    Raises:
        ValueError: the ground truth holds a label above num_classes.
    """
    labels, limits = _labels(table, num_classes), (*_LOWER_LIMITS, table.max_detections)
    precision = np.full((len(IOU_THRESHOLDS), len(RECALL_POINTS), len(labels), len(AREA_NAMES)), UNDEFINED)
    recall = np.full((len(IOU_THRESHOLDS), len(labels), len(AREA_NAMES), len(limits)), UNDEFINED)
    num_truth = np.zeros((len(labels), len(AREA_NAMES)), dtype=np.int64)
    for k, label in enumerate(labels):
        rows, truth_rows = table.detection_rows(label), table.truth_rows(label)
        num_truth[k] = np.count_nonzero(unpack_areas(table.truth["valid"][truth_rows]), axis=0)
        if num_truth[k, 0]:
            found = _ClassMatches(table.detections[rows], limits)
            for area in np.flatnonzero(num_truth[k]):
                precision[:, :, k, area], recall[:, k, area] = found.curves(int(area), int(num_truth[k, area]))
    return DetectionMetrics(
        coco=_coco_figures(precision, recall, table.max_detections),
        per_class_ap={label: _mean_defined(precision[:, :, k, 0]) for k, label in enumerate(labels)},
        num_truth={label: int(num_truth[k, 0]) for k, label in enumerate(labels)},
        num_images=len(table.image_ids),
        precision=precision,
        recall=recall,
    )


def mean_average_precision(table: MatchTable) -> float:
    """`detection_metrics(table).coco["AP"]`, in a quarter of the time."""
    labels = table.labels()
    precision = np.full((len(IOU_THRESHOLDS), len(RECALL_POINTS), len(labels)), UNDEFINED)
    for k, label in enumerate(labels):
        num_truth = int(np.count_nonzero(table.truth["valid"][table.truth_rows(label)] & 1))
        if num_truth:
            found = _ClassMatches(table.detections[table.detection_rows(label)])
            precision[:, :, k] = found.curves(0, num_truth)[0]
    return _mean_defined(precision)


@dataclass(frozen=True, eq=False)
class _Hits:
    # Some detections of a class. Of an area range only those that hit anything there are unpacked: precision falls
    # between them, so neither its value at a recall point nor its maximum from there on is that of another detection.
    hit_rows: np.ndarray
    tp: np.ndarray
    rank: np.ndarray
    ignored: np.ndarray

    @classmethod
    def of(cls, detections: np.ndarray) -> _Hits:
        rows = np.flatnonzero(detections["tp"])
        ignored = np.ascontiguousarray(detections["ignored"])
        return cls(rows, detections["tp"][rows], detections["rank"][rows], ignored)

    def hits(self, area: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Which thresholds each of them hits, [10, h] bool; their rows and ranks.
        bits = area_bits(self.tp, area)
        rows = np.flatnonzero(bits)
        return np.ascontiguousarray(unpack_bits(bits[rows], 0).T), self.hit_rows[rows], self.rank[rows]

    def ignored_bits(self, area: int) -> np.ndarray:
        return area_bits(self.ignored, area)


class _ClassMatches:
    # All detections of a class, of which there may be more than memory holds. Piece by piece: first forwards, to know
    # what comes before each, then backwards, for precision is the largest one from each hit on.

    def __init__(self, detections: np.ndarray, limits: tuple[int, ...] = ()) -> None:
        self._limits = limits
        self._detections = detections
        self._starts = range(0, len(detections), _ROWS_AT_ONCE)
        self._only = _Hits.of(detections) if len(detections) <= _ROWS_AT_ONCE else None

    def _piece(self, start: int) -> _Hits:
        return self._only or _Hits.of(self._detections[start : start + _ROWS_AT_ONCE])

    def curves(self, area: int, num_truth: int) -> tuple[np.ndarray, np.ndarray]:
        # Precision [10, 101] and recall [10, limits] of an area range. pycocotools, COCOeval.accumulate.
        hits_before = np.zeros((len(self._starts) + 1, len(IOU_THRESHOLDS)), np.int64)
        ignored_before = np.zeros_like(hits_before)
        recalled = np.zeros((len(self._limits), len(IOU_THRESHOLDS)), np.int64)
        for place, start in enumerate(self._starts):
            piece = self._piece(start)
            tp, _, rank = piece.hits(area)
            hits_before[place + 1] = hits_before[place] + np.count_nonzero(tp, axis=1)
            for of_limit, limit in zip(recalled, self._limits):
                of_limit += np.count_nonzero(tp & (rank < limit), axis=1)
            if self._only is None:
                ignored = piece.ignored_bits(area)
                of_piece = ignored_until(ignored, np.array([len(ignored) - 1]))
                ignored_before[place + 1] = ignored_before[place] + of_piece[:, 0]
        needed = np.maximum(hits_needed(np.array([num_truth]))[0] - 1, 0)  # hits before the one that reaches it
        at_points, highest = np.zeros((len(IOU_THRESHOLDS), len(RECALL_POINTS))), np.zeros((len(IOU_THRESHOLDS), 1))
        for place, start in reversed(list(enumerate(self._starts))):
            piece = self._piece(start)
            tp, rows, _ = piece.hits(area)
            if tp.size:
                before = hits_before[place][:, None], ignored_before[place][:, None]
                envelope = _envelope(tp, rows, piece.ignored_bits(area), start, *before, highest)
                _set_recall_points(at_points, tp, envelope, needed - before[0])
                highest = envelope[:, :1]
        return at_points, np.stack([each / num_truth for each in recalled], axis=1) if self._limits else recalled


def _labels(table: MatchTable, num_classes: int | None) -> list[int]:
    if num_classes is None:
        return table.labels()
    if table.truth.size and table.truth["label"][-1] > num_classes:
        last = table.truth_image[-1]
        raise ValueError(
            f"image id {table.image_ids[last]} has ground truth of label {table.truth['label'][-1]}, but the label map "
            f"has {num_classes} classes; use the label map that the data set was read with"
        )
    return list(range(1, num_classes + 1))


def _envelope(
    tp: np.ndarray,
    rows: np.ndarray,
    ignored: np.ndarray,
    start: int,
    hits_before: np.ndarray,
    ignored_before: np.ndarray,
    highest: np.ndarray,
) -> np.ndarray:
    # [10, h] highest precision from each hit on, `highest` [10, 1] of those after; in pycocotools' order of float
    # operations.
    hits = hits_before + np.cumsum(tp, axis=1, dtype=np.float64)
    false_alarms = rows + (start + 1) - (ignored_before + ignored_until(ignored, rows)) - hits
    precision = hits / (false_alarms + hits + np.spacing(1))
    np.maximum(precision[:, -1:], highest, out=precision[:, -1:])
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]


def _set_recall_points(at_points: np.ndarray, tp: np.ndarray, envelope: np.ndarray, needed: np.ndarray) -> None:
    # Sets those points [10, 101] that are reached by one of these hits: `needed` [10, 101] or more of these come first.
    total = np.count_nonzero(tp, axis=1)
    positions = np.nonzero(tp)[1]  # of all hits, threshold by threshold
    threshold, point = np.nonzero((needed >= 0) & (needed < total[:, None]))
    hit = (np.cumsum(total) - total)[threshold] + needed[threshold, point]
    at_points[threshold, point] = envelope[threshold, positions[hit]]


def _coco_figures(precision: np.ndarray, recall: np.ndarray, max_detections: int) -> dict[str, float]:
    # pycocotools, COCOeval.summarize: AP over all thresholds, IoU .50, IoU .75, small, medium, large; AR alike.
    return {
        "AP": _mean_defined(precision[..., 0]),
        "AP50": _mean_defined(precision[0, :, :, 0]),
        "AP75": _mean_defined(precision[5, :, :, 0]),
        "APs": _mean_defined(precision[..., 1]),
        "APm": _mean_defined(precision[..., 2]),
        "APl": _mean_defined(precision[..., 3]),
        "AR1": _mean_defined(recall[:, :, 0, 0]),
        "AR10": _mean_defined(recall[:, :, 0, 1]),
        f"AR{max_detections}": _mean_defined(recall[:, :, 0, 2]),
        "ARs": _mean_defined(recall[:, :, 1, 2]),
        "ARm": _mean_defined(recall[:, :, 2, 2]),
        "ARl": _mean_defined(recall[:, :, 3, 2]),
    }


def _mean_defined(values: np.ndarray) -> float:
    defined = values[values > UNDEFINED]
    return float(np.mean(defined)) if defined.size else UNDEFINED
