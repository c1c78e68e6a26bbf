"""The Trainer's part of the configuration."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Annotated, Any, Literal, Optional

from pydantic import BeforeValidator, Field, model_validator

from ratchet.components.trainer.images.augmentation import AugmentationName
from ratchet.components.trainer.model.model_settings import ModelSettings, PositiveFloat, PositiveInt
from ratchet.schemas.base.settings import settings

Change = Literal["learning_rate", "augmentation", "optimizer", "trainer"]


def _function_name(value: Any) -> Any:
    if isinstance(value, str) and not re.match(_FUNCTION_NAME, value):
        raise ValueError(
            f"training.run_fn = {json.dumps(value)}: is no function's name; write package.module.function with dots, "
            "such as my_package.train.run_fn for run_fn in my_package/train.py"
        )
    return value


# What Python can import: package.module.function.
_FUNCTION_NAME = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
FunctionName = Annotated[str, BeforeValidator(_function_name), Field(pattern=_FUNCTION_NAME, max_length=300)]


@settings
class BootstrapSettings:
    """The first training (`--bootstrap`), which has no baseline to start from: docs/training.md.

    Attributes:
        peak_learning_rate: rate at the end of the warm-up, which is a tenth of the steps; a cosine goes down from there
            to 2 % of it. Retrainings take a fraction of this one. The default is for Adam; SGD wants another one.
        steps: batches that are trained on.
    """

    peak_learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.008
    steps: PositiveInt = 500


@settings
class RetrainSettings:
    """Fine-tuning of the served model: how much of the new is learned, and what keeps the old: docs/training.md.

    Attributes:
        learning_rate_fraction: peak learning rate as a fraction of the peak that the lineage was first trained with.
            One that is as high as that peak, or higher than the last retraining's, has to be declared in
            `training.allow`.
        epochs: passes over the new span's images, within `min_steps` and `max_steps`.
        min_steps: a small span is trained on for at least as many steps, whatever `epochs` come to.
        max_steps: a large span for at most as many.
        replay: share of each batch that comes from the spans that the served model and its ancestors were trained on;
            0: the new span alone, which forgets.
        l2_sp: strength of the pull of every trained weight toward the served model's (L2-SP, Li et al. 2018); 0: none.
        batch_norm: what becomes of batch normalisation: `train`, as in a first training; `slow`, its statistics move a
            tenth as fast; `frozen`, nothing of it moves.
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
        rounds: how often mAP is measured in a training; its state is saved each time, too.
        patience: rounds without a better mAP after which training stops.
        max_images: most validation images of the new span, and most of the earlier ones, that are measured.
        min_images: where the new span or the earlier ones have fewer, one mAP is taken of all of them together; where
            all have fewer, the choice would be chance and the last weights are taken.
    """

    rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    patience: PositiveInt = 4
    max_images: PositiveInt = 200
    min_images: PositiveInt = 20


@settings
class TrainingSettings:
    """How to train: docs/training.md.

    Attributes:
        run_fn: a trainer of one's own, as `package.module.function`: docs/own-trainer.md; None: Ratchet's.
        options: what that one is told: texts, numbers, true, false, null, and lists and groups of them, under names of
            its own. It may read every other setting too, but need not heed any.
        batch_size: images a step, over all devices, among which it must be divisible. A smaller span without replay
            makes smaller batches, and the rate falls with the square root of the batch (Adam) or with the batch (SGD).
        accumulate: parts in which a batch goes through each device, one after another, for a batch that is larger than
            memory allows. Steps and rates stay those of the whole batch; batch norm sees the parts.
        precision: numbers that a step computes with: `float32`, or half of the bits in `mixed_bfloat16` or
            `mixed_float16` (with dynamic loss scaling), which pays on GPUs that have units for them. Weights,
            validation and the exported model are float32 in each.
        xla: whether XLA compiles the step; on one device only. It takes longer to start and may then be faster.
        optimizer: `adam`, or `sgd` with momentum. A lineage keeps its own, because rates of two are not alike: another
            has to be declared in `allow`, and then `bootstrap.peak_learning_rate` is what rates are fractions of.
        momentum: of SGD: share of the last step that the next one goes on with.
        weight_decay: of kernels, not of biases and batch norm; 0: none. For Adam decoupled, as in AdamW; for SGD a term
            of the loss, as in tf-models' recipes.
        require_device: `gpu`: a training where TensorFlow sees no GPU is refused before it starts; `none`: it runs on
            what there is.
        seed: what is drawn at random follows from it: first weights, order of the images, augmentation. The same seed
            gives the same weights on the same machine.
        init_checkpoint: weights that the first model starts from: a tf-models checkpoint, or an .npz of convolution
            kernels and biases (docs/backbone-weights.md); None: random ones.
        init_modules: the parts of the model that a tf-models checkpoint is read for: `backbone`, `decoder`, and of a
            RetinaNet `head`, of a Faster R-CNN `rpn_head` and `detection_head`.
        freeze_batch_norm: keep the backbone's batch-norm statistics and scales as they are; None: as the served model
            did, and for a first model only if it starts from `init_checkpoint`.
        clip_norm: global norm that the gradients of a step are cut to; 0: no limit.
        average: decay of the exponential moving average of the weights, which is then served instead of them, such as
            0.998; 0: no average.
        save_minutes: minutes between two savings of a training's state, from which it goes on after a kill; it is saved
            after every round as well, and on SIGTERM. A saving takes as long as writing four copies of the weights.
        allow: what may deliberately differ from how the served model was trained and is refused otherwise: a learning
            rate as high as the first training's or higher than the last one's, another augmentation, another optimizer.
            With `trainer` another `run_fn` makes a first model of its kind, which has to beat the served one. The
            training record says what was allowed.
        bootstrap: the first training.
        retrain: every training after it.
        validation: how the best checkpoint is found.
    """

    run_fn: Optional[FunctionName] = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    accumulate: Annotated[int, Field(ge=1, le=64)] = 1
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    xla: bool = False
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    require_device: Literal["none", "gpu"] = "none"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    init_checkpoint: Optional[str] = None
    init_modules: tuple[Literal["backbone", "decoder", "head", "rpn_head", "detection_head"], ...] = ("backbone",)
    freeze_batch_norm: Optional[bool] = None
    clip_norm: Annotated[float, Field(ge=0)] = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    save_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    allow: tuple[Change, ...] = ()
    bootstrap: BootstrapSettings = dataclasses.field(default_factory=BootstrapSettings)
    retrain: RetrainSettings = dataclasses.field(default_factory=RetrainSettings)
    validation: ValidationSettings = dataclasses.field(default_factory=ValidationSettings)

    @model_validator(mode="after")
    def _options_have_a_reader(self) -> TrainingSettings:
        if self.options and self.run_fn is None:
            name = next(iter(self.options))
            raise ValueError(
                f"training.options.{name}: nobody reads it: options are what training.run_fn is told; name that one, "
                "or leave the options out"
            )
        try:
            json.dumps(self.options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"training.options: cannot be written as JSON ({error}); give plain values") from error
        return self


@settings
class TrainerSettings:
    """All that the Trainer may know. The augmentation policy is a fixed, named set: see `images/augmentation.py`."""

    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    augmentation: AugmentationName = "none-v1"
