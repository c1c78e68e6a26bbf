"""The training records of a clean retraining and of its baseline, any part of which a test can replace."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.schemas.artifacts.training_dynamics import BatchFigures, Curve, Dynamics, Environment, LinePoint, PartMoved
from ratchet.schemas.artifacts.training_record import (
    AskedTraining,
    ContinualLearningRecord,
    LearningRateRecord,
    TrainedData,
    TrainingRecord,
    ValidationImages,
    ValidationPoint,
)
from tests.builders import asked_training, trained_data, training_record

CLASSES = ("cat", "dog")
BOOTSTRAP_PEAK = 0.008
PEAK = 0.1 * BOOTSTRAP_PEAK  # of a retraining, as usual
IMAGES = 400  # of each span
STEPS = 250  # of a retraining: 5 passes, half of each batch replayed


def retrained(
    *,
    peak: float = PEAK,
    replay: float = 0.5,
    new: Sequence[float | None] = (0.731, 0.697, 0.71, 0.72, 0.728, 0.733, 0.736, 0.738, 0.739),
    old: Sequence[float | None] | None = (0.730, 0.705, 0.715, 0.722, 0.727, 0.730, 0.731, 0.732, 0.733),
    images: int = IMAGES,
    steps: int = STEPS,
    span: int = 3,
    class_names: tuple[str, ...] = CLASSES,
    asked: Mapping[str, Any] | None = None,
    dynamics: Dynamics | str | None = "clean",
    **fields: Any,
) -> TrainingRecord:
    """The record of the candidate.

    Args:
        peak: the highest learning rate; what was asked for, too.
        replay: share of each batch from earlier spans.
        new: mAP of validation on the new span, at step 0 and at equal distances to the end; empty for no validation.
        old: the same on the earlier spans; None where none are looked at.
        images: of the new span.
        steps: planned and taken.
        span: its number.
        class_names: of the span.
        asked: fields of what was asked for.
        dynamics: how the training went; its rates follow from `peak` and `steps` unless it is given.
        fields: of the record.
    """
    rates = LearningRateRecord(peak, BOOTSTRAP_PEAK, steps // 10, 0.05 * peak, 0.02 * peak)
    points = validation(new, old, steps, replay)
    how = dynamics_of(rates, steps) if isinstance(dynamics, str) else dynamics
    earlier = [trained_data(span=number, digest=f"data-{number}", images=IMAGES) for number in range(1, span)]
    whole: dict[str, Any] = {
        "mode": "retrain",
        "data": (*earlier, trained_data(span=span, digest=f"data-{span}", images=images, class_names=class_names)),
        "learning_rate": rates,
        "continual": ContinualLearningRecord(replay=replay),
        "planned_steps": steps,
        "steps": steps,
        "best_step": max(points, key=lambda point: point.map).step if points else steps,
        "baseline_digest": "baseline",
        "label_map": CLASSES,
        "loss_curve": ((0, 0.15), (steps // 2, 0.13), (steps - 1, 0.12)),
        "validation": points,
        "validation_images": ValidationImages(40, 80 if old else 0, 20),
        "weight_distance": how.parts["head"].distance if how and "head" in how.parts else 0.087,
        "ratchet_version": "1.0.0",
        "asked": asked_training(peak_learning_rate=peak, replay=replay, **(asked or {})),
        "dynamics": how,
    }
    return training_record(**whole | fields)


def retrained_before(**fields: Any) -> TrainingRecord:
    """The record of a baseline that was retrained itself, a span before the candidate; `retrained` knows the fields."""
    return retrained(**{"span": 2, "new": (0.70, 0.68, 0.70, 0.71, 0.715, 0.72, 0.724, 0.726, 0.727)} | fields)


def bootstrapped(**fields: Any) -> TrainingRecord:
    """The record of a baseline that is the first model of its lineage."""
    rates = LearningRateRecord(BOOTSTRAP_PEAK, BOOTSTRAP_PEAK, 250, 0.05 * BOOTSTRAP_PEAK, 0.02 * BOOTSTRAP_PEAK)
    asked: AskedTraining = asked_training(
        peak_learning_rate=BOOTSTRAP_PEAK, replay=0.0, steps=2500, epochs=None, min_steps=None, max_steps=None
    )
    whole: dict[str, Any] = {
        "images": IMAGES,
        "learning_rate": rates,
        "planned_steps": 2500,
        "steps": 2500,
        "best_step": 2500,
        "label_map": CLASSES,
        "loss_curve": ((0, 2.1), (1250, 0.3), (2499, 0.13)),
        "validation": tuple(ValidationPoint(312 * place, 0.09 * place, 0.09 * place, None) for place in range(9)),
        "weight_distance": 1.4,
        "ratchet_version": "1.0.0",
        "asked": asked,
        "dynamics": dynamics_of(rates, 2500, first=2.1, rise=1.1, last=0.13, distance=1.4, norm_shift=2.5, line=()),
    }
    return training_record(**whole | fields)


def validation(
    new: Sequence[float | None], old: Sequence[float | None] | None, steps: int, replay: float
) -> tuple[ValidationPoint, ...]:
    """Points at equal distances from step 0 to the last one."""
    points = []
    for place, value in enumerate(new):
        before = old[place] if old is not None and place < len(old) else None
        mixed = value or 0.0 if before is None else (1 - replay) * (value or 0.0) + replay * before
        points.append(ValidationPoint(round(steps * place / max(1, len(new) - 1)), mixed, value, before))
    return tuple(points)


def dynamics(
    *,
    first: float = 0.15,
    rise: float = 1.2,
    last: float = 0.12,
    gradient: float | None = 3.0,
    peak_rate: float = PEAK,
    sum_of_rates: float | None = None,
    distance: float = 0.087,
    norm_shift: float | None = 0.067,
    line: Sequence[float] = (0.731, 0.736, 0.738),
    batches: BatchFigures | str | None = "clean",
    augmented: BatchFigures | str | None = "clean",
    environment: Environment | None = None,
) -> Dynamics:
    """How a retraining went.

    Args:
        first: mean loss of the first steps.
        rise: highest loss over it.
        last: loss of the last steps.
        gradient: highest gradient norm; None where it was not measured.
        peak_rate: the highest learning rate that the optimizer used.
        sum_of_rates: over all steps; None: that of the usual schedule over STEPS steps.
        distance: of the weights from their start, in every part.
        norm_shift: of the batch norms, in every part.
        line: mAP at 1/4, 1/2, 3/4 between start and result.
        batches: the first batches as they come from the files.
        augmented: as the training got them.
        environment: what it ran on.
    """
    moved = {part: PartMoved(distance, norm_shift) for part in ("backbone", "decoder", "head")}
    total = Curve(first, first * rise, 5, last)
    half = Curve(first / 2, first * rise / 2, 5, last / 2)
    return Dynamics(
        losses={"total_loss": total, "cls_loss": half, "box_loss": half},
        gradient_norm=None if gradient is None else Curve(gradient / 1.5, gradient, 4, gradient / 3),
        sum_of_rates=_sum_of(LearningRateRecord(peak_rate, 1.0, STEPS // 10, 0.05 * peak_rate, 0.02 * peak_rate), STEPS)
        if sum_of_rates is None
        else sum_of_rates,
        peak_rate=peak_rate,
        parts=moved,
        batches=batch_figures() if isinstance(batches, str) else batches,
        augmented=batch_figures() if isinstance(augmented, str) else augmented,
        line=tuple(LinePoint((place + 1) / 4, value, value, value) for place, value in enumerate(line)),
        environment=environment or environment_of(),
    )


def dynamics_of(rates: LearningRateRecord, steps: int, **fields: Any) -> Dynamics:
    """How a training with this schedule went."""
    whole: dict[str, Any] = {"peak_rate": rates.peak, "sum_of_rates": _sum_of(rates, steps)}
    return dynamics(**whole | fields)


def _sum_of(rates: LearningRateRecord, steps: int) -> float:
    return sum(rates.at(step, steps) for step in range(steps))


def batch_figures(**fields: Any) -> BatchFigures:
    """Images and boxes of some batches, not augmented."""
    whole: dict[str, Any] = {
        "images": 64,
        "brightness": 0.5,
        "contrast": 0.2,
        "log_area": -3.0,
        "log_aspect": 0.0,
        "boxes": 3.0,
        "mirrored": 0.0,
    }
    return BatchFigures(**whole | fields)


def environment_of(**fields: Any) -> Environment:
    """What the trainings of a clean run ran on."""
    whole: dict[str, Any] = {
        "code": "code",
        "lock": "lock",
        "libraries": {"tensorflow": "2.16.2", "tf-models-official": "2.16.0", "numpy": "1.26.4"},
        "device": "CPU",
    }
    return Environment(**whole | fields)


def with_data(record: TrainingRecord, *data: TrainedData) -> TrainingRecord:
    """The record with other spans of its lineage, the last the one trained on."""
    return dataclasses.replace(record, data=data)
