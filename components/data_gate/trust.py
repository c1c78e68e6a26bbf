"""On which images the model can judge labels: those that look like images on which it was shown to be right; pure.

How a model contradicts labels means something only beside how it contradicts true ones, and that is known of the golden
set alone. On images that look otherwise a model draws its boxes tighter or wider, takes one class for another and sees
objects where there are none, and all of that would be held against labels that are true.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.drift import apart
from ratchet.components.data_gate.drift import known as values_there
from ratchet.components.data_gate.familiarity import familiarity
from ratchet.components.data_gate.settings import MINIMUM_EFFECT
from ratchet.components.labels.findings import worst_images
from ratchet.components.labels.matching import Matched
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.feature_sample import FeatureSample

FAMILIAR = "labels:familiar"
_NEAREST = 5  # images that an image is held against
_ALIKE = 3  # golden images like an image of the span, with which its labels are compared
_COVERED = 0.75  # part of these; the rest are golden images of other scenes that happen to be among the nearest
_FEWEST_COMPARED = 50  # golden images that a span is compared with whose images the model is familiar with
_FAMILIAR = 0.3  # median of `familiarity`; .5 is that of images of the training data's world
# Natural spans of blood cells and digits lie .91-1.07 times as far from the golden set as golden images do from each
# other, the same images with noise, blur, other light, colours or compression 1.15-10 times.
_NATURAL = 1.05
_FARTHER = 1.15  # of all images together, at which they look otherwise
_FARTHEST = 1.6  # of one image, alone
_PER_FARTHER = 2.0  # limits on drawing are so much wider for each of the natural distance
_NEW = 0.5  # limits on drawing are so much wider for images like which the model was not trained on
_FEW = 0.05  # share of images that the model does not know, from which on a person should look


@dataclass(frozen=True, eq=False)
class Trust:
    """Where the model can judge labels.

    Attributes:
        farther: [i] of each image of the span: how many times as far it lies from golden images as they from others.
        span: [i] bool, the images of the span whose labels it can judge.
        golden: [j] bool, the golden images that they are compared with.
        otherwise: 1 or more, by which limits on how boxes are drawn are wider: noise, blur and light shrink the model's
            own boxes or let them grow.
        is_new: whether the model is not familiar with them either: they can then only be compared with `golden`.
        is_told: whether the model says how images look to it, as an adopted one does not.
    """

    farther: np.ndarray
    span: np.ndarray
    golden: np.ndarray
    otherwise: float = 1.0
    is_new: bool = False
    is_told: bool = True

    @classmethod
    def everywhere(cls, span: Profile, golden: Profile) -> Trust:
        """Of a model that says nothing of how images look to it."""
        images, others = len(span.file_names), len(golden.file_names)
        return cls(np.ones(images), np.ones(images, np.bool_), np.ones(others, np.bool_))

    def of_images(self, keep: np.ndarray) -> Trust:
        """Of some images of the span; `keep` is [i] bool."""
        farther = self.farther[keep]
        return dataclasses.replace(self, farther=farther, span=_known(farther))

    def beside_parts(self, parts: Sequence[np.ndarray]) -> Trust:
        """Without the images of parts that look otherwise: a camera that went blind, among others that did not.

        Of an image alone chance is the farther; of many that have something in common it is not.

        Args:
            parts: [i] bool each, images of the span.
        """
        known = self.span.copy()
        for part in parts:
            known &= ~part | (np.median(self.farther[part]) <= _FARTHER if part.any() else True)
        return dataclasses.replace(self, span=known)

    @property
    def usual(self) -> float:
        """Of the median image."""
        return float(np.median(self.farther)) if len(self.farther) else 1.0


def trust(span: FeatureSample, golden: FeatureSample, training: Sequence[FeatureSample]) -> Trust:
    """Which images look like those on which the model was shown to be right.

    An image does if it lies as near to golden images as these to each other, or as near to training images as the
    golden images like it do: frames of one scene in the golden set are nearer to each other than to any new frame.

    Args:
        span: figures of its images, with the model's embeddings.
        golden: the same of the golden images.
        training: the same of the spans that the model was trained on; none are fine.

    Returns:
        All images if the model has no embeddings or there are too few golden images.
    """
    enough = min(len(span), len(golden) - 1) >= _NEAREST and golden.embeddings.shape[1] > 0
    if not enough:
        ones = np.ones(len(span))
        return Trust(ones, ones > 0, np.ones(len(golden), np.bool_), is_told=golden.embeddings.shape[1] > 0)
    of_span, of_golden = (each.embeddings.astype(np.float64) for each in (span, golden))
    to_golden = _distances(of_span, of_golden)
    like = np.argsort(to_golden, axis=1, kind="stable")[:, :_NEAREST]
    among = _distances(of_golden, of_golden)
    np.fill_diagonal(among, np.inf)
    farther = _nearest(to_golden) / _positive(_nearest(among)[like].mean(axis=1))
    for known in training:
        of_training = known.embeddings.astype(np.float64)
        if len(known) >= _NEAREST and _fits(known, golden):
            usual = _nearest(_distances(of_golden, of_training))[like].mean(axis=1)
            farther = np.minimum(farther, _nearest(_distances(of_span, of_training)) / _positive(usual))
    usual_of_all = float(np.median(farther))
    known = _known(farther)
    otherwise = 1 + _PER_FARTHER * max(0.0, usual_of_all - _NATURAL) + _beside(span, golden)
    if not known.any():
        return Trust(farther, known, np.ones(len(golden), np.bool_), otherwise)
    # What the model was trained on it judges as it does the rest. Of other images its errors are known of golden images
    # that are like them, and of no others.
    seen = np.concatenate([np.empty((0, of_golden.shape[1])), *(of.embeddings for of in training if _fits(of, golden))])
    is_familiar = float(np.median(familiarity(seen, of_span[known]))) >= _FAMILIAR
    compared = _compared(to_golden[known], _FEWEST_COMPARED if is_familiar else 0)
    return Trust(farther, known, compared, otherwise + (0.0 if is_familiar else _NEW), not is_familiar)


def _fits(sample: FeatureSample, golden: FeatureSample) -> bool:
    return sample.embeddings.shape[1] == golden.embeddings.shape[1]


def familiar_reason(trusted: Trust, span: Matched, enough: bool) -> Reason:
    """The rule `labels:familiar`: a warning if the labels of some images cannot be judged.

    Args:
        trusted: of the span.
        span: all labels of the span beside what the model sees.
        enough: whether the others are enough to judge labels by.
    """
    images, unknown, contradictions = len(trusted.span), ~trusted.span, _contradictions(span)
    expected = "images that look like those on which the served model was shown to be right"
    if not trusted.is_told:
        told = "the served model does not say how images look to it, so the labels of all are judged by it"
        return Reason(FAMILIAR, expected, told, passed=True, tested=False)
    if not unknown.any() and (enough or not trusted.is_new):
        actual = "all images look so"
    elif not unknown.any():
        actual = (
            "the served model was not trained on such images, and too few of them are in the golden set to judge by"
        )
    elif enough:
        count = np.count_nonzero(unknown)
        actual = f"the served model does not know {count} of {images} images; their labels are not judged"
    else:
        actual = "the served model does not know such images; where it contradicts their labels, either may be wrong"
    warning = images > 0 and bool(np.mean(unknown) > _FEW or (trusted.is_new and not enough))
    return Reason(
        FAMILIAR,
        expected,
        actual,
        passed=True,
        warning=warning,
        images=worst_images(span.profile, np.where(unknown | ~unknown.any(), contradictions, 0)) if warning else (),
        strength=round(trusted.usual / _FARTHER, 3),
        measure=f"the median image is {trusted.usual:.2g} times as far from golden and training images as golden "
        f"images are, at most {_FARTHER:g} times is known",
    )


def _known(farther: np.ndarray) -> np.ndarray:
    look_alike = len(farther) > 0 and np.median(farther) <= _FARTHER
    return farther <= (_FARTHEST if look_alike else -np.inf)


def _contradictions(span: Matched) -> np.ndarray:
    # [i] labels that the model does not find and what it sees that nobody labelled; a little for every image.
    images = len(span.profile.file_names)
    missed = np.bincount(span.labels.image[~span.is_found], minlength=images)
    unlabelled = np.bincount(span.sightings.image[~span.has_label], minlength=images)
    return missed + unlabelled + 1e-3


def _beside(span: FeatureSample, golden: FeatureSample) -> float:
    """How much farther the median image lies from golden ones in light, sharpness or colours than these from others.

    In the unit of what counts as drift, by the feature that moved most.
    """
    beside = [0.0]
    for feature, effect in MINIMUM_EFFECT.items():
        if feature in span.images and feature in golden.images:
            values, others = (values_there(side.images[feature]) for side in (span, golden))
            if not len(values) or len(others) <= _NEAREST:
                continue
            among = apart(feature, others[:, None], others)
            np.fill_diagonal(among, np.inf)
            farther = np.median(_nearest(apart(feature, values[:, None], others))) - np.median(_nearest(among))
            beside.append(float(farther) / effect)
    return max(beside)


def _compared(to_golden: np.ndarray, fewest: int) -> np.ndarray:
    # [j] bool. The golden images that are the nearest ones of the span's most often, and at least so many.
    images, golden = to_golden.shape
    if not images:
        return np.ones(golden, np.bool_)
    nearest = np.argsort(to_golden, axis=1, kind="stable")[:, :_ALIKE]
    times = np.bincount(nearest.ravel(), minlength=golden)
    order = np.argsort(-times, kind="stable")
    covered = np.cumsum(times[order])
    alike = np.zeros(golden, np.bool_)
    alike[order[: 1 + int(np.searchsorted(covered, _COVERED * covered[-1]))]] = True
    rank = np.argsort(np.argsort(to_golden, axis=1, kind="stable"), axis=1, kind="stable").min(axis=0)  # [j]
    near = rank <= np.sort(rank)[min(fewest, golden) - 1] if fewest else alike
    return alike | near


def _distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    squared = np.square(some).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * some @ others.T
    return np.sqrt(np.maximum(squared, 0))  # [n, m]


def _nearest(distances: np.ndarray) -> np.ndarray:
    return np.partition(distances, _NEAREST - 1, axis=1)[:, :_NEAREST].mean(axis=1)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 1e-9)
