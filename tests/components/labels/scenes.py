"""Scenes of labelled objects, and a detector that sees them about as well as a real one."""

from __future__ import annotations

import dataclasses

import numpy as np

from ratchet.components.labels.profile import Profile
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

SIDE_PX = 200.0
NAMES = ("ant", "bee", "cat", "dog", "elk")


@dataclasses.dataclass(frozen=True)
class Detector:
    """How well it sees: misses and wrong classes as shares, jitter as a fraction of the size, errors per image."""

    misses: float = 0.05
    confuses: float = 0.05
    jitter: float = 0.05
    errors: float = 0.5

    def detect(self, truth: TruthColumns, images: int, random: np.random.Generator) -> DetectionColumns:
        """Finds most of what is there, and a little that is not, of which it is less sure."""
        seen = np.flatnonzero(random.random(len(truth.labels)) >= self.misses)
        boxes = truth.boxes_xywh_px[seen]
        size = boxes[:, 2:] * np.exp(self.jitter * random.normal(size=(len(seen), 2)))
        centre = boxes[:, :2] + boxes[:, 2:] / 2 + self.jitter * boxes[:, 2:] * random.normal(size=(len(seen), 2))
        wrong = random.random(len(seen)) < self.confuses
        labels = (truth.labels[seen] - 1 + wrong * random.integers(1, len(NAMES), len(seen))) % len(NAMES) + 1
        errors = np.repeat(np.arange(images), random.poisson(self.errors, images))
        error_sizes = random.uniform(25, 45, (len(errors), 2))
        error_starts = random.random((len(errors), 2)) * (SIDE_PX - error_sizes)
        return DetectionColumns(
            image=np.concatenate([truth.image[seen], errors]),
            boxes_xywh_px=np.concatenate(
                [np.hstack([centre - size / 2, size]), np.hstack([error_starts, error_sizes])]
            ),
            labels=np.concatenate([labels, random.integers(1, len(NAMES) + 1, len(errors))]),
            scores=np.concatenate([random.beta(6, 3, len(seen)), random.beta(2, 5, len(errors))]),
        )


def scenes(seed: int, images: int = 150, detector: Detector | None = None) -> Profile:
    """Square images with 1-5 objects that do not overlap, labelled without a fault."""
    random = np.random.default_rng(seed)
    image: list[int] = []
    boxes: list[np.ndarray] = []
    for position in range(images):
        own: list[np.ndarray] = []
        for _ in range(random.integers(1, 6)):
            size = random.uniform([18, 30], [28, 44])
            box = np.concatenate([random.random(2) * (SIDE_PX - size), size])
            if all((np.abs(box[:2] - other[:2]) > 45).any() for other in own):
                own.append(box)
        image += [position] * len(own)
        boxes += own
    return looked_at(np.array(image), np.array(boxes), images, detector or Detector(), random)


def looked_at(
    image: np.ndarray, boxes: np.ndarray, images: int, detector: Detector, random: np.random.Generator
) -> Profile:
    """What the detector sees of these boxes, to which classes are given at random."""
    labels = random.integers(1, len(NAMES) + 1, len(boxes))
    truth = TruthColumns(image, boxes, labels, boxes[:, 2] * boxes[:, 3], np.zeros(len(boxes), dtype=np.bool_))
    files = tuple(f"{position:04}.jpg" for position in range(images))
    return Profile(files, np.full((images, 2), SIDE_PX), truth, detector.detect(truth, images, random))


def relabelled(
    profile: Profile,
    boxes: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    keep: np.ndarray | None = None,
) -> Profile:
    """The same images and detections with other labels; boxes that cannot be any are left out, as when read."""
    truth = profile.truth
    boxes = truth.boxes_xywh_px if boxes is None else boxes
    labels = truth.labels if labels is None else labels
    kept = np.ones(len(labels), dtype=np.bool_) if keep is None else keep.copy()
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    kept &= ((boxes[:, 2:] > 0) & (start >= -1) & (end <= SIDE_PX + 1)).all(axis=1)
    area = boxes[kept, 2] * boxes[kept, 3]
    return dataclasses.replace(
        profile, truth=TruthColumns(truth.image[kept], boxes[kept], labels[kept], area, truth.is_crowd[kept])
    )


def some(profile: Profile, share: float, seed: int = 0) -> np.ndarray:
    """[n] bool, a share of the labels by chance."""
    return np.random.default_rng(seed).random(len(profile.truth.labels)) < share
