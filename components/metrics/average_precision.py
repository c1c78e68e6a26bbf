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

# pycocotools, cocoeval.py, Params.setDetParams; the last limit is that of the table.
_LOWER_LIMITS = (1, 10)
UNDEFINED = -1.0


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
            found = _ClassMatches.of(table.detections[rows])
            for area in np.flatnonzero(num_truth[k]):
                curves = _curves(found, int(area), int(num_truth[k, area]), limits)
                precision[:, :, k, area], recall[:, k, area] = curves
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
            found = _ClassMatches.of(table.detections[table.detection_rows(label)])
            tp, rows, _ = found.hits(0)
            precision[:, :, k] = _precision(tp, rows, found.ignored_bits(0), num_truth)
    return _mean_defined(precision)


@dataclass(frozen=True, eq=False)
class _ClassMatches:
    # The detections of one class. Of an area range only those that hit anything there are unpacked: precision falls
    # between them, so neither its value at a recall point nor its maximum from there on is that of another detection.
    hit_rows: np.ndarray
    tp: np.ndarray
    rank: np.ndarray
    ignored: np.ndarray

    @classmethod
    def of(cls, detections: np.ndarray) -> _ClassMatches:
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


def _curves(found: _ClassMatches, area: int, num_truth: int, limits: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    # Precision [10, 101] and recall [10, 3] of one class and area range. pycocotools, COCOeval.accumulate.
    tp, rows, rank = found.hits(area)
    recall = [np.count_nonzero(tp & (rank < limit), axis=1) / num_truth for limit in limits]
    return _precision(tp, rows, found.ignored_bits(area), num_truth), np.stack(recall, axis=1)


def _precision(tp: np.ndarray, rows: np.ndarray, ignored: np.ndarray, num_truth: int) -> np.ndarray:
    # [10, 101], in pycocotools' order of float operations.
    if not tp.size:
        return np.zeros((len(IOU_THRESHOLDS), len(RECALL_POINTS)))
    hits = np.cumsum(tp, axis=1, dtype=np.float64)
    false_alarms = rows + 1 - ignored_until(ignored, rows) - hits
    precision = hits / (false_alarms + hits + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return _at_recall_points(tp, envelope, num_truth)


def _at_recall_points(tp: np.ndarray, envelope: np.ndarray, num_truth: int) -> np.ndarray:
    needed = np.searchsorted(np.arange(1, num_truth + 1) / num_truth, RECALL_POINTS)  # hits before the one that reaches
    total = np.count_nonzero(tp, axis=1)
    positions = np.nonzero(tp)[1]  # of all hits, threshold by threshold
    threshold, point = np.nonzero(needed < total[:, None])
    at_points = np.zeros((len(IOU_THRESHOLDS), len(RECALL_POINTS)))
    hit = (np.cumsum(total) - total)[threshold] + needed[point]
    at_points[threshold, point] = envelope[threshold, positions[hit]]
    return at_points


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
