"""How to train, derived from the settings and from how the baseline was trained; pure.

The learning rate of a retraining is a fraction of the peak its lineage was *bootstrapped* with, not
of the last retraining's: fractions of fractions would bring learning to a stop after a few spans.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from components.trainer.images.augmentation import AUGMENTATIONS, Augmentation
from components.trainer.model.model_settings import AUTO, ModelSettings, recorded_model
from components.trainer.settings import TrainerSettings
from schemas.artifacts.training_record import (
    POST_PROCESSING,
    ContinualLearningRecord,
    LearningRateRecord,
    SettingChange,
    TrainedData,
    TrainingRecord,
)
from schemas.base.errors import ANOTHER_LINEAGE, ConfigError
from schemas.base.settings import to_json

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
        steps: optimizer steps.
        round_steps: steps between two validations.
        learning_rate: the schedule.
        augmentation: what happens to training images.
        data: all spans of the lineage, the new one last.
        continual: what holds the model to its baseline.
        freeze_batch_norm: whether the backbone's batch norm stays as it is.
        declared_changes: what deliberately differs from the baseline's training, in words.
        post_processing: what differs from the baseline's in settings that are no weights.
        class_names: the label map; a lineage keeps its labels in whatever order a span has the classes, because clients
            know them, and new classes get the next ones.
    """

    mode: str
    model: ModelSettings
    steps: int
    round_steps: int
    learning_rate: LearningRateRecord
    augmentation: Augmentation
    data: tuple[TrainedData, ...]
    continual: ContinualLearningRecord
    freeze_batch_norm: bool
    declared_changes: tuple[str, ...] = ()
    post_processing: tuple[SettingChange, ...] = ()
    class_names: tuple[str, ...] = ()

    @property
    def replayed(self) -> tuple[TrainedData, ...]:
        """The earlier spans that images are taken from."""
        return self.data[:-1] if self.continual.replay else ()


def plan_training(settings: TrainerSettings, span: NewSpan, baseline: TrainingRecord | None) -> TrainingPlan:
    """Derives the training plan.

    Args:
        settings: the Trainer's settings.
        span: the span to train on.
        baseline: record of the model to start from; None for a bootstrap.

    Raises:
        ConfigError: the settings contradict the span or how the baseline was made.
    """
    _check_batch(settings, span)
    _check_classes(span, baseline)
    return _bootstrap(settings, span) if baseline is None else _retraining(settings, span, baseline)


def _bootstrap(settings: TrainerSettings, span: NewSpan) -> TrainingPlan:
    bootstrap = settings.training.bootstrap
    frozen = settings.training.freeze_batch_norm
    return TrainingPlan(
        mode="bootstrap",
        class_names=span.data.class_names,
        model=settings.model,
        steps=bootstrap.steps,
        round_steps=math.ceil(bootstrap.steps / settings.training.validation.rounds),
        learning_rate=schedule(bootstrap.peak_learning_rate, bootstrap.peak_learning_rate, bootstrap.steps),
        augmentation=AUGMENTATIONS[settings.augmentation],
        data=(span.data,),
        continual=ContinualLearningRecord(),
        freeze_batch_norm=settings.training.init_checkpoint is not None if frozen is None else frozen,
    )


def _retraining(settings: TrainerSettings, span: NewSpan, baseline: TrainingRecord) -> TrainingPlan:
    retrain = settings.training.retrain
    frozen = settings.training.freeze_batch_norm
    earlier = tuple(data for data in baseline.data if data.span != span.data.span)
    continual = ContinualLearningRecord(
        replay=retrain.replay if earlier else 0.0,
        l2_sp=retrain.l2_sp,
        batch_norm=retrain.batch_norm,
        freeze_backbone=retrain.freeze_backbone,
    )
    steps = math.ceil(retrain.epochs * span.data.images / (settings.training.batch_size * (1 - continual.replay)))
    steps = min(max(steps, retrain.min_steps), retrain.max_steps)
    peak = baseline.learning_rate.bootstrap_peak * retrain.learning_rate_fraction
    model, changes = _same_weights(settings.model, baseline)
    return TrainingPlan(
        mode="retrain",
        class_names=_with_new(baseline.class_names, span.data.class_names),
        model=model,
        steps=steps,
        round_steps=math.ceil(steps / settings.training.validation.rounds),
        learning_rate=schedule(peak, baseline.learning_rate.bootstrap_peak, steps),
        augmentation=AUGMENTATIONS[settings.augmentation],
        data=(*earlier, span.data),
        continual=continual,
        freeze_batch_norm=baseline.batch_norm_frozen if frozen is None else frozen,
        declared_changes=(
            *_changed_rate(settings, peak, baseline),
            *_changed_augmentation(settings, baseline),
            *(change.declared for change in changes),
        ),
        post_processing=changes,
    )


def schedule(peak: float, bootstrap_peak: float, steps: int) -> LearningRateRecord:
    """The schedule of a training of `steps` steps; the rate never exceeds `peak`."""
    return LearningRateRecord(
        peak=peak,
        bootstrap_peak=bootstrap_peak,
        warmup_steps=min(WARMUP_MAX_STEPS, int(steps * WARMUP_FRACTION)),
        warmup_start=peak * WARMUP_START,
        final=peak * FINAL_FRACTION,
    )


def _check_batch(settings: TrainerSettings, span: NewSpan) -> None:
    if span.data.images < settings.training.batch_size:
        raise ConfigError(
            f"training.batch_size = {settings.training.batch_size}: the span has only {span.data.images} training "
            "images; lower the batch size or deliver a larger span"
        )


def _check_classes(span: NewSpan, baseline: TrainingRecord | None) -> None:
    """Every class must be there to be learned or be known; none that is known may be lost."""
    known = baseline.class_names if baseline else ()
    lost = [name for name in known if name not in span.data.class_names]
    if lost:
        raise ConfigError(
            f"classes: the served model knows {lost[0]!r}, which span {span.data.span} does not have; "
            f"deliver the span with all classes of the model, if need be without boxes; {ANOTHER_LINEAGE}"
        )
    empty = [name for name in span.data.class_names if name not in known and not span.boxes.get(name)]
    if empty:
        raise ConfigError(
            f"class {empty[0]!r} has no box in the training images of span {span.data.span}, and no model knows it; "
            "label some, or take the class out of the label map"
        )


def _with_new(known: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return (*known, *(name for name in names if name not in known))


def _same_weights(model: ModelSettings, baseline: TrainingRecord) -> tuple[ModelSettings, tuple[SettingChange, ...]]:
    """The baseline's architecture, which the settings must not contradict; a setting that it lacks has its default.

    Post-processing is no weights, so it is the settings' own. That needs no `training.allow`: the evaluator measures
    both models with it, and holds the candidate against the baseline as it is served besides.
    """
    there = recorded_model(baseline.model, "the served model's training record")
    wanted, built = (json.loads(to_json(settings)) for settings in (model, there))
    for key, value in wanted.items():
        if key not in POST_PROCESSING and value not in (AUTO, built[key]):
            raise ConfigError(
                f"model.{key} = {value}: the served model was built with {built[key]}; put that back; {ANOTHER_LINEAGE}"
            )
    changes = [SettingChange(key, built[key], wanted[key]) for key in POST_PROCESSING if wanted[key] != built[key]]
    return replace(there, **{change.name: wanted[change.name] for change in changes}), tuple(changes)


def _changed_rate(settings: TrainerSettings, peak: float, baseline: TrainingRecord) -> list[str]:
    before = baseline.learning_rate
    if peak >= before.bootstrap_peak:
        reason = f"not below the {before.bootstrap_peak:g} that its lineage was first trained with"
    elif baseline.mode == "retrain" and peak > before.peak * (1 + 1e-9):
        reason = f"above the {before.peak:g} that it was retrained with"
    else:
        return []
    if "learning_rate" not in settings.training.allow:
        raise ConfigError(
            f"training.retrain.learning_rate_fraction = {settings.training.retrain.learning_rate_fraction:g}: a peak "
            f"of {peak:g} is {reason}: the served model would unlearn; lower it, "
            "or declare the change with training.allow: [learning_rate]"
        )
    return [f"learning_rate: peak {before.peak:g} -> {peak:g}, {reason}"]


def _changed_augmentation(settings: TrainerSettings, baseline: TrainingRecord) -> list[str]:
    if AUGMENTATIONS[settings.augmentation].digest == baseline.augmentation_digest:
        return []
    if "augmentation" not in settings.training.allow:
        raise ConfigError(
            f"augmentation = {settings.augmentation!r}: the served model was trained with "
            f"{baseline.augmentation!r}, and a changed augmentation is a known cause of lost mAP; put that back, "
            "or declare the change with training.allow: [augmentation]"
        )
    return [f"augmentation: {baseline.augmentation} -> {settings.augmentation}"]
