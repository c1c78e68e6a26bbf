"""Objects and detections as they are drawn over their images, and what of them changed; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ratchet.components.metrics.error_types import DETECTION_CODES
from ratchet.components.pages.overlay import LOST, RIGHT, WRONG, Box, Layer
from ratchet.components.review import changes as changed
from ratchet.components.review.boxes import Boxes
from ratchet.components.review.changes import Change, Seen, changes, changes_in_words, errors_in_words, seen_by
from ratchet.components.review.content import ChangedBox, GalleryImage
from ratchet.components.review.pairing import WELL_IOU, Pairing, pair_off
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, rows_of

MOST_BOXES = 100  # a layer of an image; more would hide it
LEAST_SCORE = 0.05  # of detections that the slider can bring up
TRUTH = "truth"
_TITLES = {TRUTH: "ground truth", BASELINE: "baseline", CANDIDATE: "candidate"}
_WRONG = {
    "classification": "another class than the object",
    "localization": "right class, but the box fits badly",
    "both": "another class, and the box fits badly",
    "duplicate": "a second detection of one object",
    "background": "nothing labelled there",
}


def shown_images(boxes: Boxes, points: Mapping[str, np.ndarray]) -> list[GalleryImage]:
    """The images with what is drawn over them, still without their pictures and the errors of their figures.

    Args:
        boxes: objects and detections of the images.
        points: by model, [K + 1] the score from which a detection of a label counts.
    """
    if not boxes.images:
        return []
    seen, images = seen_by(boxes, points), range(len(boxes.images))
    faint = {model: _drawn(found, points[model], len(images)) for model, found in boxes.found.items()}
    pairings = {model: pair_off(boxes.objects, found) for model, found in faint.items()}
    ordered = [model for model in (BASELINE, CANDIDATE) if model in seen]
    layers = [_objects(boxes, seen, faint, pairings)]
    layers += [_detections(boxes, model, faint[model], points[model], pairings[model]) for model in ordered]
    moved = changes(boxes, seen)
    return [
        GalleryImage(
            file_name=boxes.images[place].file_name,
            size_px=boxes.images[place].size_px,
            jpeg=b"",
            layers=tuple(of_images[place] for of_images in layers),
            errors={},
            words={model: errors_in_words(boxes, seen[model], place) for model in ordered},
            change=changes_in_words([each.kind for each in own], BASELINE in seen),
            changed=tuple(_changed(boxes, seen, each) for each in own),
        )
        for place in images
        for own in [_worst_first(each for each in moved if each.image == place)]
    ]


def _worst_first(moved) -> list[Change]:
    return sorted(moved, key=lambda each: changed.KINDS.index(each.kind))


def _drawn(found: DetectionColumns, points: np.ndarray, images: int) -> DetectionColumns:
    """Of each image the surest detections: all that count, and fainter ones."""
    rows = np.flatnonzero((found.scores >= LEAST_SCORE) | (found.scores >= points[found.labels]))
    rows = rows[np.lexsort((-found.scores[rows], found.image[rows]))]
    starts = np.searchsorted(found.image[rows], np.arange(images))
    place = np.arange(len(rows)) - starts[found.image[rows]]
    return rows_of(found, rows[place < MOST_BOXES])


def _objects(
    boxes: Boxes, seen: Mapping[str, Seen], faint: Mapping[str, DetectionColumns], pairings: Mapping[str, Pairing]
) -> list[Layer]:
    truth = boxes.objects
    scores = {model: pairing.scores(truth, faint[model]) for model, pairing in pairings.items()}
    drawn: list[list[Box]] = [[] for _ in boxes.images]
    for row, place in enumerate(truth.image.tolist()):
        lost = tuple(model for model in seen if _is_lost(seen[model], row) and not truth.is_crowd[row])
        name = boxes.class_names[truth.labels[row] - 1]
        words = "a crowd: not counted" if truth.is_crowd[row] else _fate_words(boxes, seen, row)
        found = {} if truth.is_crowd[row] else {model: _known(each[row]) for model, each in scores.items()}
        title = f"{_TITLES[TRUTH]}: {name}" + (f", {words}" if words else "")
        drawn[place].append(Box(_xywh(truth.boxes_xywh_px[row]), name, title, found=found, lost=lost))
    return [Layer(TRUTH, _TITLES[TRUTH], tuple(of_image[:MOST_BOXES])) for of_image in drawn]


def _is_lost(seen: Seen, row: int) -> bool:
    """Whether a model does not find an object, by its class and well enough, among what it is sure of."""
    return bool(np.isnan(seen.scores[row]))


def _fate_words(boxes: Boxes, seen: Mapping[str, Seen], row: int) -> str:
    lost = [model for model, each in seen.items() if _is_lost(each, row)]
    if not lost:
        return ""
    if len(seen) > 1 and len(lost) == len(seen):
        return "missed by both models"
    if len(seen) == 1:
        return "missed"
    return "missed by the candidate, found by the baseline" if CANDIDATE in lost else "missed by the baseline only"


def _known(score: float) -> float | None:
    return None if np.isnan(score) else float(score)


def _detections(boxes: Boxes, model: str, found: DetectionColumns, points: np.ndarray, pairing: Pairing) -> list[Layer]:
    codes = boxes.errors(found).detection_code
    overlap = np.ones(len(found.labels))
    overlap[pairing.partner[pairing.partner >= 0]] = pairing.iou[pairing.partner >= 0]
    drawn: list[list[Box]] = [[] for _ in boxes.images]
    for row in np.argsort(found.scores, kind="stable").tolist():  # the surest lies above
        kind = DETECTION_CODES[codes[row]]
        loosely = f"fits badly: IoU {overlap[row]:.2f}" if overlap[row] < WELL_IOU and kind == "hit" else ""
        box = _detection(boxes, found, row, points)
        words = _WRONG.get(kind, loosely)
        title = f"{_TITLES[model]}: {box.text}" + (f", {words}" if words else "")
        state = WRONG if kind in _WRONG else RIGHT
        drawn[int(found.image[row])].append(dataclasses.replace(box, title=title, state=state))
    return [Layer(model, _TITLES[model], tuple(of_image)) for of_image in drawn]


def _detection(boxes: Boxes, found: DetectionColumns, row: int, points: np.ndarray | None = None) -> Box:
    score, label = float(found.scores[row]), int(found.labels[row])
    return Box(
        _xywh(found.boxes_xywh_px[row]),
        f"{boxes.class_names[label - 1]} {score:.0%}",
        score=score,
        sure=points is None or score >= points[label],
    )


def _changed(boxes: Boxes, seen: Mapping[str, Seen], change: Change) -> ChangedBox:
    """What changed, with its boxes alone: the object, and what each model makes of it."""
    name = boxes.class_names[change.label - 1]
    layers = []
    if change.truth >= 0:
        lost = change.kind == changed.LOST
        box = Box(_xywh(boxes.objects.boxes_xywh_px[change.truth]), name, f"labelled {name}", LOST if lost else RIGHT)
        layers.append(Layer(TRUTH, _TITLES[TRUTH], (box,)))
    for model, row in change.rows.items():
        if row >= 0:
            box = _detection(boxes, seen[model].found, row)
            wrong = change.truth < 0 or boxes.objects.labels[change.truth] != seen[model].found.labels[row]
            box = dataclasses.replace(box, title=f"{model}: {box.text}", state=WRONG if wrong else RIGHT)
            layers.append(Layer(model, _TITLES[model], (box,)))
    return ChangedBox(change.kind, name, _told(boxes, seen, change, name), tuple(layers))


def _told(boxes: Boxes, seen: Mapping[str, Seen], change: Change, name: str) -> str:
    texts = {model: _detection(boxes, seen[model].found, row).text for model, row in change.rows.items() if row >= 0}
    if change.truth < 0:
        return next(iter(texts.values()))
    read = texts.get(CANDIDATE, "missed")
    return f"{name}: {read}" if change.kind in (changed.LOST, changed.MISREAD) else name


def _xywh(box: np.ndarray) -> tuple[float, float, float, float]:
    x, y, width, height = (round(float(value), 2) for value in box)
    return x, y, width, height
