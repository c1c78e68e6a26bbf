"""Label noise: the share of labels with a wrong class here and there, by all that the model sees; pure.

Of what looks like a class to the model at about a score, the golden set says how often it is labelled as each class. A
label by chance is any class but the true one. The span's labels are a mixture of both, and its share is what is sought.
A label counts by how much likelier chance makes it (the score of that share, where it is near `_AROUND`): one that the
golden set never has for what is seen counts much, one that the model often contradicts in the golden set little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.labels.findings import Excess

LOWEST_QUANTILE = 0.1  # of the scores of what is asked; below it models guess classes
_BINS = 4  # of scores: a model that is less sure agrees less
_BORROWED = 8.0  # objects of all classes that help to say how often it agrees on those of one class
_PSEUDO = 0.5  # objects that each confusion of two classes is taken to have been seen in
_AROUND = 0.1
_INFORMED = 0.05  # difference that chance has to make for anything to be said


@dataclass(frozen=True, eq=False)
class Seen:
    """Objects that the model finds.

    Attributes:
        image: [k] int64.
        looks_like: [k] int64, the class that the model sees, 1..K.
        labelled: [k] int64, the class of the label, 1..K.
        score_quantile: [k] 0..1, see `Matched`.
    """

    image: np.ndarray
    looks_like: np.ndarray
    labelled: np.ndarray
    score_quantile: np.ndarray

    @property
    def agrees(self) -> np.ndarray:
        """[k] bool."""
        return self.looks_like == self.labelled

    @property
    def bin(self) -> np.ndarray:
        """[k] int64, of its score."""
        return np.minimum((self.score_quantile * _BINS).astype(np.int64), _BINS - 1)


def label_noise(span: Seen, golden: Seen, classes: int, relative_recall: float) -> Excess:
    """Share of labels whose class is wrong by chance, beyond the golden set's.

    What the golden set has just once would be new in another one (Good, Biometrika 40, 1953). So each of its objects is
    held against the others.

    Args:
        span: the new labels.
        golden: the trusted ones.
        classes: K.
        relative_recall: 0..1, see `shortfall`; where a model finds less, it errs more in what it finds.
    """
    nothing = Excess(0.0, 1.0, 1)
    if classes < 2 or not len(span.image) or len(golden.image) < 2:
        return nothing
    agreement, confused = _agreement(golden, classes), _confusions(golden, classes)
    evidence, informed = _evidence(span, agreement[span.bin, span.looks_like], confused[span.looks_like])
    if not informed.mean() > _INFORMED:
        return nothing
    usual, _ = _evidence(golden, *_without_each(golden, agreement, confused))
    images = [len(np.unique(side.image)) for side in (span, golden)]
    of_span, of_golden = _error_of_mean(evidence, span.image), _error_of_mean(usual, golden.image)
    # If none were wrong, the span's labels would vary as the golden set's do.
    if_none = of_golden * np.sqrt(images[1] / images[0])
    error, error_if_none = np.hypot([of_span, if_none], of_golden) / informed.mean()
    # And if some were, never less than a share of so many objects does.
    error = max(error, np.hypot(error_if_none, np.sqrt(_AROUND * (1 - _AROUND) / len(span.image))))
    value = (evidence.mean() - usual.mean()) / informed.mean() - (1 - relative_recall)
    # The golden set's contradictions are few and tell badly how much they scatter: half of the way to the span's own.
    return Excess(min(1.0, float(value)), float(error), min(images), float(np.sqrt(error_if_none * error)))


def usual_labels(span: Seen, golden: Seen, classes: int) -> np.ndarray:
    """How often what looks like each object of the span is labelled as each class in the golden set, [k, K + 1]."""
    agreement, confused = _agreement(golden, classes), _confusions(golden, classes)
    return _usual(span, agreement[span.bin, span.looks_like], confused[span.looks_like])


def _usual(seen: Seen, agreement: np.ndarray, confused: np.ndarray) -> np.ndarray:
    rows = np.arange(len(seen.image))
    weights = confused.copy()
    weights[rows, seen.looks_like] = 0
    usual = weights / weights.sum(axis=1, keepdims=True) * (1 - agreement)[:, None]  # [k, K + 1]
    usual[rows, seen.looks_like] = agreement
    return usual


def _evidence(seen: Seen, agreement: np.ndarray, confused: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much each label speaks for chance beyond what is usual, and by how much it would if it were by chance.

    Args:
        seen: [k] objects.
        agreement: [k] how often such ones are labelled as they look.
        confused: [k, K + 1] objects of the golden set that look so, by label.
    """
    rows, classes = np.arange(len(seen.image)), confused.shape[1] - 1
    usual = _usual(seen, agreement, confused)
    chance = (1 - usual) / (classes - 1)
    chance[:, 0] = 0
    score = (chance - usual) / ((1 - _AROUND) * usual + _AROUND * chance + 1e-12)
    expected, if_chance = (usual * score).sum(axis=1), (chance * score).sum(axis=1)
    return score[rows, seen.labelled] - expected, if_chance - expected


def _agreement(golden: Seen, classes: int) -> np.ndarray:
    # [bins, K + 1] of each score and class; of few objects closer to what is usual for the score.
    agreement = np.empty((_BINS, classes + 1))
    agrees = golden.agrees.astype(np.float64)
    overall = (agrees.sum() + 1) / (len(agrees) + 2)
    usual = np.array([_shrunk(agrees[golden.bin == place], overall) for place in range(_BINS)])
    beside = agrees - usual[golden.bin]
    for label in range(classes + 1):
        own = beside[golden.looks_like == label]
        agreement[:, label] = usual + own.sum() / (len(own) + _BORROWED)
    return np.clip(agreement, 0.01, 1 - 0.5 / (len(agrees) + 1))


def _shrunk(agrees: np.ndarray, towards: float) -> float:
    return float((agrees.sum() + _BORROWED * towards) / (len(agrees) + _BORROWED))


def _confusions(golden: Seen, classes: int) -> np.ndarray:
    # [K + 1, K + 1] objects that look like one class, by label.
    counts = np.full((classes + 1, classes + 1), _PSEUDO)
    np.add.at(counts, (golden.looks_like, golden.labelled), 1)
    counts[:, 0] = 0
    return counts


def _without_each(golden: Seen, agreement: np.ndarray, confused: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # What would be usual without the object itself, of every object.
    of_class = np.bincount(golden.looks_like, minlength=agreement.shape[1])[golden.looks_like]
    own = agreement[golden.bin, golden.looks_like]
    without = own - (golden.agrees - own) / (of_class + _BORROWED)
    left = confused[golden.looks_like].copy()
    left[np.arange(len(of_class)), golden.labelled] -= 1
    return np.clip(without, 0.01, 1 - 0.5 / (len(of_class) + 1)), left


def _error_of_mean(values: np.ndarray, image: np.ndarray) -> float:
    # With images as clusters; never less than that of independent rows.
    beside = values - values.mean()
    between = np.square(np.bincount(image, weights=beside)).sum()
    return float(np.sqrt(max(between, np.square(beside).sum(), 0.25)) / len(values))
