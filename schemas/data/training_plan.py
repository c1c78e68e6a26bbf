"""How a model was trained, as the files of any toolkit say it, in the field's terms; None wherever they do not."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Point = tuple[float, float]


class Kind(str, enum.Enum):
    """What an augmentation does to an image."""

    MIRROR = "mirror"
    COLOUR = "colour"
    SCALE = "scale"
    CROP = "crop"
    TURN = "turn"  # rotation, shear, perspective
    MIX = "mix"  # mosaic, mixup, copy-paste
    ERASE = "erase"
    BLUR = "blur"
    POLICY = "policy"  # a learned or random choice of many: AutoAugment, RandAugment
    OTHER = "other"


@dataclass(frozen=True)
class Augmentation:
    """One augmentation of a training.

    Attributes:
        name: in the toolkit's own spelling, `random_horizontal_flip`.
        kind: see there.
        parameters: as texts, in the toolkit's own spelling, those that were left out with the toolkit's defaults where
            they are known.
    """

    name: str
    kind: Kind
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RateSchedule:
    """The learning rate over a training.

    Attributes:
        kind: `cosine`, `step`, `exponential`, `linear`, `polynomial`, `constant`, or the toolkit's own word.
        points: (share of the training 0..1, rate), ascending by share, linear between neighbours: two points with the
            same share are a step. At least one; one alone is the peak of a training whose length is not known.
        warmup_steps: optimizer steps of its rise; None where that is not known; 0 without.
    """

    kind: str
    points: tuple[Point, ...]
    warmup_steps: float | None = None

    @property
    def peak(self) -> float:
        """The highest rate."""
        return max(rate for _, rate in self.points)

    @property
    def final(self) -> float:
        """The last rate."""
        return self.points[-1][1]

    @property
    def mean(self) -> float:
        """Over the whole training.

        >>> RateSchedule("linear", ((0.0, 1.0), (1.0, 0.0))).mean
        0.5
        """
        pairs = zip(self.points, self.points[1:])
        area = sum((end - start) * (rate + last) / 2 for (start, rate), (end, last) in pairs)
        length = self.points[-1][0] - self.points[0][0]
        return area / length if length > 0 else self.final


@dataclass(frozen=True)
class TrainingPlan:
    """What a configuration asks for.

    Attributes:
        toolkit: `TF Object Detection API`, `tf-models`, `Ultralytics`, `MMDetection` or `Ratchet`.
        source: the file.
        starts_from: the checkpoint as it is named there; empty for random weights.
        rate: the schedule.
        optimizer: `momentum`, `adam`, ...
        batch_size: images a step.
        scales_rate: whether the toolkit itself multiplies the rate by the batch.
        steps: optimizer steps.
        epochs: passes over the training data.
        images: training images.
        augmentations: in their order; None where the file says nothing of them.
        input_size: `640x640` or what else is said of the size that images have for the model, in words.
        frozen: what is not trained, by name or pattern; None where the file says nothing of it, empty: nothing.
        label_map: the file of the class names.
        class_names: where the configuration names them.
        classes: how many.
        model: what is trained, in the toolkit's own words.
        matching: by name in the toolkit's spelling, what makes an anchor or a point a positive or a negative one.
        losses: the same of kinds and weights of the losses.
        post_processing: the same of what becomes of the boxes that the model predicts.
        weight_decay: of the optimizer.
        replay: share of each batch that comes from earlier data.
        train_data: paths or patterns of what is trained on.
        eval_data: the same of what is evaluated on while it trains.
        settings: every leaf of the file by its dotted path, as texts.
        named: by attribute of this class (`rate.peak`, `rate.schedule`, `batch_size`, `steps`, `epochs`,
            `augmentations`, `input_size`, `frozen`, `starts_from`, `label_map`, ...), the dotted path of the setting
            behind it, for advice.
        notes: what is said there and does not hold, or holds only with what is not said there; a sentence each.
    """

    toolkit: str
    source: str
    starts_from: str | None = None
    rate: RateSchedule | None = None
    optimizer: str | None = None
    batch_size: float | None = None
    scales_rate: bool = False
    steps: float | None = None
    epochs: float | None = None
    images: int | None = None
    augmentations: tuple[Augmentation, ...] | None = None
    input_size: str | None = None
    frozen: tuple[str, ...] | None = None
    label_map: str | None = None
    class_names: tuple[str, ...] | None = None
    classes: int | None = None
    model: str | None = None
    matching: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    post_processing: Mapping[str, str] = field(default_factory=dict)
    weight_decay: float | None = None
    replay: float | None = None
    train_data: tuple[str, ...] = ()
    eval_data: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingCurves:
    """What a log says of a training; of each curve points (step, value), ascending, each step once; empty: not logged.

    Attributes:
        source: the file or directory.
        unit: of the steps: `step` or `epoch`.
        loss: total loss on training images; a sum of its parts where only those are logged.
        validation_loss: on validation images.
        validation_map: mAP at IoU .50:.95, 0..1.
        validation_map50: mAP at IoU .50, 0..1.
        rate: the learning rate that was used.
        gradient_norm: before clipping.
        diverged_at: the first step whose loss on training images is no finite number; None where all are.
    """

    source: str
    unit: str
    loss: tuple[Point, ...] = ()
    validation_loss: tuple[Point, ...] = ()
    validation_map: tuple[Point, ...] = ()
    validation_map50: tuple[Point, ...] = ()
    rate: tuple[Point, ...] = ()
    gradient_norm: tuple[Point, ...] = ()
    diverged_at: float | None = None

    @property
    def map(self) -> tuple[Point, ...]:
        """mAP on validation images: at .50:.95, or at .50 where only that is logged."""
        return self.validation_map or self.validation_map50


def finite(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points whose value is a finite number.

    >>> finite(((0, 1.0), (1, math.nan)))
    ((0, 1.0),)
    """
    return tuple(point for point in points if math.isfinite(point[1]))
