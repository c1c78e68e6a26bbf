"""The Trainer's part of the configuration."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from ratchet.components.trainer.images.augmentation import AugmentationName
from ratchet.components.trainer.model.model_settings import ModelSettings, PositiveFloat, PositiveInt
from ratchet.schemas.base.settings import settings

Change = Literal["learning_rate", "augmentation"]


@settings
class BootstrapSettings:
    """The first training, which has no baseline to start from."""

    peak_learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.008
    steps: PositiveInt = 500


@settings
class RetrainSettings:
    """Fine-tuning of the baseline: how much of the new is learned, and what keeps the old.

    Attributes:
        learning_rate_fraction: peak learning rate as a fraction of the bootstrap's peak.
        epochs: passes over the new span, within the two step limits.
        replay: share of each batch that comes from the spans the baseline and its ancestors were trained on.
        l2_sp: strength of the pull of every trained weight toward the baseline's; 0 is none. (Li et al. 2018)
        batch_norm: `train`: as in a first training; `slow`: its statistics move a tenth as fast; `frozen`: nothing of
            it moves.
        freeze_backbone: train decoder and heads alone.
    """

    learning_rate_fraction: PositiveFloat = 0.1
    epochs: PositiveFloat = 5.0
    min_steps: PositiveInt = 100
    max_steps: PositiveInt = 20_000
    replay: Annotated[float, Field(ge=0, lt=1)] = 0.5
    l2_sp: Annotated[float, Field(ge=0)] = 0.0
    batch_norm: Literal["train", "slow", "frozen"] = "train"
    freeze_backbone: bool = False

    @model_validator(mode="after")
    def _limits_in_order(self) -> RetrainSettings:
        if self.min_steps > self.max_steps:
            raise ValueError(
                f"training.retrain.min_steps = {self.min_steps}: must not exceed max_steps = {self.max_steps}"
            )
        return self


@settings
class ValidationSettings:
    """How the best checkpoint is found: by the mAP on the validation images of the training spans, never on the
    golden set.

    Attributes:
        rounds: how often in a training; a checkpoint to resume from is written each time.
        patience: rounds without a better mAP after which training stops.
        max_images: most images of the new span, and most of the earlier ones.
        min_images: with fewer, the choice would be chance: the last checkpoint is taken.
    """

    rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    patience: PositiveInt = 4
    max_images: PositiveInt = 200
    min_images: PositiveInt = 20


@settings
class TrainingSettings:
    """How to train.

    Attributes:
        batch_size: images a step, over all devices.
        init_checkpoint: weights the first model starts from: a tf-models checkpoint, or an
            .npz of convolution kernels and biases (docs/backbone-weights.md). None: random.
        init_modules: what a tf-models checkpoint is read for.
        freeze_batch_norm: keep the backbone's batch-norm statistics and scales as they are. None: as the
            baseline did; for a first model, if it starts from `init_checkpoint`.
        clip_norm: global norm that gradients are cut to; 0 is no limit.
        average: decay of the exponential moving average of the weights that is served instead of them; 0 is none.
        allow: what may deliberately differ from how the baseline was trained; the training record says so.
    """

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    init_checkpoint: Optional[str] = None
    init_modules: tuple[Literal["backbone", "decoder", "head"], ...] = ("backbone",)
    freeze_batch_norm: Optional[bool] = None
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    allow: tuple[Change, ...] = ()
    bootstrap: BootstrapSettings = dataclasses.field(default_factory=BootstrapSettings)
    retrain: RetrainSettings = dataclasses.field(default_factory=RetrainSettings)
    validation: ValidationSettings = dataclasses.field(default_factory=ValidationSettings)


@settings
class TrainerSettings:
    """All that the Trainer may know. The augmentation policy is a fixed, named set: see `images/augmentation.py`."""

    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    augmentation: AugmentationName = "none-v1"
