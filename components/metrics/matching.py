"""Greedy COCO matching of one image, for all IoU thresholds and area ranges at once.

The 4 area ranges x 10 IoU thresholds of COCO are 40 independent matchings of the same boxes. Each is one bit of an
integer, bit `area * 10 + threshold`, so that a step of the greedy loop settles all 40 with a few bit operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.metrics.boxes import iou_xywh
from schemas.records import Detections, GroundTruth

# pycocotools, cocoeval.py, Params.setDetParams. linspace, as there: arange would move some thresholds by one ulp.
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES_PX2 = np.array([[0.0, 1e5**2], [0.0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e5**2]])
MAX_DETECTIONS = 100

DETECTION_DTYPE = np.dtype([("label", "<u2"), ("rank", "u1"), ("score", "<f8"), ("tp", "<u8"), ("ignored", "<u8")])
TRUTH_DTYPE = np.dtype([("label", "<u2"), ("valid", "u1")])

_AREAS, _THRESHOLDS = len(AREA_RANGES_PX2), len(IOU_THRESHOLDS)
_ALL_BITS = (1 << _AREAS * _THRESHOLDS) - 1
# _FITS[k]: the k lowest thresholds, in every area range. _IN_AREAS[v]: all thresholds of the area ranges in v.
_FITS = [sum(((1 << k) - 1) << area * _THRESHOLDS for area in range(_AREAS)) for k in range(_THRESHOLDS + 1)]
_IN_AREAS = [
    sum(((1 << _THRESHOLDS) - 1) << area * _THRESHOLDS for area in range(_AREAS) if valid >> area & 1)
    for valid in range(1 << _AREAS)
]


@dataclass(frozen=True, eq=False)
class ImageMatches:
    """What the detections of one image hit, 27 bytes per detection and 3 per object.

    Attributes:
        detections: [m] of DETECTION_DTYPE, by label, then best score first: `label`; `rank` within image and class,
            0..99; `score`; `tp`, a bit per matching where it hit an object that counts; `ignored`, a bit per
            matching where it counts neither for nor against the model.
        truth: [n] of TRUTH_DTYPE in the order given: `label`; `valid`, a bit per area range in which it counts.
    """

    detections: np.ndarray
    truth: np.ndarray


def match_image(truth: GroundTruth, detections: Detections) -> ImageMatches:
    """Match the detections of one image to its ground truth, as pycocotools does.

    Args:
        truth: the labelled objects; labels 1..65535.
        detections: what a model found, in any order; of each class the 100 best count.

    Returns:
        One row per detection that counts and one per object.

    Raises:
        ValueError: a box, an area or a score is not finite, or a label is out of range.
    """
    _check("truth", truth.labels, boxes_xywh_px=truth.boxes_xywh_px, area_px2=truth.area_px2)
    _check("detections", detections.labels, boxes_xywh_px=detections.boxes_xywh_px, scores=detections.scores)
    chosen, rank = _best_of_each_class(detections)
    boxes, labels = detections.boxes_xywh_px[chosen], detections.labels[chosen]
    valid = _areas_holding(truth.area_px2) * ~truth.is_crowd

    iou = iou_xywh(boxes, truth.boxes_xywh_px, truth.is_crowd)
    tp, ignored = _match_greedily(iou * (labels[:, None] == truth.labels), valid, truth.is_crowd)
    # A detection that hit nothing and is outside the area range itself is no false positive of that range.
    outside = np.array(_IN_AREAS, dtype=np.uint64)[~_areas_holding(boxes[:, 2] * boxes[:, 3]) & (1 << _AREAS) - 1]
    ignored |= outside & ~(tp | ignored)

    return ImageMatches(
        detections=_packed(
            DETECTION_DTYPE, label=labels, rank=rank, score=detections.scores[chosen], tp=tp, ignored=ignored
        ),
        truth=_packed(TRUTH_DTYPE, label=truth.labels, valid=valid),
    )


def unpack_bits(bits: np.ndarray, area: int) -> np.ndarray:
    """The `tp` or `ignored` bits of one area range as booleans.

    Args:
        bits: [m] uint64.
        area: index into AREA_NAMES.

    Returns:
        [m, 10] bool, one column per IoU threshold.
    """
    shifts = np.arange(area * _THRESHOLDS, (area + 1) * _THRESHOLDS, dtype=np.uint64)
    return (bits[:, None] >> shifts & np.uint64(1)).astype(np.bool_)


def _check(owner: str, labels: np.ndarray, **numbers: np.ndarray) -> None:
    for name, values in numbers.items():
        if not np.isfinite(values).all():
            where = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(f"{owner}.{name}[{where[0]}] = {values[where[0]]} is not finite")
    largest = np.iinfo(DETECTION_DTYPE["label"]).max
    if labels.size and not (labels.min() >= 1 and labels.max() <= largest):
        index = int(np.flatnonzero((labels < 1) | (labels > largest))[0])
        raise ValueError(f"{owner}.labels[{index}] = {labels[index]} is outside 1..{largest}")


def _best_of_each_class(detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    # lexsort is stable, so equal scores keep the given order: pycocotools' mergesort.
    order = np.lexsort((-detections.scores, detections.labels))
    labels = detections.labels[order]
    rank = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return order[rank < MAX_DETECTIONS], rank[rank < MAX_DETECTIONS]


def _areas_holding(area_px2: np.ndarray) -> np.ndarray:
    low, high = AREA_RANGES_PX2.T[:, :, None]  # each [4, 1]; both ends belong to the range
    inside = (area_px2 >= low) & (area_px2 <= high)
    return (inside << np.arange(_AREAS)[:, None]).sum(axis=0)


def _match_greedily(iou: np.ndarray, valid: np.ndarray, is_crowd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # iou [m, n] with rows by score, 0 across classes. Only pairs that reach the lowest threshold can ever match.
    rows, columns = np.nonzero(iou >= IOU_THRESHOLDS[0])
    overlap = iou[rows, columns]
    # pycocotools takes the highest IoU and on a tie the last object.
    order = np.lexsort((-columns, -overlap, rows))
    reached = np.searchsorted(IOU_THRESHOLDS, overlap[order], side="right")
    candidates: dict[int, list[tuple[int, int]]] = {}
    for row, column, count in zip(rows[order].tolist(), columns[order].tolist(), reached.tolist(), strict=True):
        candidates.setdefault(row, []).append((column, _FITS[count]))

    tp, ignored = np.zeros((2, len(iou)), dtype=np.uint64)
    counts = [_IN_AREAS[areas] for areas in valid.tolist()]
    reusable, free = is_crowd.tolist(), [_ALL_BITS] * len(counts)
    for row, pairs in candidates.items():
        open_bits = _ALL_BITS
        # An object that counts comes before an ignored one, however well that one overlaps.
        for column, fits in pairs:
            hit = open_bits & fits & free[column] & counts[column]
            open_bits, free[column] = open_bits & ~hit, free[column] & ~hit
        tp[row] = _ALL_BITS & ~open_bits
        for column, fits in pairs:
            hit = open_bits & fits & free[column] & ~counts[column]
            open_bits &= ~hit
            if not reusable[column]:
                free[column] &= ~hit
        ignored[row] = _ALL_BITS & ~open_bits & ~int(tp[row])
    return tp, ignored


def _packed(dtype: np.dtype, **columns: np.ndarray) -> np.ndarray:
    table = np.empty(len(columns["label"]), dtype=dtype)
    for name, values in columns.items():
        table[name] = values
    return table
