"""One training from data to weights; what TFX and Vertex Training call is `run_fn.py` around it."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

from ratchet import __version__
from ratchet.components.detector.served import read_images
from ratchet.components.stack.devices import grow_memory
from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.breaks import Breaks
from ratchet.components.trainer.checkpoints import Checkpoints
from ratchet.components.trainer.devices import check_device, log_device
from ratchet.components.trainer.dynamics import Validate, dynamics
from ratchet.components.trainer.images.augmentation import Augmentation
from ratchet.components.trainer.images.batches import Mixture, training_batches
from ratchet.components.trainer.images.examples import label_statistics, span_of
from ratchet.components.trainer.images.observed import observed
from ratchet.components.trainer.learner import Learner, LearnerOptions
from ratchet.components.trainer.lineage import earlier_if_there, read_earlier, trained_data
from ratchet.components.trainer.loop import Measure, Training, TrainingState, train
from ratchet.components.trainer.model.data_fit import coverage, resolve
from ratchet.components.trainer.model.families import family_of
from ratchet.components.trainer.model.model_settings import ModelSettings, recorded_model
from ratchet.components.trainer.model.warm_start import load_init_checkpoint
from ratchet.components.trainer.model.weights import restore_weights
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.components.trainer.serving import Serving
from ratchet.components.trainer.settings import TrainerSettings, TrainingSettings
from ratchet.components.trainer.strategy import lost_workers_told, pick_strategy, together, worker_number
from ratchet.components.trainer.tensorboard import TrainingLog, draw_batch, draw_validation
from ratchet.components.trainer.validation import ValidationSet, Validator, detect, read_validation
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.training_record import TrainingRecord, ValidationPoint
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

LOOKED_AT = 8  # training images on which a model that is not validated has to find boxes that are numbers


@dataclass(frozen=True)
class TrainingJob:
    """What to train.

    Attributes:
        settings: how.
        examples: URI of the Examples artifact of the new span.
        baseline: directory of the SavedModel to start from; None for a first model, as after an adoption.
        baseline_record: the training record of the served model, or the record of its adoption.
        baseline_digest: digest of what is started from.
        checkpoints: directory for the state of unfinished trainings.
        artifacts: the artifacts directory of the pipeline root, to which the places of examples are relative; None:
            there is none.
        log: directory for TensorBoard; None: no log.
    """

    settings: TrainerSettings
    examples: str
    baseline: str | None
    baseline_record: TrainingRecord | Adoption | None
    baseline_digest: str | None
    checkpoints: str
    artifacts: str | None = None
    log: str | None = None


@dataclass(frozen=True)
class Trained:
    """What came of it.

    Attributes:
        serving: the functions to export, with the best weights.
        record: how they were made.
        examples: the new span.
        strategy: where it was trained.
        forget: deletes the state that a killed training would go on from.
    """

    serving: Serving
    record: TrainingRecord
    examples: ExamplesArtifact
    strategy: tf.distribute.Strategy
    forget: Callable[[], None]


def run_job(job: TrainingJob) -> Trained:
    """Trains; a job that was killed goes on from its last checkpoint when it is run again.

    Args:
        job: what to do; the same on all workers.

    Raises:
        InputError: settings, span and baseline contradict each other.
        RatchetError: a checkpoint cannot be written, or what it starts from is no model.
        WorkerLostError: another worker is gone.
        Terminated: SIGTERM came, and the state was saved.
    """
    check_device(job.settings.training.require_device)
    grow_memory()
    strategy = pick_strategy(job.settings.training.batch_size)
    with lost_workers_told(strategy):
        return _run(job, strategy)


def _run(job: TrainingJob, strategy: tf.distribute.Strategy) -> Trained:
    breaks = Breaks(job.settings.training.save_minutes, together(strategy))
    examples = ExamplesArtifact.open(job.examples, fileio)
    plan = _plan(job, examples, strategy.num_replicas_in_sync)
    spans = [examples, *(read_earlier(earlier, fileio, job.artifacts) for earlier in plan.replayed)]
    images = _validation_set(job, plan, spans)
    learner, serving = _build(job, plan, strategy)
    validate = _validation(images, learner, serving, breaks) if images.is_sufficient else None
    measure = _measures(validate, images, spans[0], serving)
    training = _begin(job, plan, measure, learner, strategy, breaks)
    _feed(training, _mixture(plan, spans, TRAIN_SPLIT), strategy, job.settings.training.seed)
    best = training.checkpoints.best
    record = _record(job, training, images, examples, strategy, learner.distance(best))
    record = dataclasses.replace(record, dynamics=dynamics(training, validate))
    _assign(serving.weights, best)
    return Trained(serving, record, examples, strategy, training.checkpoints.remove)


def reprocessed(baseline: str, made: TrainingRecord, record: TrainingRecord) -> Serving:
    """The baseline with the post-processing of the model that was trained from it.

    Args:
        baseline: directory of its SavedModel.
        made: its training record.
        record: that of the new model.
    """
    settings, names = recorded_model(record.model, "the new model's training record"), made.class_names
    model = _served_model(settings, len(names))
    restore_weights(model, baseline, names, names, family_of(settings))
    return Serving(model, settings, names)


def _plan(job: TrainingJob, examples: ExamplesArtifact, devices: int) -> TrainingPlan:
    labels = label_statistics(examples)
    span = NewSpan(trained_data(examples, job.artifacts), labels.boxes)
    plan = plan_training(job.settings, span, job.baseline_record, devices)
    for told in plan.declared_changes:
        LOGGER.warning("this differs from the last training on purpose: %s", told)
    if plan.batch_size != plan.asked.batch_size:
        LOGGER.warning(
            "batches of %d images, not %d: the span has %d training images; peak learning rate %.3g",
            plan.batch_size,
            plan.asked.batch_size,
            span.data.images,
            plan.learning_rate.peak,
        )
    model = resolve(plan.model, labels.shapes)
    if model != plan.model:
        LOGGER.info(
            "from the data: input %s px, anchors %s; %.0f %% of the boxes reach IoU .5 with an anchor",
            "x".join(map(str, model.fixed_input_size)),
            model.fixed_anchors,
            100 * coverage(model, labels.shapes).covered,
        )
    return dataclasses.replace(plan, model=model)


def _build(job: TrainingJob, plan: TrainingPlan, strategy: tf.distribute.Strategy) -> tuple[Learner, Serving]:
    """The model that learns, and a second one, on one device, that is measured and exported."""
    training, class_names = job.settings.training, plan.class_names
    log_device(strategy)
    keras.backend.clear_session()
    keras.utils.set_random_seed(training.seed)

    def initialise(model: keras.Model) -> None:
        if job.baseline and job.baseline_record and plan.mode == "retrain":
            restore_weights(model, job.baseline, job.baseline_record.class_names, class_names, family_of(plan.model))
        elif training.init_checkpoint:
            load_init_checkpoint(model, training)

    learner = Learner(
        strategy, plan, LearnerOptions(len(class_names), training.clip_norm, training.average), initialise
    )
    return learner, Serving(_served_model(plan.model, len(class_names)), plan.model, class_names)


def _served_model(settings: ModelSettings, num_classes: int) -> keras.Model:
    family = family_of(settings)
    return family.build_model(family.build_task(settings, num_classes), settings)


def _begin(
    job: TrainingJob,
    plan: TrainingPlan,
    measure_of: Callable[[TrainingLog], Measure],
    learner: Learner,
    strategy: tf.distribute.Strategy,
    breaks: Breaks,
) -> Training:
    """A training at its first step, or where it was when it was killed."""
    state, worker = TrainingState(), worker_number(strategy)
    directory = f"{job.checkpoints}/{_key(job, plan)}"
    checkpoints = Checkpoints(directory, learner, state, worker)
    if checkpoints.restore():
        LOGGER.info("going on after step %d of %d, from %s", state.step, plan.steps, directory)
    state.goes_on_with(strategy.num_replicas_in_sync)
    log = TrainingLog(None if worker else job.log, state)
    patience = job.settings.training.validation.patience
    return Training(plan, patience, learner, measure_of(log), checkpoints, log, state, learner.start, breaks)


def _key(job: TrainingJob, plan: TrainingPlan) -> str:
    """Changes with everything that the result depends on; another number of devices sums in another order, no more."""
    usual = TrainingSettings()
    training = dataclasses.replace(
        job.settings.training, save_minutes=usual.save_minutes, require_device=usual.require_device
    )
    parts = [
        settings_io.to_json(dataclasses.replace(job.settings, training=training)),
        [(data.span, data.digest) for data in plan.data],
        job.baseline_digest,
        plan.batch_size,  # of a small span a multiple of the devices
        __version__,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _mixture(plan: TrainingPlan, examples: list[ExamplesArtifact], split: str) -> Mixture:
    new, *old = [span_of(part, split, plan.class_names) for part in examples]
    return Mixture(new, tuple(old), plan.continual.replay)


def _validation_set(job: TrainingJob, plan: TrainingPlan, spans: list[ExamplesArtifact]) -> ValidationSet:
    """The images that choose the checkpoint; those of earlier spans are asked too where the new ones are too few."""
    settings, names = job.settings.training.validation, plan.class_names
    new, *old = [span_of(part, EVAL_SPLIT, names) for part in spans]
    if not old and new.images < settings.min_images:
        old = [span_of(part, EVAL_SPLIT, names) for part in earlier_if_there(plan.data[:-1], fileio, job.artifacts)]
    images = ValidationSet(
        read_validation([new], settings.max_images),
        read_validation(old, settings.max_images),
        plan.continual.replay,
        settings.min_images,
    )
    if not images.is_sufficient:
        LOGGER.warning(
            "no checkpoint can be chosen: %d validation images, %d are wanted (training.validation.min_images); "
            "the last one will be taken",
            len(images.images),
            settings.min_images,
        )
    return images


def _validation(images: ValidationSet, learner: Learner, serving: Serving, breaks: Breaks) -> Validate:
    """What measures weights; all workers get the same answer."""
    validator = Validator(serving, images, breaks.in_between)

    def validate(weights: list[np.ndarray], step: int) -> ValidationPoint:
        _assign(serving.weights, weights)
        point = validator(step)
        return dataclasses.replace(point, map=learner.mean_over_replicas(point.map))

    return validate


def _measures(
    validate: Validate | None, images: ValidationSet, examples: ExamplesArtifact, serving: Serving
) -> Callable[[TrainingLog], Measure]:
    """What is done at the end of a round: validation; with too few images for it, a look at what is found at all."""
    if validate is None:
        looked_at = [encoded for _, encoded in next(read_images(examples.record_files(TRAIN_SPLIT), LOOKED_AT))]

        def look(weights: list[np.ndarray], step: int) -> None:
            _assign(serving.weights, weights)
            detect(serving, looked_at, np.arange(len(looked_at)))

        return lambda log: look

    def validation(log: TrainingLog) -> Measure:
        def measure(weights: list[np.ndarray], step: int) -> ValidationPoint:
            point = validate(weights, step)
            log.images(step, "validation images", draw_validation(serving, images.images))
            return point

        return measure

    return validation


def _feed(training: Training, mixture: Mixture, strategy: tf.distribute.Strategy, seed: int) -> None:
    plan, state = training.plan, training.state

    def batches(augmentation: Augmentation | None) -> Iterator[Any]:
        return iter(
            strategy.distribute_datasets_from_function(
                lambda context: training_batches(
                    mixture, plan.model, augmentation, plan.batch_size, seed, state.step, context
                )
            )
        )

    coming = batches(plan.augmentation)
    if state.step == 0:
        first = next(coming)
        [images, *_] = strategy.experimental_local_results(first[0])
        training.log.images(0, "training images", draw_batch(images))
        coming = itertools.chain([first], coming)
    coming = observed(coming, lambda: batches(None), state, strategy, plan.batch_size, family_of(plan.model))
    train(training, coming)


def _assign(variables: list[tf.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values):
        variable.assign(value)


def _record(
    job: TrainingJob,
    done: Training,
    images: ValidationSet,
    examples: ExamplesArtifact,
    strategy: tf.distribute.Strategy,
    weight_distance: float,
) -> TrainingRecord:
    settings, plan, state = job.settings, done.plan, done.state
    training = settings.training
    return TrainingRecord(
        mode=plan.mode,
        data=plan.data,
        category_ids=examples.info.category_ids,
        model=json.loads(json.dumps(dataclasses.asdict(plan.model))),
        augmentation=settings.augmentation,
        augmentation_digest=plan.augmentation.digest,
        learning_rate=plan.learning_rate,
        continual=plan.continual,
        planned_steps=plan.steps,
        steps=state.step,
        best_step=state.best_step,
        batch_size=plan.batch_size,
        clip_norm=training.clip_norm,
        average=training.average,
        numerics=plan.numerics,
        seed=training.seed,
        devices=strategy.num_replicas_in_sync,
        init_checkpoint=training.init_checkpoint if plan.mode == "bootstrap" else None,
        batch_norm_frozen=plan.freeze_batch_norm,
        baseline_digest=job.baseline_digest if plan.mode == "retrain" else None,
        declared_changes=plan.declared_changes,
        loss_curve=tuple(state.curve),
        validation=tuple(state.validation),
        weight_distance=weight_distance,
        ratchet_version=__version__,
        label_map=plan.class_names,
        post_processing=plan.post_processing,
        asked=plan.asked,
        validation_images=images.counts,
        diverged=state.diverged,
        devices_from=tuple(state.devices) if len(state.devices) > 1 else (),
    )
