"""Which classes a model takes for which others: objects and sure detections, paired off once; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.review.boxes import Boxes
from ratchet.components.review.changes import Seen
from ratchet.components.review.pairing import LEAST_IOU
from ratchet.schemas.data.columns import TruthColumns

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


def confusion(boxes: Boxes, seen: Mapping[str, Seen], of: int) -> Confusion:
    """Counts how objects and the detections that are sure enough to be shown were paired off.

    Args:
        boxes: of the images to count in.
        seen: the pairs, by model.
        of: images in all.
    """
    counts = {model: confused(boxes.objects, each) for model, each in seen.items()}
    return Confusion(boxes.class_names, counts, len(boxes.images), of)


def confused(truth: TruthColumns, seen: Seen) -> Counts:
    """Counts of one model.

    Detections that lie in a crowd of their class are left out, as COCO does.

    Args:
        truth: the objects.
        seen: the pairs.
    """
    pairing, labels = seen.pairing, seen.found.labels
    matched, counted = pairing.iou >= LEAST_IOU, ~truth.is_crowd
    near = (pairing.partner >= 0) & ~matched  # about the object, but not near enough to be it
    alone = np.concatenate([np.flatnonzero(pairing.false), pairing.partner[near]])
    counts = Counter(zip(truth.labels[matched].tolist(), labels[pairing.partner[matched]].tolist()))
    counts += Counter((label, NONE) for label in truth.labels[counted & ~matched].tolist())
    counts += Counter((NONE, label) for label in labels[alone].tolist())
    return dict(counts)


def mixed_up(found: Confusion, model: str) -> list[tuple[int, int]]:
    """The pairs of two classes that the model takes for one another, the most frequent first."""
    counts = found.counts[model]
    pairs = [pair for pair in counts if NONE not in pair and pair[0] != pair[1]]
    return sorted(pairs, key=lambda pair: (-counts[pair], pair))


def most_confused(found: Confusion, most: int) -> Sequence[int]:
    """The classes to show in a matrix, by label: all where they are few, else those that the models mix up most."""
    if len(found.names) <= most:
        return range(1, len(found.names) + 1)
    weight: Counter[int] = Counter()
    for model, counts in found.counts.items():
        for pair in mixed_up(found, model):
            for label in pair:
                weight[label] += counts[pair]
    return sorted(label for label, _ in sorted(weight.items(), key=lambda each: (-each[1], each[0]))[:most])
