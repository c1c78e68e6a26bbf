"""How a training went and what it ran on: the part of a training record that a diagnosis compares between trainings."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """A figure of every step, smoothed by an exponential moving average of 10 steps, never thinned.

    Attributes:
        first: mean of the first 5 steps, from which the smoothed curve goes on.
        highest: of the smoothed curve.
        highest_at: the step of it.
        last: of the smoothed curve.
    """

    first: float
    highest: float
    highest_at: int
    last: float

    @property
    def rise(self) -> float:
        """Highest over first."""
        return self.highest / self.first if self.first else math.inf


@dataclass(frozen=True)
class PartMoved:
    """How far a part of the model went from its start.

    Attributes:
        distance: L2 distance of its trained weights, relative to their norm at the start.
        norm_shift: mean |difference of the moving mean| / sigma of its batch norms, by the start's sigma; None without.
    """

    distance: float
    norm_shift: float | None


@dataclass(frozen=True)
class BatchFigures:
    """Images and boxes of some batches, as they come from the files or as the training got them.

    Attributes:
        images: how many.
        brightness: mean of the pixel values, 0..1.
        contrast: mean over images of the pixels' standard deviation, 0..1.
        log_area: mean ln of the boxes' share of the image's area; None without boxes.
        log_aspect: mean ln of width over height; None without boxes.
        boxes: boxes an image.
        mirrored: share of the images that are the mirror of their file; of files 0.
    """

    images: int
    brightness: float
    contrast: float
    log_area: float | None
    log_aspect: float | None
    boxes: float
    mirrored: float


@dataclass(frozen=True)
class LinePoint:
    """mAP on the line between the weights at the start and those at the end, on the validation images.

    Attributes:
        share: of the way, 0..1.
        map: weighted as `ValidationPoint.map`.
        new: on the new span; None if it has no validation image with an object.
        old: on the earlier spans; None where none are looked at.
    """

    share: float
    map: float
    new: float | None
    old: float | None


@dataclass(frozen=True)
class Environment:
    """What a training ran on.

    Attributes:
        code: digest of Ratchet's source.
        lock: digest of the other installed packages with their versions.
        libraries: version of each that training depends on, Python among them.
        device: kind, and name of what is no CPU: `CPU` or `GPU NVIDIA A100`.
    """

    code: str
    lock: str
    libraries: dict[str, str]
    device: str


@dataclass(frozen=True)
class Dynamics:
    """How a training went, in figures that a diagnosis compares with the baseline's.

    What is no finite number is left out: steps of a curve, a curve without any finite step, a part of the model whose
    weights are no numbers. A training that diverged has what was measured up to there.

    Attributes:
        losses: by part: `total_loss`, `cls_loss`, `box_loss`.
        gradient_norm: global norm before clipping; None where it was not measured.
        sum_of_rates: sum over all steps of the learning rate that the optimizer used.
        peak_rate: the highest of them.
        parts: by name: `backbone`, `decoder`, `head`; of the weights at the end of the training, which moved also where
            those that it started from are exported (`best_step` 0). `weight_distance` is that of the exported ones.
        batches: the first batches as they come from the files.
        augmented: the same images as the training got them.
        line: at 1/4, 1/2 and 3/4 of the way; empty where there is nothing to validate with, or no start.
        environment: see there.
    """

    losses: dict[str, Curve]
    gradient_norm: Curve | None
    sum_of_rates: float
    peak_rate: float
    parts: dict[str, PartMoved]
    batches: BatchFigures | None
    augmented: BatchFigures | None
    line: tuple[LinePoint, ...]
    environment: Environment


@dataclass(frozen=True)
class Diverged:
    """How a training was lost.

    Attributes:
        step: the step after which it was stopped.
        what: what was seen, in words.
        learning_rate: of that step.
        loss: of that step; None if it was no finite number.
        limit: what the mean loss of the last steps must not exceed; None before there is one.
    """

    step: int
    what: str
    learning_rate: float
    loss: float | None
    limit: float | None
