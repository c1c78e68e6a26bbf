"""Made-up golden sets whose truth is known: images in groups, and what two detectors found in them.

Each detector finds some groups harder than the other detector does, so that the images of a group go up or down
together. What it misses is a false alarm elsewhere in the image; the height of a box that hits is its IoU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

_SIDE_PX = 40.0
_APART_PX = 100.0


@dataclass(frozen=True)
class World:
    """How golden sets are drawn. Detectors differ in truth by `gain` and `lost` alone.

    Attributes:
        groups: independent units, such as recordings.
        images: of a group, on average.
        unequal: whether the largest groups have many times the images of the smallest.
        classes: labels 1..classes.
        rare: whether class frequencies fall as 1 / label; otherwise they are equal.
        reach: groups that a class occurs in, at most; 0 for all.
        objects: of an image.
        correlation: standard deviation, in logits, of how much harder a group is for one detector.
        skewed: for which detector few groups are much harder and most a little easier; "", "both", "candidate" or
            "baseline".
        shared: standard deviation of how much harder a group is for both.
        gain: by how many logits the candidate finds more.
        lost: share of label 1 that the candidate has stopped to find.
    """

    groups: int = 20
    images: int = 5
    unequal: bool = False
    classes: int = 8
    rare: bool = False
    reach: int = 0
    objects: int = 4
    correlation: float = 0.5
    skewed: str = ""
    shared: float = 0.7
    gain: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True, eq=False)
class GoldenSet:
    """One draw.

    Attributes:
        group: [i] int64, of each image.
        truth: its objects.
        candidate: what the new detector found.
        baseline: what the old one found.
    """

    group: np.ndarray
    truth: TruthColumns
    candidate: DetectionColumns
    baseline: DetectionColumns


def draw(world: World, random: np.random.Generator) -> GoldenSet:
    """A golden set of a world; every draw has other groups, images and objects."""
    sizes = np.full(world.groups, world.images)
    if world.unequal:
        sizes = np.maximum(1, np.round(world.images * random.lognormal(-0.5, 1.0, world.groups))).astype(np.int64)
    group = np.repeat(np.arange(world.groups), sizes)
    image = np.repeat(np.arange(len(group)), world.objects)
    labels = _labels(world, group[image], random)
    slot = np.tile(np.arange(world.objects), len(group)) * _APART_PX
    boxes = np.stack([slot, np.zeros(len(image)), *np.full((2, len(image)), _SIDE_PX)], axis=1)
    truth = TruthColumns(image, boxes, labels, np.full(len(image), _SIDE_PX**2), np.zeros(len(image), np.bool_))
    hard = (random.normal(0, world.shared, world.groups)[group] + random.normal(0, 0.5, len(group)))[image]
    found = [
        _found(truth, 1.0 + gain - hard - _harder(world, model, random)[group[image]], lost, random)
        for model, gain, lost in (("candidate", world.gain, world.lost), ("baseline", 0.0, 0.0))
    ]
    return GoldenSet(group, truth, *found)


def _labels(world: World, group: np.ndarray, random: np.random.Generator) -> np.ndarray:
    weights = 1 / np.arange(1, world.classes + 1) if world.rare else np.ones(world.classes)
    shows = np.tile(weights, (world.groups, 1))
    if world.reach:
        # [g, k] the groups of each class: as many as `reach`, at random, and class 1 in all of the rest.
        places = random.random((world.groups, world.classes)).argsort(axis=0).argsort(axis=0)
        shows[places >= world.reach] = 0
        shows[:, 0] = weights[0]
    ends = np.cumsum(shows / shows.sum(axis=1, keepdims=True), axis=1)
    return 1 + (random.random(len(group))[:, None] > ends[group, :-1]).sum(axis=1)


def _harder(world: World, model: str, random: np.random.Generator) -> np.ndarray:
    # [g] logits, mean 0.
    if world.skewed in (model, "both"):
        return world.correlation * (random.gamma(0.4, 1, world.groups) - 0.4) / np.sqrt(0.4)
    return random.normal(0, world.correlation, world.groups)


def _found(truth: TruthColumns, skill: np.ndarray, lost: float, random: np.random.Generator) -> DetectionColumns:
    count = len(truth.image)
    hit = random.random(count) < 1 / (1 + np.exp(-skill))
    hit &= (truth.labels != 1) | (random.random(count) >= lost)
    height = _SIDE_PX * random.beta(8, 2, count)
    corner = np.where(hit, 0, 500)
    boxes = np.stack([truth.boxes_xywh_px[:, 0], corner, np.full(count, _SIDE_PX), height], axis=1)
    return DetectionColumns(truth.image, boxes, truth.labels, random.random(count) + 0.3 * hit * (skill + 1))
