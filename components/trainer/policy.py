"""How to train, derived from the settings and from how the baseline was trained; pure.

The learning rate of a retraining is a fraction of the peak its lineage was *bootstrapped* with, not
of the last retraining's: fractions of fractions would bring learning to a stop after a few spans.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ratchet.components.trainer.adopted import changes_from_adopted
from ratchet.components.trainer.changes import asked_training, declared_changes, exif_change
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS, Augmentation
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings, recorded_model
from ratchet.components.trainer.own.plan import another_trainer, check_classes, with_new
from ratchet.components.trainer.settings import TrainerSettings, TrainingSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.training_record import (
    POST_PROCESSING,
    AskedTraining,
    ContinualLearningRecord,
    LearningRateRecord,
    NumericsRecord,
    SettingChange,
    TrainedData,
    TrainingRecord,
)
from ratchet.schemas.base.errors import ANOTHER_LINEAGE, ConfigError
from ratchet.schemas.base.settings import to_json

WARMUP_FRACTION = 0.1  # of all steps, at most WARMUP_MAX_STEPS
WARMUP_MAX_STEPS = 500
WARMUP_START = 0.05  # of the peak; a start above the peak is what tf-models' default gives a small rate
FINAL_FRACTION = 0.02  # of the peak; training on without decay alone costs .03 mAP


@dataclass(frozen=True)
class NewSpan:
    """What the policy has to know of the span to train on.

    Attributes:
        data: its identity.
        boxes: labelled boxes in its training split, by class name.
    """

    data: TrainedData
    boxes: Mapping[str, int]


@dataclass(frozen=True)
class TrainingPlan:
    """What is to be done.

    Attributes:
        mode: `bootstrap` or `retrain`.
        model: the model settings; in a first training, what is `auto` is still to be derived from the data.
        batch_size: images a step, as many as the span allows.
        steps: optimizer steps.
        round_steps: steps between two validations.
        learning_rate: the schedule.
        augmentation: what happens to training images.
        data: all spans of the lineage, the new one last.
        continual: what holds the model to its baseline.
        freeze_batch_norm: whether the backbone's batch norm stays as it is.
        asked: what the settings asked for.
        declared_changes: what deliberately differs from the baseline's training, in words.
        post_processing: what differs from the baseline's in settings that are no weights.
        numerics: how a step is computed.
        has_baseline: whether a model is served that the new one is held against.
        class_names: the label map; a lineage keeps its labels in whatever order a span has the classes, because clients
            know them, and new classes get the next ones.
    """

    mode: str
    model: ModelSettings
    batch_size: int
    steps: int
    round_steps: int
    learning_rate: LearningRateRecord
    augmentation: Augmentation
    data: tuple[TrainedData, ...]
    continual: ContinualLearningRecord
    freeze_batch_norm: bool
    asked: AskedTraining
    declared_changes: tuple[str, ...] = ()
    post_processing: tuple[SettingChange, ...] = ()
    class_names: tuple[str, ...] = ()
    numerics: NumericsRecord = field(default_factory=NumericsRecord)
    has_baseline: bool = False

    @property
    def replayed(self) -> tuple[TrainedData, ...]:
        """The earlier spans that images are taken from."""
        return self.data[:-1] if self.continual.replay else ()


def plan_training(
    settings: TrainerSettings, span: NewSpan, baseline: TrainingRecord | Adoption | None, devices: int = 1
) -> TrainingPlan:
    """Derives the training plan.

    Args:
        settings: the Trainer's settings.
        span: the span to train on.
        baseline: record of the model to start from; None for a bootstrap. After an adoption a first model is trained
            too, with the adopted model's labels.
        devices: among which a batch is shared out.

    Raises:
        ConfigError: the settings contradict the span or how the baseline was made.
    """
    known = baseline.class_names if baseline else ()
    told = another_trainer(settings.training, baseline if isinstance(baseline, TrainingRecord) else None)
    begins_anew = bool(told) or isinstance(baseline, Adoption)
    check_classes(span.data, span.boxes, known, begins_anew)
    if isinstance(baseline, TrainingRecord) and not told:
        return _retraining(settings, span, baseline, devices)
    plan = _bootstrap(settings, span, devices)
    if baseline is None:
        return plan
    changes = changes_from_adopted(settings, baseline) if isinstance(baseline, Adoption) else told
    names = with_new(known, span.data.class_names)  # the served model's labels are known to clients
    return replace(plan, class_names=names, declared_changes=changes, has_baseline=True)


def _bootstrap(settings: TrainerSettings, span: NewSpan, devices: int) -> TrainingPlan:
    bootstrap = settings.training.bootstrap
    frozen = settings.training.freeze_batch_norm
    batch_size, _ = batch_of(settings.training.batch_size, 0.0, span.data.images, devices)
    peak = _for_batch(bootstrap.peak_learning_rate, batch_size, settings.training)
    return TrainingPlan(
        mode="bootstrap",
        class_names=span.data.class_names,
        model=settings.model,
        batch_size=batch_size,
        steps=bootstrap.steps,
        round_steps=math.ceil(bootstrap.steps / settings.training.validation.rounds),
        learning_rate=schedule(peak, bootstrap.peak_learning_rate, bootstrap.steps),
        augmentation=AUGMENTATIONS[settings.augmentation],
        data=(span.data,),
        continual=ContinualLearningRecord(),
        freeze_batch_norm=settings.training.init_checkpoint is not None if frozen is None else frozen,
        asked=asked_training(settings, bootstrap.peak_learning_rate, is_first=True),
        numerics=_numerics(settings, batch_size, devices),
    )


def _retraining(settings: TrainerSettings, span: NewSpan, baseline: TrainingRecord, devices: int) -> TrainingPlan:
    retrain = settings.training.retrain
    frozen = settings.training.freeze_batch_norm
    earlier = tuple(data for data in baseline.data if data.span != span.data.span)
    batch_size, replay = batch_of(
        settings.training.batch_size, retrain.replay if earlier else 0.0, span.data.images, devices
    )
    continual = ContinualLearningRecord(
        replay=replay,
        l2_sp=retrain.l2_sp,
        batch_norm=retrain.batch_norm,
        freeze_backbone=retrain.freeze_backbone,
    )
    steps = math.ceil(retrain.epochs * span.data.images / (batch_size * (1 - replay)))
    steps = min(max(steps, retrain.min_steps), retrain.max_steps)
    first_peak = _first_peak(settings, baseline)
    asked_peak = first_peak * retrain.learning_rate_fraction
    peak = _for_batch(asked_peak, batch_size, settings.training)
    asked = asked_training(settings, asked_peak, is_first=False)
    model, changes = _same_weights(settings.model, baseline)
    return TrainingPlan(
        mode="retrain",
        class_names=with_new(baseline.class_names, span.data.class_names),
        model=model,
        batch_size=batch_size,
        steps=steps,
        round_steps=math.ceil(steps / settings.training.validation.rounds),
        learning_rate=schedule(peak, first_peak, steps),
        augmentation=AUGMENTATIONS[settings.augmentation],
        data=(*earlier, span.data),
        continual=continual,
        freeze_batch_norm=baseline.batch_norm_frozen if frozen is None else frozen,
        asked=asked,
        declared_changes=(
            *declared_changes(settings, asked, baseline),
            *exif_change(span.data, baseline),
            *(change.declared for change in changes),
        ),
        post_processing=changes,
        numerics=_numerics(settings, batch_size, devices),
        has_baseline=True,
    )


def _first_peak(settings: TrainerSettings, baseline: TrainingRecord) -> float:
    """What the rates of a lineage are fractions of; another optimizer has rates of its own, and begins anew."""
    if settings.training.optimizer != baseline.numerics.optimizer:
        return settings.training.bootstrap.peak_learning_rate
    return baseline.learning_rate.bootstrap_peak


def _numerics(settings: TrainerSettings, batch_size: int, devices: int) -> NumericsRecord:
    training = settings.training
    if training.xla and settings.model.family == "faster_rcnn":
        raise ConfigError(
            "training.xla = true: XLA has no non-maximum suppression, which model.family = 'faster_rcnn' needs in each "
            "step; set training.xla: false"
        )
    if training.xla and devices > 1:
        raise ConfigError(
            f"training.xla = true: XLA compiles the step of one device, and there are {devices}; "
            "set training.xla: false"
        )
    return NumericsRecord(
        precision=training.precision,
        xla=training.xla,
        optimizer=training.optimizer,
        momentum=training.momentum if training.optimizer == "sgd" else None,
        weight_decay=training.weight_decay,
        accumulate=min(training.accumulate, batch_size // devices),
    )


def batch_of(wanted: int, replay: float, images: int, devices: int = 1) -> tuple[int, float]:
    """Size of a batch, with no more images of the new span than there are, and the share of earlier spans in it.

    Where the new span has too few images, replayed ones fill up; without replay the batch is smaller, a multiple of the
    devices all the same.

    Args:
        wanted: the size that the settings ask for.
        replay: the share that they ask for.
        images: training images of the new span.
        devices: among which a batch is shared out.

    >>> batch_of(16, 0.5, 100), batch_of(16, 0.5, 4), batch_of(16, 0.0, 9), batch_of(16, 0.0, 9, devices=4)
    ((16, 0.5), (16, 0.75), (9, 0.0), (8, 0.0))
    """
    if images >= wanted * (1 - replay):
        return wanted, replay
    if replay:
        return wanted, 1 - images / wanted
    return max(1, images // devices) * devices, 0.0


def _for_batch(peak: float, batch_size: int, training: TrainingSettings) -> float:
    """The rate that goes with a smaller batch: by the square root for Adam (Malladi et al. 2022, arXiv:2205.10287), in
    proportion for SGD (Goyal et al. 2017, arXiv:1706.02677)."""
    share = batch_size / training.batch_size
    return peak * (share if training.optimizer == "sgd" else math.sqrt(share))


def schedule(peak: float, bootstrap_peak: float, steps: int) -> LearningRateRecord:
    """The schedule of a training of `steps` steps; the rate never exceeds `peak`."""
    return LearningRateRecord(
        peak=peak,
        bootstrap_peak=bootstrap_peak,
        warmup_steps=min(WARMUP_MAX_STEPS, int(steps * WARMUP_FRACTION)),
        warmup_start=peak * WARMUP_START,
        final=peak * FINAL_FRACTION,
    )


def _same_weights(model: ModelSettings, baseline: TrainingRecord) -> tuple[ModelSettings, tuple[SettingChange, ...]]:
    """The baseline's architecture, which the settings must not contradict; a setting that it lacks has its default.

    Post-processing is no weights, so it is the settings' own. That needs no `training.allow`: the evaluator measures
    both models with it, and holds the candidate against the baseline as it is served besides.
    """
    there = recorded_model(baseline.model, "the served model's training record")
    wanted, built = (json.loads(to_json(settings)) for settings in (model, there))
    for key, value in {"family": wanted["family"], **wanted}.items():  # of another kind all else differs too
        if key not in POST_PROCESSING and value not in (AUTO, built[key]):
            raise ConfigError(
                f"model.{key} = {value}: the served model was built with {built[key]}; put that back; {ANOTHER_LINEAGE}"
            )
    changes = [SettingChange(key, built[key], wanted[key]) for key in POST_PROCESSING if wanted[key] != built[key]]
    return replace(there, **{change.name: wanted[change.name] for change in changes}), tuple(changes)
