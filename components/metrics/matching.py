"""COCO matching of many images in one call: what every detection hit, in all IoU thresholds and area ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import overlapping
from ratchet.components.metrics.coco_rules import (
    ALL_BITS,
    DETECTION_DTYPE,
    FITS,
    IN_AREAS,
    IOU_THRESHOLDS,
    TRUTH_DTYPE,
    areas_holding,
)
from ratchet.components.metrics.greedy import match_greedily
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.ordering import ascending, best_first, places_in_runs
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

_LARGEST_LABEL = np.iinfo(DETECTION_DTYPE["label"]).max


@dataclass(frozen=True, eq=False)
class Matches:
    """What the detections of some images hit, 32 bytes per detection and 7 per object.

    Attributes:
        image_ids: [i] int64, the data set's ids, in the order given.
        detections: [m] of DETECTION_DTYPE, by image and label, then best score first: `label`; `rank` within image
            and class, from 0; `score`; `tp`, a bit per matching where it hit an object that counts; `ignored`, a bit
            per matching where it counts neither for nor against the model.
        detection_image: [m] int32, position in image_ids.
        truth: [n] of TRUTH_DTYPE, by image and label: `label`; `valid`, a bit per area range in which it counts.
        truth_image: [n] int32, position in image_ids.
        max_detections: of each image and class the best so many detections are there.
    """

    image_ids: np.ndarray
    detections: np.ndarray
    detection_image: np.ndarray
    truth: np.ndarray
    truth_image: np.ndarray
    max_detections: int = MAX_DETECTIONS


def match(
    image_ids: np.ndarray,
    truth: TruthColumns,
    detections: DetectionColumns,
    max_detections: int = MAX_DETECTIONS,
) -> Matches:
    """Match the detections of images to their ground truth, as pycocotools does.

    Args:
        image_ids: [i] int64, the data set's id of each position that the columns speak of; images without
            detections or objects belong in it too, for their misses and errors count.
        truth: the labelled objects; labels 1..65535.
        detections: what a model found, in any order.
        max_detections: how many count of each image and class, the best ones; 1..LARGEST_LIMIT.

    Returns:
        One row per detection that counts and one per object.

    Raises:
        ValueError: a box, an area or a score is not finite, or a label or a position is out of range.
    """
    image_ids = np.asarray(image_ids, dtype=np.int64)
    _check(image_ids, "truth", truth, ("boxes_xywh_px", "area_px2"))
    _check(image_ids, "detections", detections, ("boxes_xywh_px", "scores"))
    chosen, group, rank = best_of_each_class(detections, max_detections)
    boxes = detections.boxes_xywh_px[chosen]
    truth_group, truth_order = _sorted_stably(_group(truth.image, truth.labels))
    truth_boxes, is_crowd = truth.boxes_xywh_px[truth_order], truth.is_crowd[truth_order]
    valid = np.where(is_crowd, np.uint8(0), areas_holding(truth.area_px2[truth_order]))

    tp, ignored = _hits(group, boxes, truth_group, truth_boxes, valid, is_crowd)
    # A detection that hit nothing and is outside the area range itself is no false positive of that range.
    ignored |= ALL_BITS & ~IN_AREAS[areas_holding(boxes[:, 2] * boxes[:, 3])] & ~tp

    return Matches(
        image_ids=image_ids,
        detections=_packed(
            DETECTION_DTYPE,
            label=detections.labels[chosen],
            rank=rank,
            score=detections.scores[chosen],
            tp=tp,
            ignored=ignored,
        ),
        detection_image=detections.image[chosen].astype(np.int32),
        truth=_packed(TRUTH_DTYPE, label=truth.labels[truth_order], valid=valid),
        truth_image=truth.image[truth_order].astype(np.int32),
        max_detections=max_detections,
    )


def _hits(
    group: np.ndarray,
    boxes_xywh_px: np.ndarray,
    truth_group: np.ndarray,
    truth_xywh_px: np.ndarray,
    valid: np.ndarray,
    is_crowd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What pycocotools' evaluateImg finds in all 40 matchings.

    Args:
        group: [m] int64, ascending, of each detection; inside a group the best score first.
        boxes_xywh_px: [m, 4].
        truth_group: [n] int64, ascending, of each object; inside a group in the order of annotation.
        truth_xywh_px: [n, 4].
        valid: [n] uint8, the area ranges in which an object counts.
        is_crowd: [n] bool; a crowd takes any number of detections.

    Returns:
        `tp` and `ignored`, each [m] uint64: the matchings in which a detection hit an object that counts, and one
        that does not.
    """
    # Only pairs that reach the lowest threshold can ever match.
    pairs = overlapping(group, boxes_xywh_px, truth_group, truth_xywh_px, is_crowd, IOU_THRESHOLDS[0])
    # An object that counts comes before an ignored one, however well that one overlaps. Among objects of a kind
    # pycocotools takes the highest IoU and on a tie the last object.
    order = np.lexsort((-pairs.other, -pairs.iou, pairs.one))
    one, other = pairs.one[order], pairs.other[order]
    fits, counts = FITS[np.searchsorted(IOU_THRESHOLDS, pairs.iou[order], side="right")], IN_AREAS[valid[other]]
    turn = np.concatenate([2 * one, 2 * one + 1])  # of a detection the objects that count, then the ignored ones
    allowed = np.concatenate([fits & counts, fits & ~counts])
    twice = np.flatnonzero(allowed)
    twice = twice[np.argsort(turn[twice], kind="stable")]
    turn, allowed, pair = turn[twice], allowed[twice], twice % max(1, len(one))
    matches = match_greedily(group[one[pair]], one[pair], other[pair], allowed, is_crowd[other[pair]])

    hits = np.zeros(2 * len(group), np.uint64)
    turns, first = np.unique(turn, return_index=True)
    hits[turns] = np.bitwise_or.reduceat(matches, first) if len(first) else 0
    return hits[::2], hits[1::2]


def _check(image_ids: np.ndarray, owner: str, rows: TruthColumns | DetectionColumns, numbers: tuple[str, ...]) -> None:
    positions = rows.image
    if positions.size and not (positions.min() >= 0 and positions.max() < len(image_ids)):
        wrong = positions[(positions < 0) | (positions >= len(image_ids))][0]
        raise ValueError(f"{owner}.image holds position {wrong}, but there are {len(image_ids)} image ids")
    for name in numbers:
        values = getattr(rows, name)
        if not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0, 0])
            raise ValueError(f"{_where(image_ids, positions, row, owner, name)} = {values[row]} is not finite")
    labels = rows.labels
    if labels.size and not (labels.min() >= 1 and labels.max() <= _LARGEST_LABEL):
        row = int(np.flatnonzero((labels < 1) | (labels > _LARGEST_LABEL))[0])
        where = _where(image_ids, positions, row, owner, "labels")
        raise ValueError(f"{where} = {labels[row]} is outside 1..{_LARGEST_LABEL}")


def _where(image_ids: np.ndarray, positions: np.ndarray, row: int, owner: str, name: str) -> str:
    # The index is that within the image, where a caller can look it up.
    index = np.count_nonzero(positions[:row] == positions[row])
    return f"image id {image_ids[positions[row]]}: {owner}.{name}[{index}]"


def best_of_each_class(
    detections: DetectionColumns, max_detections: int = MAX_DETECTIONS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The detections that count, the best `max_detections` of each image and class.

    Returns:
        Their rows by image and class, then best score first; a number for image and class, ascending; the rank there.
    """
    # Stable sorts, so equal scores keep the given order: pycocotools' mergesort.
    order = ascending(detections.image, ascending(detections.labels, best_first(detections.scores)))
    group = _group(detections.image[order], detections.labels[order])
    rank = places_in_runs(group)
    kept = rank < max_detections
    return order[kept], group[kept], rank[kept]


def _group(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    # One number for image and label, ascending by image.
    return image.astype(np.int64) * (_LARGEST_LABEL + 1) + labels


def _sorted_stably(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(values, kind="stable")
    return values[order], order


def _packed(dtype: np.dtype, **columns: np.ndarray) -> np.ndarray:
    table = np.empty(len(columns["label"]), dtype=dtype)
    for name, values in columns.items():
        table[name] = values
    return table
