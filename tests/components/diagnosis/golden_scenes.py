"""Golden images that a simulated detector sees twice, once as the baseline and once as a candidate with a habit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.data.columns import DetectionColumns
from tests.components.labels.scenes import NAMES, Detector, scenes

Habit = Callable[[DetectionColumns], DetectionColumns]


def golden_scenes(
    habit: Habit | None = None, images: int = 200, seed: int = 0, candidate: Detector | None = None
) -> GoldenBoxes:
    """Both models see the same scenes, each with errors of its own.

    Args:
        habit: what becomes of the candidate's detections.
        images: how many.
        seed: of scenes and errors.
        candidate: how well it sees; None: as the baseline.
    """
    profile = scenes(seed, images)
    found = (candidate or Detector()).detect(profile.truth, images, np.random.default_rng(seed + 1000))
    return GoldenBoxes(
        image_ids=np.arange(1, images + 1),
        file_names=profile.file_names,
        sizes_px=profile.sizes_px,
        class_names=NAMES,
        truth=profile.truth,
        found={BASELINE: profile.found, CANDIDATE: habit(found) if habit else found},
        max_detections=100,
        of=images,
    )


def resized(width: float, height: float | None = None) -> Habit:
    """Boxes around the same centre with sides so many times as long."""
    factors = np.array([width, width if height is None else height])

    def habit(found: DetectionColumns) -> DetectionColumns:
        boxes = found.boxes_xywh_px
        size = boxes[:, 2:] * factors
        return dataclasses.replace(found, boxes_xywh_px=np.hstack([boxes[:, :2] + (boxes[:, 2:] - size) / 2, size]))

    return habit


def moved(right: float, down: float) -> Habit:
    """Boxes displaced by parts of their size."""

    def habit(found: DetectionColumns) -> DetectionColumns:
        boxes = found.boxes_xywh_px.copy()
        boxes[:, :2] += np.array([right, down]) * boxes[:, 2:]
        return dataclasses.replace(found, boxes_xywh_px=boxes)

    return habit


def for_some(habit: Habit, share: float) -> Habit:
    """A share of the boxes by a habit, the others as the baseline draws them: two ways that were taught at once."""

    def mixed(found: DetectionColumns) -> DetectionColumns:
        chosen = np.random.default_rng(6).random(len(found.labels)) < share
        boxes = np.where(chosen[:, None], habit(found).boxes_xywh_px, found.boxes_xywh_px)
        return dataclasses.replace(found, boxes_xywh_px=boxes)

    return mixed


def exchanged(one: int, other: int, share: float = 1.0) -> Habit:
    """A share of the detections of two classes, each named as the other."""

    def habit(found: DetectionColumns) -> DetectionColumns:
        chosen = np.random.default_rng(5).random(len(found.labels)) < share
        labels = found.labels.copy()
        labels[chosen & (found.labels == one)] = other
        labels[chosen & (found.labels == other)] = one
        return dataclasses.replace(found, labels=labels)

    return habit
