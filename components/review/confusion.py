"""Which classes a model takes for which others: objects and sure detections, paired off once; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import BoxPairs, overlapping
from ratchet.components.metrics.greedy import match_greedily
from ratchet.components.review.boxes import Boxes, sure
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

LEAST_IOU = 0.5
NONE = 0  # the label of what is not there: a missed object is found as it, a false detection is one of it

Counts = Mapping[tuple[int, int], int]  # by label of the object and label of the detection


@dataclass(frozen=True)
class Confusion:
    """How often objects of one class were found as another.

    Attributes:
        names: of the classes, in label order from 1.
        counts: by model.
        images: that were counted in.
        of: images in all.
    """

    names: tuple[str, ...]
    counts: Mapping[str, Counts]
    images: int
    of: int


def confusion(boxes: Boxes, thresholds: Mapping[str, Mapping[str, float]], of: int) -> Confusion:
    """Pairs off objects and the detections that are sure enough to be shown.

    Args:
        boxes: of the images to count in.
        thresholds: the score from which a detection counts, by model and class name; others do not.
        of: images in all.
    """
    counts = {}
    for model, found in boxes.found.items():
        points = np.array([np.inf, *(thresholds[model].get(name, np.inf) for name in boxes.class_names)])
        counts[model] = confused(boxes.objects, sure(found, points))
    return Confusion(boxes.class_names, counts, len(boxes.images), of)


def confused(truth: TruthColumns, found: DetectionColumns) -> Counts:
    """Counts of one model; an object takes one detection and a detection one object.

    First within each class, so that what is right is right; what is left then over all classes. Detections that lie in
    a crowd of their class are left out, as COCO does.

    Args:
        truth: the objects.
        found: the detections, all of which count.
    """
    pairs = _best_first(
        overlapping(found.image, found.boxes_xywh_px, truth.image, truth.boxes_xywh_px, truth.is_crowd, LEAST_IOU),
        found,
    )
    image, same = found.image[pairs.one], found.labels[pairs.one] == truth.labels[pairs.other]
    crowd = truth.is_crowd[pairs.other]
    right = match_greedily(image, pairs.one, pairs.other, same & ~crowd)
    settled, taken = np.zeros(len(found.labels), np.bool_), truth.is_crowd.copy()
    settled[pairs.one[right]] = taken[pairs.other[right]] = True
    settled[pairs.one[same & crowd]] = True
    wrong = match_greedily(image, pairs.one, pairs.other, ~(settled[pairs.one] | taken[pairs.other]))
    settled[pairs.one[wrong]] = taken[pairs.other[wrong]] = True
    matched = right | wrong
    seen = Counter(zip(truth.labels[pairs.other[matched]].tolist(), found.labels[pairs.one[matched]].tolist()))
    seen += Counter((label, NONE) for label in truth.labels[~taken].tolist())
    seen += Counter((NONE, label) for label in found.labels[~settled].tolist())
    return dict(seen)


def _best_first(pairs: BoxPairs, found: DetectionColumns) -> BoxPairs:
    """Image by image, the surest detection first, and its nearest object first; of equal ones the last, as in COCO."""
    order = np.lexsort((-pairs.other, -pairs.iou, pairs.one, -found.scores[pairs.one], found.image[pairs.one]))
    return BoxPairs(pairs.one[order], pairs.other[order], pairs.iou[order])


def mixed_up(found: Confusion, model: str) -> list[tuple[int, int]]:
    """The pairs of two classes that the model takes for one another, the most frequent first."""
    counts = found.counts[model]
    pairs = [pair for pair in counts if NONE not in pair and pair[0] != pair[1]]
    return sorted(pairs, key=lambda pair: (-counts[pair], pair))


def most_confused(found: Confusion, model: str, most: int) -> Sequence[int]:
    """The classes to show in a matrix, by label: all where they are few, else those that are mixed up most."""
    if len(found.names) <= most:
        return range(1, len(found.names) + 1)
    weight: Counter[int] = Counter()
    for pair in mixed_up(found, model):
        for label in pair:
            weight[label] += found.counts[model][pair]
    return sorted(label for label, _ in weight.most_common(most))
