"""Does the served model cope with a span? How it does there beside how it does on the golden set; pure.

A detector is retrained because its world moves. A span that is unlike the training data, but in which the model finds
what is labelled and little else, is such a move; where it does not, images or labels may be at fault.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ratchet.components.data_gate.embeddings import distances, projection
from ratchet.components.labels.profile import Profile, single_labels
from ratchet.components.metrics.boxes import overlapping
from ratchet.components.metrics.greedy import match_greedily
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_MATCH_IOU = 0.5
_FEWEST_LABELS = 20  # on either side; with fewer nothing is said
_NEAREST = 10  # golden images that an image of the span is held against
_FEWEST_GOLDEN = 10  # that have to speak, as a number of equal voices; otherwise all do
_CHANCE = 0.05  # of calling a model lost that copes, one-sided


@dataclass(frozen=True)
class Behaviour:
    """How a model does on some images, at one score.

    Attributes:
        recall: share of the labelled objects that it finds as what they are, at IoU .5.
        precision: share of what it finds that is labelled so.
        f1: their harmonic mean.
        recall_error: standard error of `recall`, with images as clusters.
        f1_error: the same of `f1`.
    """

    recall: float
    precision: float
    f1: float
    recall_error: float
    f1_error: float


@dataclass(frozen=True)
class Coping:
    """The served model in the span beside the golden set.

    Attributes:
        span: how it does in the span.
        golden: how it does on those images of the golden set that look most like the span's.
        tolerance: share of the golden set's recall, and F1, by which the span's may be lower.
        asked: of how many parts of a span the same is asked: the more, the surer it must be that it does not cope.
    """

    span: Behaviour
    golden: Behaviour
    tolerance: float
    asked: int = 1

    @property
    def copes(self) -> bool:
        """Whether it is not shown to find less in the span, or more that is not labelled, than is tolerated."""
        least, span, golden = 1 - self.tolerance, self.span, self.golden
        sure = float(norm.isf(_CHANCE / self.asked))
        return (
            span.recall + sure * math.hypot(span.recall_error, least * golden.recall_error) >= least * golden.recall
            and span.f1 + sure * math.hypot(span.f1_error, least * golden.f1_error) >= least * golden.f1
        )

    def __str__(self) -> str:
        """In words."""
        span, golden = self.span, self.golden
        words = (
            f"it finds {percent(span.recall)} of the labelled objects ({percent(golden.recall)} in golden images like "
            "these)"
        )
        if span.precision < golden.precision and not self.copes:
            words += f", and {percent(span.precision)} of what it finds is labelled ({percent(golden.precision)})"
        return words


def coping_of(
    span: Profile,
    golden: Profile,
    tolerance: float,
    span_embeddings: np.ndarray | None = None,
    golden_embeddings: np.ndarray | None = None,
    asked: int = 1,
) -> Coping | None:
    """Compares how the model does in two data sets.

    A span of one site is not as hard as a golden set of several; so each of its images is held against those golden
    ones that look most like it.

    Args:
        span: the new images, in the label map of the model.
        golden: the golden set, in the same.
        tolerance: see `Coping`.
        span_embeddings: [n, d] what the model's backbone makes of the span's images; None: nothing is known of looks.
        golden_embeddings: [m, d] the same of the golden set's.
        asked: see `Coping`.

    Returns:
        None if there are too few labels to say, or the model finds nothing on the golden set.
    """
    usual, here = _outcomes(golden), _outcomes(span)
    score = _best_score(usual)
    if score is None or min(usual.labels.sum(), here.labels.sum()) < _FEWEST_LABELS:
        return None
    weights = np.ones(len(golden.file_names))
    if span_embeddings is not None and golden_embeddings is not None and span_embeddings.shape[1]:
        weights = _alike(span_embeddings, golden_embeddings)
    known = _behaviour(usual, score, weights)
    return Coping(_behaviour(here, score, np.ones(len(span.file_names))), known, tolerance, asked) if known.f1 else None


def _alike(span: np.ndarray, golden: np.ndarray) -> np.ndarray:
    """[m] how often each golden image is among those that an image of the span looks most like."""
    project = projection(golden)
    nearest = np.argsort(distances(project(span), project(golden)), axis=1)[:, :_NEAREST]
    weights = np.bincount(nearest.ravel(), minlength=len(golden)).astype(np.float64)
    if weights.sum() ** 2 < _FEWEST_GOLDEN * (weights**2).sum():
        return np.ones(len(golden))
    return weights


@dataclass(frozen=True, eq=False)
class _Outcomes:
    """Detections by descending score, and the labels of each image.

    Attributes:
        image: [m] int64, of each detection.
        scores: [m].
        is_right: [m] bool.
        labels: [i] how many objects are labelled in each image.
    """

    image: np.ndarray
    scores: np.ndarray
    is_right: np.ndarray
    labels: np.ndarray


def _outcomes(profile: Profile) -> _Outcomes:
    """Of classes that the model knows: where it sees an object of another one, nothing is held against it."""
    labels = single_labels(profile.truth)
    unknown, known = rows_of(labels, labels.labels <= 0), rows_of(labels, labels.labels > 0)
    crowds = rows_of(profile.truth, profile.truth.is_crowd)
    found = profile.found
    for ignored in (unknown, crowds):
        covered = overlapping(found.image, found.boxes_xywh_px, ignored.image, ignored.boxes_xywh_px, ignored.is_crowd)
        keep = np.ones(len(found.scores), np.bool_)
        keep[covered.one[covered.iou >= _MATCH_IOU]] = False
        found = rows_of(found, keep)
    return _scored(found, known, len(profile.file_names))


def _scored(found: DetectionColumns, labels: TruthColumns, images: int) -> _Outcomes:
    found = rows_of(found, np.argsort(-found.scores, kind="stable"))
    pairs = overlapping(found.image, found.boxes_xywh_px, labels.image, labels.boxes_xywh_px, least_iou=_MATCH_IOU)
    same = found.labels[pairs.one] == labels.labels[pairs.other]
    one, other, iou = pairs.one[same], pairs.other[same], pairs.iou[same]
    order = np.lexsort((-iou, one, found.image[one]))  # the surest detection chooses first, and the nearest label
    one, other = one[order], other[order]
    matches = match_greedily(found.image[one], one, other, np.ones(len(one), np.bool_))
    is_right = np.zeros(len(found.scores), np.bool_)
    is_right[one[matches]] = True
    return _Outcomes(found.image, found.scores, is_right, np.bincount(labels.image, minlength=images))


def _best_score(outcomes: _Outcomes) -> float | None:
    """The score with the best F1, of which `Behaviour` speaks."""
    right = np.cumsum(outcomes.is_right)
    if not right.size or not right[-1]:
        return None
    f1 = 2 * right / (np.arange(1, len(right) + 1) + outcomes.labels.sum())
    return float(outcomes.scores[int(np.argmax(f1))])


def _behaviour(outcomes: _Outcomes, score: float, weights: np.ndarray) -> Behaviour:
    counted, images = outcomes.scores >= score, len(outcomes.labels)
    found = np.bincount(outcomes.image[counted], minlength=images)
    right = np.bincount(outcomes.image[counted & outcomes.is_right], minlength=images)
    recall, recall_error = _ratio(right, outcomes.labels, weights)
    precision, _ = _ratio(right, found, weights)
    f1, f1_error = _ratio(2 * right, outcomes.labels + found, weights)
    return Behaviour(recall, precision, f1, recall_error, f1_error)


def _ratio(part: np.ndarray, whole: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """A ratio of sums over images, and its standard error by linearisation."""
    total = float((weights * whole).sum())
    if not total:
        return 0.0, 0.0
    ratio = float((weights * part).sum()) / total
    return ratio, float(np.linalg.norm(weights * (part - ratio * whole))) / total
