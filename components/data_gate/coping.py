"""Does the served model cope with a span? How it does there beside how it does on the golden set; pure.

A detector is retrained because its world moves. A span that is unlike the training data, but in which the model finds
what is labelled and little else, is such a move; where it does not, images or labels may be at fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.data_gate.labels.profile import Profile, single_labels
from components.metrics.boxes import overlapping
from components.metrics.greedy import match_greedily
from schemas.base.formatting import percent
from schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_MATCH_IOU = 0.5
_FEWEST_LABELS = 20  # on either side; with fewer nothing is said


@dataclass(frozen=True)
class Behaviour:
    """How a model does on some images, at one score.

    Attributes:
        recall: share of the labelled objects that it finds as what they are, at IoU .5.
        precision: share of what it finds that is labelled so.
        labels: how many objects are labelled.
    """

    recall: float
    precision: float
    labels: int

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.recall * self.precision / max(1e-12, self.recall + self.precision)


@dataclass(frozen=True)
class Coping:
    """The served model in the span beside the golden set.

    Attributes:
        span: how it does in the span.
        golden: how it does on the golden set.
        tolerance: share of the golden set's recall, and precision, by which the span's may be lower.
    """

    span: Behaviour
    golden: Behaviour
    tolerance: float

    @property
    def copes(self) -> bool:
        """Whether it finds about as much, and as little else, in the span."""
        least = 1 - self.tolerance
        return self.span.recall >= least * self.golden.recall and self.span.precision >= least * self.golden.precision

    def __str__(self) -> str:
        """In words."""
        return (
            f"it finds {percent(self.span.recall)} of the labelled objects (golden set: "
            f"{percent(self.golden.recall)}), and {percent(self.span.precision)} of what it finds is labelled "
            f"({percent(self.golden.precision)})"
        )


def coping_of(span: Profile, golden: Profile, tolerance: float) -> Coping | None:
    """Compares how the model does in two data sets.

    Args:
        span: the new images, in the label map of the model.
        golden: the golden set, in the same.
        tolerance: see `Coping`.

    Returns:
        None if there are too few labels to say, or the model finds nothing on the golden set.
    """
    usual = _outcomes(golden)
    score = _best_score(usual)
    if score is None:
        return None
    found, known = (_behaviour(outcomes, score) for outcomes in (_outcomes(span), usual))
    if min(found.labels, known.labels) < _FEWEST_LABELS:
        return None
    return Coping(found, known, tolerance)


@dataclass(frozen=True, eq=False)
class _Outcomes:
    """Scores [m] of detections, descending, whether each is right, and how many labels there are."""

    scores: np.ndarray
    is_right: np.ndarray
    labels: int


def _outcomes(profile: Profile) -> _Outcomes:
    """Of classes that the model knows: where it sees an object of another one, nothing is held against it."""
    labels, _ = single_labels(profile.truth)
    unknown, known = rows_of(labels, labels.labels <= 0), rows_of(labels, labels.labels > 0)
    crowds = rows_of(profile.truth, profile.truth.is_crowd)
    found = profile.found
    for ignored in (unknown, crowds):
        covered = overlapping(found.image, found.boxes_xywh_px, ignored.image, ignored.boxes_xywh_px, ignored.is_crowd)
        keep = np.ones(len(found.scores), np.bool_)
        keep[covered.one[covered.iou >= _MATCH_IOU]] = False
        found = rows_of(found, keep)
    return _Outcomes(*_scored(found, known), len(known.labels))


def _scored(found: DetectionColumns, labels: TruthColumns) -> tuple[np.ndarray, np.ndarray]:
    found = rows_of(found, np.argsort(-found.scores, kind="stable"))
    pairs = overlapping(found.image, found.boxes_xywh_px, labels.image, labels.boxes_xywh_px, least_iou=_MATCH_IOU)
    same = found.labels[pairs.one] == labels.labels[pairs.other]
    one, other, iou = pairs.one[same], pairs.other[same], pairs.iou[same]
    order = np.lexsort((-iou, one, found.image[one]))  # the surest detection chooses first, and the nearest label
    one, other = one[order], other[order]
    matches = match_greedily(found.image[one], one, other, np.ones(len(one), np.bool_))
    is_right = np.zeros(len(found.scores), np.bool_)
    is_right[one[matches]] = True
    return found.scores, is_right


def _best_score(outcomes: _Outcomes) -> float | None:
    """The score with the best F1, of which `Behaviour` speaks."""
    right = np.cumsum(outcomes.is_right)
    if not right.size or not right[-1]:
        return None
    f1 = 2 * right / (np.arange(1, len(right) + 1) + outcomes.labels)
    return float(outcomes.scores[int(np.argmax(f1))])


def _behaviour(outcomes: _Outcomes, score: float) -> Behaviour:
    counted = outcomes.scores >= score
    right = int(np.count_nonzero(outcomes.is_right & counted))
    return Behaviour(right / max(1, outcomes.labels), right / max(1, int(counted.sum())), outcomes.labels)
