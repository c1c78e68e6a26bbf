"""What the TFX Trainer calls: read, plan, build, train, export."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf-models is written for Keras 2

import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from components.detector.look import look_at
from components.detector.served import ServedDetector
from components.trainer.experiment import build_model, build_task
from components.trainer.export import restore_weights, save_model
from components.trainer.loop import TrainingResult, train
from components.trainer.policy import TrainingPlan, plan_training
from components.trainer.settings import TrainerSettings
from components.trainer.warm_start import load_backbone, norm_layers
from schemas import __version__
from schemas import settings as settings_io
from schemas.dataset import DATASET_FILE, FINGERPRINTS, TRAIN_SPLIT, DataSetInfo
from schemas.fingerprints import Fingerprints
from schemas.training_record import (
    LABELS_FILE,
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_SAMPLE_FILE,
    TrainingRecord,
)

SAMPLE_IMAGES = 500  # that a model carries figures of


def run_fn(fn_args: FnArgs) -> None:
    """Trains a detector and exports it, training record inside.

    Args:
        fn_args: TFX's arguments; `custom_config` holds `settings` (JSON of TrainerSettings),
            `statistics` (path of the training data's FeatureStats.pb) and `baseline_digest`.
    """
    config: dict[str, Any] = fn_args.custom_config
    settings = settings_io.from_json(TrainerSettings, config["settings"])
    dataset = DataSetInfo.from_json(_read(_examples_root(fn_args.train_files[0]) + "/" + DATASET_FILE))
    baseline = _baseline_record(fn_args.base_model)
    plan = plan_training(settings, dataset.images[TRAIN_SPLIT], baseline)

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(settings.training.seed)
    task = build_task(
        settings.model, settings.training, plan.augmentation, len(dataset.class_names), fn_args.train_files
    )
    model = build_model(task, settings.model)
    _initialise(model, settings, plan, fn_args.base_model if baseline else None)
    result = train(task, model, plan, settings.training.clip_norm)

    save_model(model, settings.model, fn_args.serving_model_dir)
    record = _record(settings, dataset, plan, result, config["baseline_digest"] if baseline else None)
    _write(f"{fn_args.serving_model_dir}/{RECORD_FILE}", record.to_json())
    _write(f"{fn_args.serving_model_dir}/{LABELS_FILE}", json.dumps(list(dataset.class_names)))
    images = _training_images(fn_args, dataset.span, fn_args.base_model if baseline else None)
    _write(f"{fn_args.serving_model_dir}/{TRAINING_IMAGES_FILE}", images.to_bytes())
    sample = look_at(
        sorted(tf.io.gfile.glob(fn_args.train_files[0])),
        dataset.images[TRAIN_SPLIT],
        SAMPLE_IMAGES,
        ServedDetector("candidate", fn_args.serving_model_dir),
        len(dataset.class_names),
        "describing training images",
        detect=False,
    ).sample
    _write(f"{fn_args.serving_model_dir}/{TRAINING_SAMPLE_FILE}", sample.to_bytes())
    tf.io.gfile.copy(config["statistics"], f"{fn_args.serving_model_dir}/{STATISTICS_FILE}", overwrite=True)


def _examples_root(pattern: str) -> str:
    """`.../examples/7/Split-train/*` -> `.../examples/7`."""
    return os.path.dirname(os.path.dirname(pattern))


def _baseline_record(base_model: str | None) -> TrainingRecord | None:
    if not base_model or not tf.io.gfile.exists(f"{base_model}/saved_model.pb"):
        return None
    path = f"{base_model}/{RECORD_FILE}"
    return TrainingRecord.from_json(_read(path), path)


def _initialise(model: tf_keras.Model, settings: TrainerSettings, plan: TrainingPlan, base_model: str | None) -> None:
    if base_model:
        restore_weights(model, base_model)
    elif settings.training.init_checkpoint:
        load_backbone(model.backbone, settings.training.init_checkpoint)
    if plan.freeze_batch_norm:
        for layer in norm_layers(model.backbone):
            layer.trainable = False


def _record(
    settings: TrainerSettings,
    dataset: DataSetInfo,
    plan: TrainingPlan,
    result: TrainingResult,
    baseline_digest: str | None,
) -> TrainingRecord:
    return TrainingRecord(
        mode=plan.mode,
        span=dataset.span,
        data_digest=dataset.digest,
        images=dataset.images[TRAIN_SPLIT],
        class_names=dataset.class_names,
        category_ids=dataset.category_ids,
        model=dataclasses.asdict(settings.model),
        augmentation=settings.augmentation,
        augmentation_digest=plan.augmentation.digest,
        learning_rate=plan.learning_rate,
        steps=plan.steps,
        batch_size=settings.training.batch_size,
        seed=settings.training.seed,
        init_checkpoint=settings.training.init_checkpoint if plan.mode == "bootstrap" else None,
        batch_norm_frozen=plan.freeze_batch_norm,
        baseline_digest=baseline_digest,
        loss_curve=result.loss_curve,
        weight_distance=result.weight_distance,
        ratchet_version=__version__,
    )


def _training_images(fn_args: FnArgs, span: int, base_model: str | None) -> Fingerprints:
    """All images that the model or one of its ancestors was trained on."""
    path = f"{_examples_root(fn_args.train_files[0])}/{FINGERPRINTS}/{TRAIN_SPLIT}"
    own = Fingerprints.parse(_read(path).splitlines(), span)
    if base_model is None:
        return own
    path = f"{base_model}/{TRAINING_IMAGES_FILE}"
    with tf.io.gfile.GFile(path, "rb") as file:
        return Fingerprints.join([Fingerprints.from_bytes(file.read(), path), own])


def _read(path: str) -> str:
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def _write(path: str, content: str | bytes) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb" if isinstance(content, bytes) else "w") as file:
        file.write(content)
