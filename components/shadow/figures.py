"""How often two models disagree, by camera, hour and class; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.shadow.intervals import share_interval
from ratchet.components.shadow.pairs import NOBODY, Paired
from ratchet.schemas.artifacts.shadow import Disagreement, ReadAs, ScoreShift

USUAL_SCORE = 0.5  # of a model of which no operating point is known


@dataclass(frozen=True, eq=False)
class Objects:
    """Every object that one of the models finds, or both.

    Attributes:
        images: how many there are.
        image: [o] int64, position of its image.
        label: [o] int64, as the served model reads it; of what is new, as the candidate does.
        kind: [o] int64, one of AGREED, OTHER_CLASS, MISSED and NEW.
        faint: [o] bool, of what one model misses: whether it finds it, not sure enough.
        score: [o] float64, of the surer detection.
    """

    images: int
    image: np.ndarray
    label: np.ndarray
    kind: np.ndarray
    faint: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, paired: Paired) -> Objects:
        """Those of paired detections: one a detection of the served model, then what is new."""
        alone = paired.served_partner == NOBODY
        kind = np.where(alone, MISSED, np.where(paired.same_class, AGREED, OTHER_CLASS))
        new = np.flatnonzero(paired.candidate_partner == NOBODY)
        other = np.append(paired.candidate.scores, 0.0)[paired.served_partner]
        return cls(
            paired.images,
            np.concatenate([paired.served.image, paired.candidate.image[new]]),
            np.concatenate([paired.served.labels, paired.candidate.labels[new]]),
            np.concatenate([kind, np.full(len(new), NEW)]),
            np.concatenate([paired.served_faint, paired.candidate_faint[new]]),
            np.concatenate([np.maximum(paired.served.scores, other), paired.candidate.scores[new]]),
        )

    @property
    def weight(self) -> np.ndarray:
        """[images] by how much the models disagree in each: the scores of what they disagree about, summed."""
        apart = self.kind != AGREED
        return np.bincount(self.image[apart], self.score[apart], minlength=self.images)

    def in_images(self, chosen: np.ndarray) -> Disagreement:
        """The disagreement in some images; `chosen` is [images] bool."""
        return self._counted(chosen[self.image], chosen)

    def of_class(self, label: int) -> Disagreement:
        """That about the objects of a class, in the images that have one."""
        own = self.label == label
        return self._counted(own, np.bincount(self.image[own], minlength=self.images) > 0)

    def _counted(self, rows: np.ndarray, chosen: np.ndarray) -> Disagreement:
        kind, image, faint = self.kind[rows], self.image[rows], self.faint[rows]
        of = np.bincount(image, minlength=self.images)[chosen]
        apart = np.bincount(image[kind != AGREED], minlength=self.images)[chosen]
        by_kind = np.bincount(kind, minlength=NEW + 1).tolist()
        return Disagreement(
            images=len(of),
            images_apart=int(np.count_nonzero(apart)),
            agreed=by_kind[AGREED],
            other_class=by_kind[OTHER_CLASS],
            missed=by_kind[MISSED],
            new=by_kind[NEW],
            missed_faint=int(np.count_nonzero(faint & (kind == MISSED))),
            new_faint=int(np.count_nonzero(faint & (kind == NEW))),
            interval=share_interval(apart, of),
            images_interval=share_interval(apart > 0, np.ones(len(of))),
        )


AGREED, OTHER_CLASS, MISSED, NEW = range(4)


def by_part(objects: Objects, parts: Sequence[str]) -> dict[str, Disagreement]:
    """The disagreement in the images of each camera, or hour.

    Args:
        objects: what is found in all images.
        parts: [images] what each image belongs to.

    Returns:
        By name, in its order.
    """
    of = np.array(parts, np.object_)
    return {name: objects.in_images(of == name) for name in sorted(set(parts))}


def by_class(objects: Objects, names: Sequence[str]) -> dict[str, Disagreement]:
    """The disagreement about each class that was found; `names` are those of the labels 1..K."""
    found = set(objects.label.tolist())
    return {name: objects.of_class(label) for label, name in enumerate(names, start=1) if label in found}


def read_as(paired: Paired, names: Sequence[str]) -> tuple[ReadAs, ...]:
    """What the served model reads as one class and the candidate as another, the most frequent first."""
    rows = np.flatnonzero((paired.served_partner != NOBODY) & ~paired.same_class)
    others = paired.candidate.labels[paired.served_partner[rows]]
    counts = Counter(zip(paired.served.labels[rows].tolist(), others.tolist()))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ReadAs(names[int(one) - 1], names[int(other) - 1], count) for (one, other), count in ordered)


def score_shift(paired: Paired) -> ScoreShift:
    """How the candidate's scores differ where both find an object in one class."""
    rows = np.flatnonzero(paired.same_class)
    if not rows.size:
        return ScoreShift(0)
    moved = paired.candidate.scores[paired.served_partner[rows]] - paired.served.scores[rows]
    low, median, high = np.percentile(moved, (10, 50, 90)).tolist()
    return ScoreShift(len(rows), float(moved.mean()), low, median, high)


def usable_points(points: np.ndarray) -> np.ndarray:
    """Operating points [K + 1] without gaps: a class that has none gets the median of the others.

    >>> usable_points(np.array([np.inf, 0.25, np.inf, 0.75])).tolist()
    [0.5, 0.25, 0.5, 0.75]
    """
    finite = points[np.isfinite(points)]
    return np.where(np.isfinite(points), points, np.median(finite) if finite.size else USUAL_SCORE)
