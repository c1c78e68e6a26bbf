"""What a trainer of one's own says of its training, and the training record that is made of it; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet import __version__
from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.schedules import constant, schedule
from ratchet.components.trainer.own.plan import OwnPlan, option_values
from ratchet.schemas.artifacts.training_record import (
    ContinualLearningRecord,
    LearningRateRecord,
    TrainingRecord,
    ValidationPoint,
)
from ratchet.schemas.base.errors import OwnTrainerError
from ratchet.schemas.data.training_plan import Augmentation, RateSchedule, TrainingPlan

_MOST_POINTS = 500  # of a curve in a record
_FRAMEWORK = "own trainer"
_NO_RATE = LearningRateRecord(0.0, 0.0, 0, 0.0, 0.0)


@dataclass(frozen=True)
class Report:
    """What is known of a training. Nothing has to be said, and what is not said is not made up: page and diagnosis
    then do without it. What the pipeline knows itself (data, label map, options) need not be repeated.

    Attributes:
        steps: optimizer steps that were taken.
        batch_size: images a step.
        peak_learning_rate: the highest.
        learning_rate: (step, rate) points of the schedule, linear between neighbours; more than the peak alone says.
        optimizer: such as `adam`.
        weight_decay: of the optimizer.
        augmentations: names of what happens to training images; empty: nothing does.
        replay: share of each batch from earlier spans.
        started_from: what the weights were before: a file, a name; empty: random. None: the served model in a
            retraining, and not known in a first one.
        frozen: parts that were not trained; empty: all were.
        model: what it is, in words: `CenterNet, 4 convolutions`.
        input_size: height and width in px of what the network sees.
        seed: of what is drawn at random.
        loss: (step, loss) on training images.
        validation: (step, mAP) on `task.images("eval")`.
        settings: whatever else a later training is to be compared by, by name.
    """

    steps: int | None = None
    batch_size: int | None = None
    peak_learning_rate: float | None = None
    learning_rate: Sequence[tuple[float, float]] = ()
    optimizer: str | None = None
    weight_decay: float | None = None
    augmentations: Sequence[str] | None = None
    replay: float | None = None
    started_from: str | None = None
    frozen: Sequence[str] | None = None
    model: str | None = None
    input_size: tuple[int, int] | None = None
    seed: int | None = None
    loss: Sequence[tuple[int, float]] = ()
    validation: Sequence[tuple[int, float]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the pipeline knows of a training that it did not do itself.

    Attributes:
        plan: what it began with.
        options: `training.options`.
        category_ids: of the newest span.
        baseline_digest: digest of the served model in a retraining; None in a first training.
        max_detections: of an image, as the served function's shape says; None where that leaves it open.
    """

    plan: OwnPlan
    options: Mapping[str, Any]
    category_ids: tuple[int, ...]
    baseline_digest: str | None
    max_detections: int | None = None


def record_of(report: Report, known: Known) -> TrainingRecord:
    """The training record of a model.

    Args:
        report: what the trainer says.
        known: what the pipeline knows.

    Raises:
        OwnTrainerError: something in the report is no such figure.
    """
    _check(report, known.plan.run_fn)
    steps, validation = report.steps or 0, _thinned(report.validation)
    model: dict[str, Any] = {} if known.max_detections is None else {"max_detections": known.max_detections}
    if report.input_size is not None:
        model["input_size"] = [int(side) for side in report.input_size]
    return TrainingRecord(
        mode=known.plan.mode,
        data=known.plan.data,
        category_ids=known.category_ids,
        model=model,
        augmentation="",
        augmentation_digest="",
        learning_rate=_NO_RATE,
        continual=ContinualLearningRecord(),
        planned_steps=steps,
        steps=steps,
        best_step=steps,
        batch_size=report.batch_size or 0,
        clip_norm=0.0,
        average=0.0,
        seed=report.seed or 0,
        devices=0,
        init_checkpoint=None,
        batch_norm_frozen=False,
        baseline_digest=known.baseline_digest,
        declared_changes=known.plan.declared_changes,
        loss_curve=tuple((int(step), float(loss)) for step, loss in _thinned(report.loss)),
        validation=tuple(ValidationPoint(int(step), float(value), None, None) for step, value in validation),
        weight_distance=0.0,
        ratchet_version=__version__,
        label_map=known.plan.class_names,
        trainer=known.plan.run_fn,
        plan=_plan(report, known),
    )


def _plan(report: Report, known: Known) -> TrainingPlan:
    start = report.started_from
    if start is None and known.baseline_digest is not None:
        start = f"the served model {known.baseline_digest[:12]}"
    given = {f"report.{name}": str(value) for name, value in report.settings.items()}
    seed = {} if report.seed is None else {"report.seed": str(report.seed)}
    names, newest = known.plan.class_names, known.plan.data[-1]
    return TrainingPlan(
        toolkit=_FRAMEWORK,
        source=known.plan.run_fn,
        starts_from=start,
        rate=_rate(report),
        optimizer=report.optimizer,
        batch_size=None if report.batch_size is None else float(report.batch_size),
        steps=None if report.steps is None else float(report.steps),
        images=newest.images,
        augmentations=_augmentations(report),
        input_size=None if report.input_size is None else f"{report.input_size[1]}x{report.input_size[0]}",
        frozen=None if report.frozen is None else tuple(report.frozen),
        class_names=names,
        classes=len(names),
        model=report.model,
        weight_decay=report.weight_decay,
        replay=report.replay,
        train_data=(f"span {newest.span}, version {newest.version}, {newest.digest[:12]}",),
        settings={**option_values(known.options), **given, **seed},
    )


def _rate(report: Report) -> RateSchedule | None:
    if report.learning_rate:
        last = max(float(report.learning_rate[-1][0]), 1.0)
        points = tuple((step / last, float(rate)) for step, rate in _thinned(report.learning_rate))
        return RateSchedule("as reported", points)
    if report.peak_learning_rate is None:
        return None
    return schedule("as reported", constant(report.peak_learning_rate), None)


def _augmentations(report: Report) -> tuple[Augmentation, ...] | None:
    if report.augmentations is None:
        return None
    return tuple(Augmentation(name, kind_of(name)) for name in report.augmentations)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most a few hundred of them, the last one among them."""
    every = -(-len(points) // _MOST_POINTS) or 1
    return [*points[::every], *([points[-1]] if points and (len(points) - 1) % every else [])]


def _check(report: Report, run_fn: str) -> None:
    problems = [
        *_wrong_texts(report),
        *_wrong_counts(report),
        *_wrong_figures(report),
        *_wrong_curves(report),
    ]
    if problems:
        raise OwnTrainerError(f"training.run_fn = {run_fn!r}: its report says {problems[0]}")


def _wrong_texts(report: Report) -> list[str]:
    texts = {"optimizer": report.optimizer, "started_from": report.started_from, "model": report.model}
    wrong = {name: value for name, value in texts.items() if not isinstance(value, str | None)}
    found = [f"{name} = {value!r}; it must be a text" for name, value in wrong.items()]
    lists = {"augmentations": report.augmentations, "frozen": report.frozen}
    wrong = {name: value for name, value in lists.items() if value is not None and not _are_names(value)}
    found += [f"{name} = {value!r}; it must be a list of names" for name, value in wrong.items()]
    if not isinstance(report.settings, Mapping):
        found.append(f"settings = {report.settings!r}; it must be a mapping of values by name")
    return found


def _are_names(value: Any) -> bool:
    """A text alone is a sequence of texts, too: of its letters."""
    return isinstance(value, tuple | list) and all(isinstance(name, str) for name in value)


def _wrong_counts(report: Report) -> list[str]:
    counts = {"steps": report.steps, "batch_size": report.batch_size, "seed": report.seed}
    wrong = {name: value for name, value in counts.items() if value is not None and not _is_count(value)}
    found = [f"{name} = {value!r}; it must be a whole number from 0 on" for name, value in wrong.items()]
    size = report.input_size
    if size is not None and not _is_size(size):
        found.append(f"input_size = {size!r}; it must be height and width in px")
    return found


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(_is_count(side) and side > 0 for side in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _wrong_figures(report: Report) -> list[str]:
    figures = {
        "peak_learning_rate": report.peak_learning_rate,
        "weight_decay": report.weight_decay,
        "replay": report.replay,
    }
    wrong = {name: value for name, value in figures.items() if value is not None and not _is_figure(value)}
    return [f"{name} = {value!r}; it must be a finite number from 0 on" for name, value in wrong.items()]


def _is_figure(value: Any) -> bool:
    try:
        return math.isfinite(float(value)) and float(value) >= 0
    except (TypeError, ValueError):
        return False


def _wrong_curves(report: Report) -> list[str]:
    curves = {"learning_rate": report.learning_rate, "loss": report.loss, "validation": report.validation}
    return [told for name, points in curves.items() for told in _wrong_points(name, points)]


def _wrong_points(name: str, points: Sequence[tuple[float, float]]) -> list[str]:
    if not isinstance(points, tuple | list):
        return [f"{name} is of the type {type(points).__name__}; it must be a list of points (step, value)"]
    before = -math.inf
    for point in points:
        if not (isinstance(point, tuple | list) and len(point) == 2 and all(_is_number(value) for value in point)):
            return [f"{name}: {point!r}; each point must be (step, value), both finite numbers"]
        if point[0] <= before:
            return [f"{name}: step {point[0]!r} after step {before!r}; the steps must rise"]
        before = point[0]
    if name == "validation" and any(not 0 <= value <= 1 for _, value in points):
        return ["validation: a value outside of 0..1; mAP lies in there"]
    return []


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
