"""Results that no detector made by looking at these images: of another set, of no set, or the labels themselves; pure.

A lost model looks like some of these, so each rule says what it saw and what else it could be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from ratchet.components.metrics.boxes import iou_of_pairs, overlapping
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import many, percent
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_MOST_IMAGES = 400  # that are looked at, evenly
_HIT_IOU = 0.5
_SHIFTS = 24  # other images that each image's detections are given to
_FEWEST_IMAGES, _FEWEST_OBJECTS, _FEWEST_DETECTIONS = 20, 20, 20
_SURE = 3.0  # standard errors
_ALIKE = 0.5  # of the objects hit by those of other images: then places tell images apart no more
_SAME = 0.9  # of the images, or of the detections
_EXACT_IOU = 0.9999  # a detector's floats never hit a labelled box so exactly, and rounded ones only here and there
_ORDERED = 0.55  # area under the ROC curve of scores, hits over misses; detectors reach .7 and more
_FEWEST_OF_BOTH = 30  # hits and misses


def dummy_results(
    images: int, truth: TruthColumns, found: Mapping[str, DetectionColumns], names: Mapping[str, str]
) -> list[Reason]:
    """What is wrong with results as those of a detector; nothing where nothing is.

    Args:
        images: how many there are.
        truth: their objects.
        found: detections by model.
        names: what each model is called in a sentence.
    """
    kept = _sampled(images)
    truth = rows_of(truth.of_images(kept), ~truth.of_images(kept).is_crowd)
    count = int(np.count_nonzero(kept))
    return [
        reason
        for model, name in names.items()
        if model in found
        for reason in _of_model(count, truth, found[model].of_images(kept), model, name)
    ]


def _sampled(images: int) -> np.ndarray:
    kept = np.zeros(images, np.bool_)
    kept[np.unique(np.linspace(0, images - 1, min(images, _MOST_IMAGES)).astype(np.int64))] = True
    return kept


def _of_model(images: int, truth: TruthColumns, found: DetectionColumns, model: str, name: str) -> Iterator[Reason]:
    if len(found.scores) < _FEWEST_DETECTIONS or len(truth.labels) < _FEWEST_OBJECTS:
        return
    if told := _is_truth(truth, found, name):
        yield _failed("labels", model, "results that a detector made", told)
    elif told := _same_everywhere(images, found, name):
        yield _failed("same_everywhere", model, "results that depend on the image", told)
    elif told := _of_other_images(images, truth, found, name):
        yield _failed("other_images", model, "results that belong to these images", told)
    elif told := _without_order(truth, found, name):
        yield _failed("scores", model, "scores that are higher where a model is right", told)


def _failed(rule: str, model: str, expected: str, actual: str) -> Reason:
    return Reason(f"trust:dummy_{rule}:{model}", expected, actual, passed=False)


def _is_truth(truth: TruthColumns, found: DetectionColumns, name: str) -> str:
    pairs = overlapping(found.image, found.boxes_xywh_px, truth.image, truth.boxes_xywh_px, least_iou=_HIT_IOU)
    iou = iou_of_pairs(
        found.boxes_xywh_px[pairs.one], truth.boxes_xywh_px[pairs.other], np.zeros(len(pairs.one), np.bool_)
    )
    exact = np.unique(pairs.one[(iou >= _EXACT_IOU) & (found.labels[pairs.one] == truth.labels[pairs.other])])
    share = len(exact) / len(found.scores)
    if share < _SAME:
        return ""
    of = f"the {many(len(found.scores), 'box')} of {name}"
    return f"{percent(share)} of {of} are labelled boxes to the last digit: the labels"


def _same_everywhere(images: int, found: DetectionColumns, name: str) -> str:
    if images < _FEWEST_IMAGES:
        return ""
    rows = np.column_stack([found.labels, np.round(found.boxes_xywh_px, 2), np.round(found.scores, 6)])
    seen: dict[bytes, int] = {}
    starts = np.searchsorted(np.sort(found.image), np.arange(images + 1))
    order = np.lexsort((*rows.T, found.image))
    for first, last in itertools.pairwise(starts):
        key = rows[order[first:last]].tobytes()
        seen[key] = seen.get(key, 0) + 1
    most = max(seen.values())
    if most < _SAME * images:
        return ""
    return f"{name} has the same boxes with the same scores in {most} of {many(images, 'image')}"


def _of_other_images(images: int, truth: TruthColumns, found: DetectionColumns, name: str) -> str:
    """Whether detections hit no more of their own images' objects than of other images'."""
    if images < _FEWEST_IMAGES:
        return ""
    own = _hits(truth, found, images, 0)
    shifts = np.unique(np.linspace(1, images - 1, _SHIFTS).astype(np.int64))
    others = np.array([_hits(truth, found, images, int(shift)) for shift in shifts])
    perfect = DetectionColumns(truth.image, truth.boxes_xywh_px, truth.labels, np.ones(len(truth.labels)))
    if _hits(truth, perfect, images, int(shifts[0])) > _ALIKE * len(truth.labels):
        return ""
    error = max(float(others.std()), float(np.sqrt(max(1.0, others.mean()))))
    if own > others.mean() + _SURE * error:
        return ""
    of = f"the boxes of {name} hit {{}} of {many(len(truth.labels), 'object')} in their own images"
    anyway = _hits(truth, found, images, 0, of_any_class=True)
    if 2 * anyway > len(truth.labels):
        return (
            f"{of.format(anyway)}, but {own} by their class: ids of classes in another order or counted from another "
            "number, in the results or in the training"
        )
    return (
        f"{of.format(own)}, and {others.mean():.0f} when they are given to other images: results of another set, ids "
        "of images in another order, or of a model that is lost"
    )


def _hits(truth: TruthColumns, found: DetectionColumns, images: int, shift: int, of_any_class: bool = False) -> int:
    image = (found.image + shift) % images
    pairs = overlapping(image, found.boxes_xywh_px, truth.image, truth.boxes_xywh_px, least_iou=_HIT_IOU)
    same = of_any_class | (found.labels[pairs.one] == truth.labels[pairs.other])
    return len(np.unique(pairs.other[same]))


def _without_order(truth: TruthColumns, found: DetectionColumns, name: str) -> str:
    if len(np.unique(found.scores)) == 1:
        return (
            f"all {many(len(found.scores), 'score')} of {name} are {found.scores[0]:g}, so that mAP is one of any order"
        )
    pairs = overlapping(found.image, found.boxes_xywh_px, truth.image, truth.boxes_xywh_px, least_iou=_HIT_IOU)
    hit = np.zeros(len(found.scores), np.bool_)
    hit[pairs.one[found.labels[pairs.one] == truth.labels[pairs.other]]] = True
    hits, misses = int(np.count_nonzero(hit)), int(np.count_nonzero(~hit))
    if min(hits, misses) < _FEWEST_OF_BOTH:
        return ""
    area = _area_under_roc(found.scores, hit)
    if area > _ORDERED:
        return ""
    return (
        f"a hit of {name} has a higher score than a miss in {percent(area)} of all pairs, as often as by chance: "
        "scores that are no detector's, or of other boxes"
    )


def _area_under_roc(scores: np.ndarray, hit: np.ndarray) -> float:
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    hits = int(np.count_nonzero(hit))
    return float((ranks[hit].sum() - hits * (hits + 1) / 2) / (hits * (len(scores) - hits)))
