"""The Trainer's part of the configuration."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from schemas.settings import settings

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]


@settings
class BackboneSettings:
    """One of official.vision's backbones.

    Attributes:
        type: `resnet` or `mobilenet`.
        model_id: ResNet: `10`, `18`, `34`, `50`, ...; MobileNet: `MobileNetV1`, `MobileNetV2`, ...
        width: multiplier of the number of channels.
    """

    type: Literal["resnet", "mobilenet"] = "resnet"
    model_id: Literal[
        "10", "18", "26", "34", "50", "101", "152", "MobileNetV1", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"
    ] = "50"
    width: Annotated[float, Field(gt=0, le=4)] = 1.0

    @model_validator(mode="after")
    def _model_belongs_to_type(self) -> BackboneSettings:
        if self.model_id.startswith("MobileNet") != (self.type == "mobilenet"):
            raise ValueError(f"backbone type {self.type!r} has no model_id {self.model_id!r}")
        return self


@settings
class AnchorSettings:
    """Anchor boxes; `size` is the multiple of a level's stride, aspect ratios are width / height."""

    num_scales: Annotated[int, Field(ge=1, le=9)] = 3
    aspect_ratios: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (0.5, 1.0, 2.0)
    size: PositiveFloat = 4.0


@settings
class ModelSettings:
    """RetinaNet.

    Attributes:
        input_size: height and width in px; images are resized into it with their aspect kept.
        min_level: finest feature level, of stride 2**min_level.
        max_level: coarsest feature level.
    """

    input_size: tuple[PositiveInt, PositiveInt] = (512, 512)
    backbone: BackboneSettings = dataclasses.field(default_factory=BackboneSettings)
    min_level: Annotated[int, Field(ge=2, le=7)] = 3
    max_level: Annotated[int, Field(ge=3, le=8)] = 7
    fpn_filters: PositiveInt = 256
    head_convs: Annotated[int, Field(ge=1, le=8)] = 4
    head_filters: PositiveInt = 256
    anchors: AnchorSettings = dataclasses.field(default_factory=AnchorSettings)
    max_detections: Annotated[int, Field(ge=1, le=1000)] = 100
    nms_iou_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    score_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.05

    @model_validator(mode="after")
    def _levels_fit(self) -> ModelSettings:
        if self.max_level < self.min_level:
            raise ValueError(f"model.max_level = {self.max_level}: must be at least min_level = {self.min_level}")
        stride = 2**self.max_level
        if any(size % stride for size in self.input_size):
            raise ValueError(
                f"model.input_size = {list(self.input_size)}: each side must be a multiple of {stride} "
                f"(2 to the power of max_level = {self.max_level})"
            )
        return self


@settings
class BootstrapSettings:
    """The first training, which has no baseline to start from."""

    peak_learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.008
    steps: PositiveInt = 500


@settings
class RetrainSettings:
    """Fine-tuning of the baseline.

    Attributes:
        learning_rate_fraction: peak learning rate as a fraction of the bootstrap's peak.
        epochs: passes over the new span, within the two step limits.
    """

    learning_rate_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    epochs: PositiveFloat = 5.0
    min_steps: PositiveInt = 100
    max_steps: PositiveInt = 20_000

    @model_validator(mode="after")
    def _limits_in_order(self) -> RetrainSettings:
        if self.min_steps > self.max_steps:
            raise ValueError(
                f"training.retrain.min_steps = {self.min_steps}: must not exceed max_steps = {self.max_steps}"
            )
        return self


@settings
class TrainingSettings:
    """How to train.

    Attributes:
        init_checkpoint: weights the first model's backbone starts from: a tf-models checkpoint, or an
            .npz of convolution kernels and biases (docs/backbone-weights.md). None: random.
        freeze_batch_norm: keep the backbone's batch-norm statistics and scales as they are. None: as the
            baseline did; for a first model, if it starts from `init_checkpoint`.
        clip_norm: global norm that gradients are cut to; 0 is no limit.
    """

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    init_checkpoint: Optional[str] = None
    freeze_batch_norm: Optional[bool] = None
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    bootstrap: BootstrapSettings = dataclasses.field(default_factory=BootstrapSettings)
    retrain: RetrainSettings = dataclasses.field(default_factory=RetrainSettings)


@settings
class TrainerSettings:
    """All that the Trainer may know. The augmentation policy is a fixed, named set: see `policy.py`."""

    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    augmentation: Literal["none-v1", "scale-v1", "flip-v1", "flip-scale-v1"] = "none-v1"
