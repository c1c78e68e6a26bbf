"""Settings that fit a data set and a machine, each with the figure it came from; pure.

Input size and anchors are derived as `auto` derives them (`data_fit.py` and `anchor_fit.py` of the Trainer), within
limits that belong to the model that is begun with. What no data can tell stays at its default and is not proposed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ratchet.components.trainer.model.anchor_fit import Coverage, fit_anchors, measure
from ratchet.components.trainer.model.data_fit import SMALL_PERCENTILE, SizeLimits, fit_input_size
from ratchet.components.trainer.model.model_settings import AnchorSettings
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.starting_points import MOBILE, RESNET50, TINY, StartingPoint

FINEST_LEVEL = 3  # RetinaNet's (Lin et al. 2017); level 2 is added where small objects would be lost otherwise
COARSEST_LEVEL = 7
LARGE_PERCENTILE = 95
LARGE_STRIDES = 8  # of its level that a large object spans (ATSS, arXiv:1912.02424, section 3)
TINY_INPUT_PX = 192  # images of at most this long side are for the smallest model
# Of a processor's free memory, because other steps and processes want some; of a GPU's, which nobody shares, because of
# the allocator's fragments and of scratch space.
MEMORY_SHARE = 0.5
GPU_MEMORY_SHARE = 0.75
DECODED_BYTES = 15  # of a pixel of an image that a core decodes: as bytes, and as floats while it is resized
FEWEST_A_BATCH = 4  # of fewer images batch norm knows too little; a smaller input is better then
LIMITS_PX = (1280, 1024, 768, 640, 512, 384, 256)
DETECTIONS_A_OBJECT = 3  # mAP counts detections of low scores as well
MOST_DETECTIONS = 1000
MOST_OBJECTS = 500  # of an image, that a training step sees (components/trainer/images/batches.py)
VALIDATION_IMAGES = 25  # training.validation.min_images is 20, and a hash draws them
TRAINED_SHARE = 0.8  # of the images, with the usual two tenths left out
_CHARACTER = re.compile(r"[A-Za-z0-9]", re.ASCII)
_SIDES = re.compile(r"(?:^|[^a-z])(left|right|text|letter|digit|number|word|plate|arrow)(?:s|[^a-z]|$)")


@dataclass(frozen=True)
class Architecture:
    """What follows from the sizes of images and objects.

    Attributes:
        input_size: height and width in px.
        min_level: finest feature level.
        max_level: coarsest one.
        anchors: of every place.
        coverage: how well they fit the objects.
        small_px: short side of a small object at the model's input.
        large_px: root of the area of a large one there.
        batch: images a step and device.
        step_bytes: what such a step takes.
    """

    input_size: tuple[int, int]
    min_level: int
    max_level: int
    anchors: AnchorSettings
    coverage: Coverage
    small_px: float
    large_px: float
    batch: int
    step_bytes: float

    @property
    def levels(self) -> range:
        """Of the feature pyramid."""
        return range(self.min_level, self.max_level + 1)

    @property
    def small_strides(self) -> float:
        """How many strides of the finest level a small object spans."""
        return self.small_px / 2**self.min_level


def starting_point(figures: DataFigures, machine: Machine) -> StartingPoint:
    """The model to begin with."""
    if max(figures.median_image_px) <= TINY_INPUT_PX:
        return TINY
    return RESNET50 if machine.gpus else MOBILE


def fit_architecture(figures: DataFigures, machine: Machine, start: StartingPoint) -> Architecture:
    """The largest input that small objects ask for and of which a batch fits into memory.

    Args:
        figures: of the data.
        machine: to train on.
        start: the model to begin with.
    """
    limits = [px for px in LIMITS_PX if start.min_long_side_px <= px <= start.max_long_side_px] or [
        start.max_long_side_px
    ]
    enough = min(FEWEST_A_BATCH, start.batch)
    for limit_px in limits:
        found = _architecture(figures, machine, start, limit_px)
        if found.batch >= enough:
            return found
    return found


def _architecture(figures: DataFigures, machine: Machine, start: StartingPoint, limit_px: int) -> Architecture:
    shapes = figures.shapes
    limits = SizeLimits(start.small_strides, start.min_long_side_px, limit_px)
    # The coarsest level follows from the size, which is a multiple of that level's stride: once around is enough.
    max_level = _coarsest(shapes.letterboxed_px(fit_input_size(shapes, FINEST_LEVEL, 5, limits)))
    size = fit_input_size(shapes, FINEST_LEVEL, max_level, limits)
    boxes_px = shapes.letterboxed_px(size)
    small_px = float(np.percentile(boxes_px.min(axis=1), SMALL_PERCENTILE))
    min_level = FINEST_LEVEL if small_px >= 2 * 2**FINEST_LEVEL * 0.9 else FINEST_LEVEL - 1
    levels = range(min_level, max_level + 1)
    anchors = fit_anchors(boxes_px, levels)
    count = anchors.num_scales * len(anchors.aspect_ratios)
    image_bytes = start.image_bytes(size, levels, count, len(figures.class_boxes))
    fixed_bytes = start.fixed_bytes + _decoding_bytes(figures, machine)
    batch = min(start.batch, _fitting(image_bytes, machine, fixed_bytes))
    return Architecture(
        input_size=size,
        min_level=min_level,
        max_level=max_level,
        anchors=anchors,
        coverage=measure(anchors, boxes_px, levels),
        small_px=small_px,
        large_px=_large_px(boxes_px),
        batch=batch,
        step_bytes=fixed_bytes + batch * image_bytes,
    )


def _large_px(boxes_px: np.ndarray) -> float:
    return float(np.percentile(np.sqrt(boxes_px.prod(axis=1)), LARGE_PERCENTILE))


def _coarsest(boxes_px: np.ndarray) -> int:
    """The first level on which a large object spans no more than LARGE_STRIDES."""
    level = math.ceil(math.log2(max(_large_px(boxes_px), 1.0) / LARGE_STRIDES))
    return min(max(level, FINEST_LEVEL + 1), COARSEST_LEVEL)


def _decoding_bytes(figures: DataFigures, machine: Machine) -> float:
    """What images take while they are decoded, one on each core; a GPU's memory has no part in it."""
    height, width = figures.median_image_px
    return 0.0 if machine.gpus else float(machine.cores * height * width * DECODED_BYTES)


def _fitting(image_bytes: float, machine: Machine, fixed_bytes: float) -> int:
    """The largest power of two of images that fits, of one device; 1 where nothing fits."""
    fitting = max((machine.memory_bytes * memory_share(machine) - fixed_bytes) / image_bytes, 1.0)
    return 2 ** int(math.log2(fitting))


def memory_share(machine: Machine) -> float:
    """Of a device's memory that a step may take."""
    return GPU_MEMORY_SHARE if machine.gpus else MEMORY_SHARE


def bootstrap_steps(start: StartingPoint, images: int, batch: int) -> int:
    """Steps of a first training, of `epochs` passes within its limits."""
    fewest, most = start.steps
    return int(min(max(math.ceil(start.epochs * images / batch), fewest), most))


def scaled_rate(start: StartingPoint, batch: int) -> float:
    """The peak learning rate at a batch: by the square root for Adam (Malladi et al. 2022, arXiv:2205.10287)."""
    return float(f"{start.rate * math.sqrt(batch / start.rate_batch):.2g}")


def max_detections(most_objects: int) -> int:
    """Of an image: three times as many as it may hold objects, in tens.

    >>> max_detections(5), max_detections(31), max_detections(900)
    (20, 100, 1000)
    """
    return min(max(math.ceil(DETECTIONS_A_OBJECT * most_objects / 10) * 10, 20), MOST_DETECTIONS)


def eval_fraction(images: int) -> float:
    """Share of the images that choose the checkpoint, so that there are enough to choose by.

    >>> eval_fraction(2000), eval_fraction(100), eval_fraction(12)
    (0.1, 0.25, 0.3)
    """
    return min(max(0.1, math.ceil(100 * VALIDATION_IMAGES / images) / 100), 0.3)


def mirror_sensitive(names: Mapping[str, int]) -> str:
    """Why a mirrored object of these classes could be none of its class; empty where no name says so.

    >>> mirror_sensitive({"3": 1, "7": 1}), mirror_sensitive({"turn_left": 1, "car": 1}), mirror_sensitive({"car": 1})
    ("most classes are single characters ('3')", "class 'turn_left'", '')
    """
    characters = [name for name in names if _CHARACTER.fullmatch(name)]
    if 2 * len(characters) > len(names):
        return f"most classes are single characters ({characters[0]!r})"
    sided = [name for name in names if _SIDES.search(name.lower())]
    return f"class {sided[0]!r}" if sided else ""
