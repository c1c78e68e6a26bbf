"""TIDE's error types told box by box in plain loops, with the departures of `error_types`; slow, for tests only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.components.metrics.oracle import pycocotools_iou

HIT, IGNORED = "hit", "ignored"
AIMS = ("localization", "classification")


@dataclass(frozen=True)
class Box:
    """A detection: what it is, and which object it hits or would hit."""

    row: int
    image: int
    label: int
    score: float
    kind: str = ""
    target: int = -1


@dataclass(frozen=True)
class Judged:
    """The types of all detections, and the objects without a detection, with and without one that aims at them."""

    boxes: list[Box]
    lost: set[int]
    missed: set[int]


def judge(truth: TruthColumns, detections: DetectionColumns) -> Judged:
    """The types at IoU .5 and .1."""
    order = sorted(range(len(detections.scores)), key=lambda row: (-detections.scores[row], detections.image[row]))
    iou = pycocotools_iou(detections.boxes_xywh_px, truth.boxes_xywh_px, truth.is_crowd)
    seen: dict[tuple[int, int], int] = {}
    found: set[int] = set()
    boxes = []
    for row in order:
        box = Box(row, int(detections.image[row]), int(detections.labels[row]), float(detections.scores[row]))
        seen[box.image, box.label] = seen.get((box.image, box.label), 0) + 1
        objects = [o for o in range(len(truth.labels)) if truth.image[o] == box.image]
        own = [o for o in objects if truth.labels[o] == box.label]
        free = [o for o in own if not truth.is_crowd[o] and o not in found and iou[row, o] >= 0.5]
        if seen[box.image, box.label] > 100:
            boxes.append(replace(box, kind=IGNORED))
        elif free:
            best = max(free, key=lambda o: (iou[row, o], o))
            found.add(best)
            boxes.append(replace(box, kind=HIT, target=best))
        elif any(truth.is_crowd[o] and iou[row, o] >= 0.5 for o in own):
            boxes.append(replace(box, kind=IGNORED))
        else:
            boxes.append(box)
    boxes = [box if box.kind else _wrong(box, truth, iou[box.row]) for box in boxes]
    aims = {box.target for box in boxes if box.kind in AIMS}
    lost = {o for o in range(len(truth.labels)) if not truth.is_crowd[o]} - found
    return Judged([_first_of_its_object(box, boxes, found) for box in boxes], lost, lost - aims)


def _wrong(box: Box, truth: TruthColumns, iou: np.ndarray) -> Box:
    objects = [o for o in range(len(truth.labels)) if truth.image[o] == box.image and not truth.is_crowd[o]]
    own = max((o for o in objects if truth.labels[o] == box.label), key=lambda o: (iou[o], -o), default=None)
    other = max((o for o in objects if truth.labels[o] != box.label), key=lambda o: (iou[o], -o), default=None)
    if own is not None and 0.1 <= iou[own] <= 0.5:
        return replace(box, kind="localization", target=own)
    if other is not None and iou[other] >= 0.5:
        return replace(box, kind="classification", target=other)
    if own is not None and iou[own] > 0.5:
        return replace(box, kind="duplicate")
    if other is None or iou[other] <= 0.1:
        return replace(box, kind="background")
    return replace(box, kind="both")


def _first_of_its_object(box: Box, boxes: list[Box], found: set[int]) -> Box:
    aiming = [other for other in boxes if other.target == box.target and other.kind in AIMS]
    return box if box.kind == HIT or (box.target not in found and aiming[:1] == [box]) else replace(box, target=-1)


def ap50(truth: TruthColumns, judged: Judged, fixed: str = "") -> float:
    """Mean AP with one type of error put right, in a loop over recall points."""
    dropped = {"missed": judged.missed, "false_negative": judged.lost}.get(fixed, set())
    objects = [o for o in range(len(truth.labels)) if not truth.is_crowd[o]]
    found = []
    for label in sorted({int(truth.labels[o]) for o in objects}):
        left = [o for o in objects if truth.labels[o] == label and o not in dropped]
        hits = [hit for box in judged.boxes for at, hit in _after(box, fixed, truth) if at == label]
        found.append(_ap(hits, len(left)))
    return sum(found) / len(found) if found else float("nan")


def _after(box: Box, fixed: str, truth: TruthColumns) -> list[tuple[int, bool]]:
    """What is left of a detection: its label and whether it hits."""
    if box.kind == IGNORED:
        return []
    if box.kind == HIT:
        return [(box.label, True)]
    if box.kind == fixed and box.target >= 0:
        return [(int(truth.labels[box.target]), True)]
    return [] if fixed in (box.kind, "false_positive") else [(box.label, False)]


def _ap(hits: list[bool], num_truth: int) -> float:
    if not num_truth:
        return 1.0
    points = [(sum(hits[: k + 1]) / num_truth, sum(hits[: k + 1]) / (k + 1)) for k in range(len(hits))]
    at = [max((precision for recall, precision in points if recall >= r), default=0.0) for r in np.linspace(0, 1, 101)]
    return sum(at) / len(at)
