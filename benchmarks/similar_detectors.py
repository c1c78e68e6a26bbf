"""A made-up world and detectors that are alike in it, as a retrained model and the one it was trained from are.

What is hard for one is hard for the other: images and objects have a hardness that all detectors share, most false
alarms are the same boxes, and errors of boxes go the same way. Each adds a little of its own. `SHARED` of the variance
is common, with which the standard error of the difference is .013 with 100 images, .006 with 500, .003 with 2,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

CLASSES = 4
SHARED = 0.9  # of the variance of what two detectors make of one object
_OBJECTS, _FALSE_ALARMS = 4.0, 3.0  # an image
_IMAGE_SIDE_PX, _SIDES_PX = 640.0, (10.0, 250.0)  # COCO's small, medium and large are all there
_BOX_ERROR = 0.055  # median, as a share of the box's sides
_HARDNESS_OF_IMAGE, _HARDNESS_OF_OBJECT = 0.6, 0.8  # standard deviations, in the unit of skill


@dataclass(frozen=True, eq=False)
class World:
    """Images with objects, and what every detector meets in them.

    Attributes:
        images: their number.
        truth: the objects, n of them.
        ease: [n] how easy each object is to find.
        box_error: [n, 4] the part of a box's error that is common, in shares of its sides.
        alarms: m boxes that look like objects.
        temptation: [m] how much they do.
    """

    images: int
    truth: TruthColumns
    ease: np.ndarray
    box_error: np.ndarray
    alarms: DetectionColumns
    temptation: np.ndarray


def make_world(images: int, seed: int) -> World:
    """A world of some images; equal seeds give equal worlds."""
    random = np.random.default_rng([seed, 0])
    of_object = np.repeat(np.arange(images), random.poisson(_OBJECTS, images))
    objects = len(of_object)
    boxes = _boxes(random, objects)
    area = boxes[:, 2] * boxes[:, 3]
    truth = TruthColumns(of_object, boxes, _labels(random, objects), area, np.zeros(objects, np.bool_))
    ease = random.normal(0, _HARDNESS_OF_IMAGE, images)[of_object] + random.normal(0, _HARDNESS_OF_OBJECT, objects)
    scale = _BOX_ERROR * np.exp(random.normal(0, 0.6, (objects, 1)))
    image = np.repeat(np.arange(images), random.poisson(_FALSE_ALARMS, images))
    alarms = DetectionColumns(image, _boxes(random, len(image)), _labels(random, len(image)), np.zeros(len(image)))
    return World(
        images, truth, ease, scale * random.normal(0, 1, (objects, 4)), alarms, random.normal(0, 1, len(image))
    )


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    low, high = np.log(_SIDES_PX)
    side = np.exp(random.uniform(low, high, count))
    stretch = np.exp(random.normal(0, 0.25, count))
    size = np.stack([side * stretch, side / stretch], axis=1)
    return np.hstack([random.random((count, 2)) * (_IMAGE_SIDE_PX - size), size])


def _labels(random: np.random.Generator, count: int) -> np.ndarray:
    share = 1 / np.arange(1, CLASSES + 1)
    return random.choice(np.arange(1, CLASSES + 1), count, p=share / share.sum())


def detect(world: World, skill: float, seed: int) -> DetectionColumns:
    """What a detector finds.

    Args:
        world: where.
        skill: how easily it finds objects; a step of .1 is about .03 mAP.
        seed: of what is its own. With the same seed, more skill finds more, and nothing else changes.
    """
    random = np.random.default_rng([seed, 1])
    objects, alarms = len(world.ease), len(world.temptation)
    common, own = np.sqrt(SHARED), np.sqrt(1 - SHARED)
    seen_by = skill + common * world.ease + own * random.normal(0, 1, objects)
    scale = np.abs(world.box_error).mean(axis=1, keepdims=True)
    error = common * world.box_error + own * scale * random.normal(0, 1, (objects, 4))
    sure = seen_by + random.normal(0, 0.3, objects)
    tempted = common * world.temptation + own * random.normal(0, 1, alarms) - 1.0
    seen, fooled = seen_by > 0, tempted > -1.0
    boxes = world.truth.boxes_xywh_px
    near = boxes + error * boxes[:, [2, 3, 2, 3]]
    near[:, 2:] = np.maximum(near[:, 2:], 1)
    image = np.concatenate([world.truth.image[seen], world.alarms.image[fooled]])
    found = DetectionColumns(
        image,
        np.concatenate([near[seen], world.alarms.boxes_xywh_px[fooled]]),
        np.concatenate([world.truth.labels[seen], world.alarms.labels[fooled]]),
        1 / (1 + np.exp(-np.concatenate([sure[seen], tempted[fooled]]))),
    )
    order = np.argsort(image, kind="stable")
    return DetectionColumns(image[order], found.boxes_xywh_px[order], found.labels[order], found.scores[order])
