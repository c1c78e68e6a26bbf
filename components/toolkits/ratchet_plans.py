"""Ratchet's own configuration, the plain one that `ratchet bench export` writes, and its training records.

A configuration does not say how long a retraining is, for its steps depend on the span: its rate is the peak alone. It
is read as that of a retraining where it says anything of one, for that is what comes after a training that is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.schedules import constant, schedule
from ratchet.components.toolkits.settings_tree import Settings, Tree, leaves, many, number, text_of, truth
from ratchet.schemas.artifacts.training_record import LearningRateRecord, TrainingRecord
from ratchet.schemas.data.training_plan import Augmentation, RateSchedule, TrainingPlan

TOOLKIT = "Ratchet"
_GROUPS = ("training", "data_gate", "evaluator", "retention", "notify")
_EXPORTED = ("starts_from", "learning_rate", "images_of_new_data")
_RECORDED = ("planned_steps", "learning_rate", "continual", "batch_size")
_POST_PROCESSING = ("max_detections", "nms_iou_threshold", "score_threshold")
_OPTIMIZER = "adam"  # of a configuration that names none
_FAMILY = "retinanet"  # the same
_LONG = ("loss_curve", "validation", "dynamics", "data", "format", "weight_distance", "diverged")  # what came of it


def is_ratchet(values: Tree) -> bool:
    """Whether settings are those of a configuration of Ratchet's, or of an export."""
    if all(key in values for key in _EXPORTED):
        return True
    is_group = any(isinstance(values.get(group), Mapping) for group in _GROUPS)
    return is_group or (isinstance(values.get("augmentation"), str) and isinstance(values.get("model"), Mapping))


def is_record(values: Tree) -> bool:
    """Whether JSON is a training record."""
    return all(key in values for key in _RECORDED)


def read_ratchet(values: Tree, source: str) -> TrainingPlan:
    """The plan of a configuration or of an export.

    Args:
        values: of the file.
        source: the file.
    """
    return _exported(values, source) if all(key in values for key in _EXPORTED) else _configured(values, source)


def plan_of_record(record: TrainingRecord, source: str = "training record") -> TrainingPlan:
    """The plan that a training of Ratchet's followed.

    Args:
        record: of the training.
        source: where it comes from.
    """
    if record.trainer:  # what its trainer said of itself
        return record.plan or TrainingPlan(record.trainer, source, images=record.images)
    settings = Settings({**_plain_record(record)})
    first = record.mode == "bootstrap"
    start = record.init_checkpoint or "" if first else f"the served model {text_of(record.baseline_digest)}"
    frozen = ["backbone"] * record.continual.freeze_backbone
    frozen += ["batch norm of the backbone"] * record.batch_norm_frozen
    frozen += ["batch norm"] * (record.continual.batch_norm == "frozen")
    _name_all(
        settings,
        {
            "starts_from": "init_checkpoint" if first else "baseline_digest",
            "rate.peak": "learning_rate.peak",
            "rate.base": "learning_rate.bootstrap_peak",
            "rate.warmup": "learning_rate.warmup_steps",
            "rate.warmup_start": "learning_rate.warmup_start",
            "rate.final": "learning_rate.final",
            "steps": "planned_steps",
            "replay": "continual.replay",
            "augmentations": "augmentation",
            "frozen": "continual.freeze_backbone",
            "class_names": "label_map",
            "batch_size": "batch_size",
            "optimizer": "numerics.optimizer",
            "weight_decay": "numerics.weight_decay",
        },
    )
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=start,
        rate=_rate(record.learning_rate, record.planned_steps),
        optimizer=record.numerics.optimizer,
        weight_decay=record.numerics.weight_decay,
        batch_size=float(record.batch_size),
        steps=float(record.planned_steps),
        images=record.images,
        augmentations=_policy(record.augmentation),
        input_size=_input_size(settings),
        frozen=tuple(frozen),
        class_names=record.class_names,
        classes=len(record.class_names),
        model=_model(settings),
        matching=_anchors(settings),
        post_processing=_post_processing(settings),
        replay=record.continual.replay,
        train_data=tuple(f"span {data.span}, version {data.version}, {data.digest[:12]}" for data in record.data[-1:]),
        settings=dict(leaves(settings.tree)),
        named=settings.named,
    )


def _plain_record(record: TrainingRecord) -> dict[str, Any]:
    plain = {key: value for key, value in vars(record).items() if key not in _LONG}
    groups = {key: vars(plain[key]) for key in ("learning_rate", "continual", "numerics")}
    return {**plain, **groups}


def _rate(rate: LearningRateRecord, steps: int) -> RateSchedule | None:
    return schedule(
        "cosine", lambda step: rate.at(math.floor(step), steps), steps, [rate.warmup_steps], rate.warmup_steps
    )


def _exported(values: Tree, source: str) -> TrainingPlan:
    settings = Settings(values)
    peak, start, final, warmup = (
        settings.number(attribute, f"learning_rate.{key}", default=0.0) or 0.0
        for attribute, key in (
            ("rate.peak", "peak"),
            ("rate.warmup_start", "warmup_start"),
            ("rate.final", "final"),
            ("rate.warmup", "warmup_steps"),
        )
    )
    steps = settings.number("steps", "steps")
    images = settings.number("images", "images_of_new_data")
    held = [
        name
        for name, key in (("backbone", "freeze_backbone"), ("batch norm of the backbone", "freeze_batch_norm"))
        if truth(settings.take(f"frozen.{key}", key))
    ]
    rate = LearningRateRecord(peak, peak, int(warmup), start, final)
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=settings.text("starts_from", "starts_from"),
        rate=_rate(rate, int(steps)) if steps and steps >= 1 else schedule("cosine", constant(peak), None),
        optimizer=settings.text("optimizer", "optimizer"),
        weight_decay=settings.number("weight_decay", "weight_decay"),
        batch_size=settings.number("batch_size", "batch_size"),
        steps=steps,
        images=None if images is None else int(images),
        augmentations=_policy(settings.text("augmentations", "augmentation.policy", "augmentation")),
        input_size=_input_size(settings),
        frozen=tuple(held),
        model=_model(settings),
        matching=_anchors(settings),
        post_processing=_post_processing(settings),
        replay=settings.number("replay", "share_of_earlier_data_in_a_batch"),
        settings=dict(leaves(values)),
        named=settings.named,
    )


def _configured(values: Tree, source: str) -> TrainingPlan:
    settings = Settings(values)
    training = values.get("training")
    again = training.get("retrain") if isinstance(training, Mapping) else None
    base = settings.number("rate.base", "training.bootstrap.peak_learning_rate")
    part = (
        settings.number("rate.peak", "training.retrain.learning_rate_fraction") if isinstance(again, Mapping) else None
    )
    if part is None:
        settings.name("rate.peak", "training.bootstrap.peak_learning_rate")
    peak = base if base is None or part is None else base * part
    steps = None if isinstance(again, Mapping) else settings.number("steps", "training.bootstrap.steps")
    frozen = settings.take("frozen", "training.retrain.freeze_backbone")
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=settings.text("starts_from", "training.init_checkpoint"),
        rate=None if peak is None else schedule("cosine", constant(peak), None),
        optimizer=settings.text("optimizer", "training.optimizer") or _OPTIMIZER,
        weight_decay=settings.number("weight_decay", "training.weight_decay", default=0.0),
        batch_size=settings.number("batch_size", "training.batch_size"),
        steps=steps,
        epochs=settings.number("epochs", "training.retrain.epochs"),
        augmentations=_policy(settings.text("augmentations", "augmentation")),
        input_size=_input_size(settings),
        frozen=None if frozen is None else ("backbone",) if truth(frozen) else (),
        model=_model(settings),
        matching=_anchors(settings),
        post_processing=_post_processing(settings),
        replay=settings.number("replay", "training.retrain.replay"),
        settings=dict(leaves(values)),
        named=settings.named,
    )


def _policy(name: str | None) -> tuple[Augmentation, ...] | None:
    # `flip-scale-v1` is a flip and a scale.
    if name is None:
        return None
    parts = [part for part in name.split("-") if part != "none" and not (part[:1] == "v" and part[1:].isdigit())]
    return tuple(Augmentation(part, kind_of(part)) for part in parts)


def _input_size(settings: Settings) -> str | None:
    sides = [side for side in map(number, many(settings.take("input_size", "model.input_size"))) if side]
    return f"{sides[1]:g}x{sides[0]:g}" if len(sides) == 2 else None


def _model(settings: Settings) -> str | None:
    kind = settings.text("model", "model.backbone.type")
    options = settings.take("model.options", "model.backbone.options")
    words = [f"{key} {text_of(value)}" for key, value in options.items()] if isinstance(options, Mapping) else []
    family = settings.text("model.family", "model.family") or (_FAMILY if kind else None)
    return " ".join(filter(None, [family, kind, *words])) or None


def _anchors(settings: Settings) -> dict[str, str]:
    anchors = settings.take("matching.anchors", "model.anchors")
    return {f"anchors.{key}": text_of(value) for key, value in anchors.items()} if isinstance(anchors, Mapping) else {}


def _post_processing(settings: Settings) -> dict[str, str]:
    found = {key: settings.text(f"post_processing.{key}", f"model.{key}") for key in _POST_PROCESSING}
    return {key: value for key, value in found.items() if value is not None}


def _name_all(settings: Settings, paths: Mapping[str, str]) -> None:
    for attribute, path in paths.items():
        settings.name(attribute, path)
