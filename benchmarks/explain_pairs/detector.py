"""Simulated detections: the truth with misses, jitter, confusions and false alarms; scores are higher where right.

How hard an object is follows from the picture and the object alone, so that two models miss much the same objects, as
two trainings of one detector do.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.explain_pairs.scenes import CLASSES, HEIGHT, WIDTH, Scene, scaled

_LEAST_SIDE = 4.0  # px


@dataclass(frozen=True)
class Skill:
    """What a model can do.

    Attributes:
        recall: share of the objects that it finds.
        jitter: standard deviation of places and of the logarithm of sides, of the box's side.
        confusion: share of what it finds that it calls by another class.
        false_alarms: boxes on nothing, an image.
        wider: factor on width and height of its boxes.
        of_class: factor on the recall of each class.
        sureness: added to the log-odds of its scores where it is right.
    """

    recall: float = 0.88
    jitter: float = 0.06
    confusion: float = 0.04
    false_alarms: float = 0.5
    wider: float = 1.0
    of_class: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    sureness: float = 0.0


BEFORE = Skill()


@dataclass(frozen=True, eq=False)
class Found:
    """Detections in one image.

    Attributes:
        boxes_xywh_px: [n, 4] float64.
        labels: [n] int64, from 1 on.
        scores: [n] float64.
    """

    boxes_xywh_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def detected(scenes: Sequence[Scene], skill: Skill = BEFORE, seed: int = 0) -> tuple[Found, ...]:
    """What a model finds in each image.

    Args:
        scenes: with their true labels.
        skill: of the model.
        seed: of the model: two trainings have two.
    """
    return tuple(_found(scene, skill, seed) for scene in scenes)


def _found(scene: Scene, skill: Skill, seed: int) -> Found:
    name = zlib.crc32(scene.name.encode())
    world, own = np.random.default_rng([name]), np.random.default_rng([name, seed])
    count = len(scene.labels)
    hard = world.uniform(0, 1, count)
    of_class = np.array(skill.of_class)[scene.labels - 1]
    hit = hard + own.normal(0, 0.05, count) < skill.recall * of_class
    boxes, labels = scaled(scene.boxes_xywh_px[hit], skill.wider), scene.labels[hit].copy()
    spread = skill.jitter * (0.5 + hard[hit])
    boxes = _jittered(boxes, spread, own)
    sure = 2.6 - 2.6 * hard[hit] + skill.sureness + own.normal(0, 0.5, len(labels))
    wrong = own.uniform(0, 1, len(labels)) < skill.confusion * (0.5 + hard[hit])
    labels[wrong] = (labels[wrong] - 1 + own.integers(1, len(CLASSES), int(wrong.sum()))) % len(CLASSES) + 1
    alarms = int(own.poisson(skill.false_alarms))
    places = _anywhere(alarms, own)
    return Found(
        boxes_xywh_px=np.vstack([boxes, places]),
        labels=np.concatenate([labels, own.integers(1, len(CLASSES) + 1, alarms)]),
        scores=_share(np.concatenate([sure - 1.2 * wrong, own.normal(-1.3, 0.7, alarms)])),
    )


def anywhere(scenes: Sequence[Scene], seed: int, boxes: int = 6) -> tuple[Found, ...]:
    """Boxes that nobody looked at the images for."""
    rng = np.random.default_rng([seed])
    return tuple(
        Found(_anywhere(boxes, rng), rng.integers(1, len(CLASSES) + 1, boxes), rng.uniform(0.05, 1, boxes))
        for _ in scenes
    )


def _jittered(boxes: np.ndarray, spread: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sides = boxes[:, 2:] * np.exp(rng.normal(0, 1, boxes[:, 2:].shape) * spread[:, None])
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    centres = centres + rng.normal(0, 1, centres.shape) * spread[:, None] * boxes[:, 2:] * 0.7
    first = np.clip(centres - sides / 2, 0, [WIDTH - _LEAST_SIDE, HEIGHT - _LEAST_SIDE])
    return np.hstack([first, np.clip(centres + sides / 2, first + _LEAST_SIDE, [WIDTH, HEIGHT]) - first])


def _anywhere(count: int, rng: np.random.Generator) -> np.ndarray:
    sides = rng.uniform(12, 36, (count, 2))
    return np.hstack([rng.uniform(0, 1, (count, 2)) * (np.array([WIDTH, HEIGHT]) - sides), sides])


def _share(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
