"""Boxes over golden images: which of them are drawn, and what each of them is; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.metrics.error_types import DETECTION_CODES
from components.review.content import CORRECT, MISSED, WRONG, ShownBox
from schemas.artifacts.evaluation import BASELINE, CANDIDATE
from schemas.data.columns import DetectionColumns, TruthColumns

MOST_BOXES = 100  # a layer of an image; more would hide it

_WORDS = {
    "classification": "another class than the object",
    "localization": "right class, but the box fits badly",
    "both": "another class, and the box fits badly",
    "duplicate": "a second detection of one object",
    "background": "nothing labelled there",
}


def shown_truth(
    truth: TruthColumns, missed: Mapping[str, np.ndarray], class_names: Sequence[str], images: int
) -> list[tuple[ShownBox, ...]]:
    """Labelled boxes of each image.

    Args:
        truth: the objects of the images.
        missed: by model, [n] bool: whether nothing was found of an object.
        class_names: in label order.
        images: how many there are.
    """
    shown: list[list[ShownBox]] = [[] for _ in range(images)]
    lost = missed[CANDIDATE]
    for row, place in enumerate(truth.image.tolist()):
        name = class_names[int(truth.labels[row]) - 1]
        state = MISSED if lost[row] and not truth.is_crowd[row] else CORRECT
        what = _truth_words(row, missed, bool(truth.is_crowd[row]))
        shown[place].append(ShownBox(_box(truth.boxes_xywh_px[row]), name, state, what))
    return [tuple(boxes[:MOST_BOXES]) for boxes in shown]


def _truth_words(row: int, missed: Mapping[str, np.ndarray], crowd: bool) -> str:
    if crowd:
        return "a crowd: not counted"
    by_baseline = BASELINE in missed and missed[BASELINE][row]
    if not missed[CANDIDATE][row]:
        return "missed by the baseline only" if by_baseline else ""
    if BASELINE not in missed:
        return "missed"
    return "missed by both models" if by_baseline else "missed by the candidate, found by the baseline"


def shown_found(
    found: DetectionColumns, types: np.ndarray, class_names: Sequence[str], images: int
) -> list[tuple[ShownBox, ...]]:
    """Detections of each image, the surest first.

    Args:
        found: of one model.
        types: [m] error type of each, a place in `error_types.DETECTION_CODES`.
        class_names: in label order.
        images: how many there are.
    """
    shown: list[list[ShownBox]] = [[] for _ in range(images)]
    for row in np.argsort(-found.scores, kind="stable").tolist():
        kind = DETECTION_CODES[int(types[row])]
        text = f"{class_names[int(found.labels[row]) - 1]} {found.scores[row]:.0%}"
        state = WRONG if kind in _WORDS else CORRECT
        box = ShownBox(_box(found.boxes_xywh_px[row]), text, state, _WORDS.get(kind, ""))
        shown[int(found.image[row])].append(box)
    return [tuple(boxes[:MOST_BOXES]) for boxes in shown]


def _box(xywh_px: np.ndarray) -> tuple[float, float, float, float]:
    x, y, width, height = (round(float(value), 2) for value in xywh_px)
    return x, y, width, height
