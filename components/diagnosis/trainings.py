"""The candidate's training beside the baseline's, in ratios; None wherever a record does not say; pure.

A baseline that is the first model of its lineage was trained otherwise than a retraining is: from random weights, at a
rate ten times as high, until it was done. Only what a retraining would have done in its place is a measure for one, so
its rate counts as USUAL_FRACTION of its peak, its passes as those that the settings ask for, and how far its weights
went is no measure at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ratchet.schemas.artifacts.training_dynamics import Curve, PartMoved
from ratchet.schemas.artifacts.training_record import LearningRateRecord, TrainingRecord, ValidationPoint

USUAL_FRACTION = 0.1  # of the first training's peak rate, in a retraining (`training.retrain.learning_rate_fraction`)
USUAL_EPOCHS = 5.0  # passes over the new span (`training.retrain.epochs`)
USUAL_REPLAY = 0.5  # share of a batch (`training.retrain.replay`)
_SAMPLED = 1000  # steps of a schedule that its mean is taken of
_TAIL = 5  # points of a loss curve: single steps, so their mean
_TOTAL = "total_loss"


def ratio(value: float | None, to: float | None) -> float | None:
    """One figure over another; None unless both are positive and finite.

    >>> ratio(3.0, 2.0), ratio(1.0, 0.0), ratio(None, 1.0)
    (1.5, None, None)
    """
    if value is None or to is None or not (math.isfinite(value) and math.isfinite(to)) or value < 0 or to <= 0:
        return None
    found = value / to
    return found if math.isfinite(found) else None


@dataclass(frozen=True)
class Trainings:
    """Two trainings, the second of which started from the first's weights.

    Attributes:
        candidate: the record of the second.
        baseline: the record of the first.
    """

    candidate: TrainingRecord
    baseline: TrainingRecord

    @property
    def alike(self) -> bool:
        """Whether both are retrainings, so that the baseline's own course is a measure for the candidate's."""
        return self.baseline.mode == "retrain"

    @property
    def one_optimizer(self) -> bool:
        """Whether both have the same one, so that their rates mean the same."""
        return self.candidate.numerics.optimizer == self.baseline.numerics.optimizer

    @property
    def usual_peak(self) -> float:
        """The peak rate that a retraining of this lineage had, or would usually have."""
        return peak_rate(self.baseline) if self.alike else USUAL_FRACTION * self.baseline.learning_rate.bootstrap_peak

    @property
    def peak(self) -> float | None:
        """The candidate's peak rate over the usual one; None where they are those of two optimizers."""
        if not self.one_optimizer:
            return None
        return ratio(peak_rate(self.candidate), self.usual_peak)

    @property
    def mean_rate(self) -> float | None:
        """The candidate's mean rate over that of the usual schedule in as many steps of as long a training; None where
        they are those of two optimizers."""
        record, before = self.candidate, self.baseline
        scale = ratio(self.usual_peak, before.learning_rate.peak)
        if scale is None or record.steps <= 0 or not self.one_optimizer:
            return None
        shape = replace(
            before.learning_rate,
            peak=self.usual_peak,
            warmup_start=before.learning_rate.warmup_start * scale,
            final=before.learning_rate.final * scale,
            warmup_steps=int(before.learning_rate.warmup_steps * record.planned_steps / max(1, before.planned_steps)),
        )
        own = record.dynamics
        used = own.sum_of_rates if own else _sum_of_rates(record.learning_rate, record)
        return ratio(_for_whole_batch(used, record), _sum_of_rates(shape, record))

    @property
    def usual_passes(self) -> float | None:
        """How often a retraining of this lineage sees, or usually would see, each image of its new span."""
        if self.alike:
            return passes(self.baseline, self.baseline.steps)
        asked = self.candidate.asked
        return asked.epochs if asked and asked.epochs else USUAL_EPOCHS

    @property
    def passes(self) -> float | None:
        """Passes up to the exported weights, over the usual ones."""
        return ratio(passes(self.candidate, exported_step(self.candidate)), self.usual_passes)

    @property
    def planned_passes(self) -> float | None:
        """Planned passes over the usual ones."""
        return ratio(passes(self.candidate, self.candidate.planned_steps), self.usual_passes)

    @property
    def last_loss(self) -> float | None:
        """Loss at the end over that of the baseline's training."""
        return ratio(last_loss(self.candidate), last_loss(self.baseline))

    @property
    def distance(self) -> float | None:
        """How far the weights went, over how far the baseline's own retraining took them."""
        if not self.alike:
            return None
        moved, before = (_parts_mean(each, lambda part: part.distance) for each in (self.candidate, self.baseline))
        if moved is None or before is None:  # then those of the exported weights, of both
            moved, before = self.candidate.weight_distance, self.baseline.weight_distance
        return ratio(moved, before)

    @property
    def norm_shift(self) -> float | None:
        """How far the batch-norm statistics went, over how far the baseline's own retraining took them."""
        if not self.alike:
            return None
        moved, before = (_parts_mean(each, lambda part: part.norm_shift) for each in (self.candidate, self.baseline))
        return ratio(moved, before)

    @property
    def gradient(self) -> float | None:
        """The highest gradient norm over that of the baseline's own retraining."""
        if not self.alike:
            return None
        norms = [each.dynamics.gradient_norm if each.dynamics else None for each in (self.candidate, self.baseline)]
        return ratio(*(norm.highest if norm else None for norm in norms))


def peak_rate(record: TrainingRecord) -> float:
    """The highest learning rate, for a whole batch: the optimizer's own, or the planned one before it was reached."""
    planned, own = record.learning_rate.peak, record.dynamics
    if own is None:
        used = planned
    elif record.steps > record.learning_rate.warmup_steps:
        used = own.peak_rate
    else:
        used = max(own.peak_rate, planned)
    return _for_whole_batch(used, record)


def _for_whole_batch(rate: float, record: TrainingRecord) -> float:
    """Undoes that a smaller batch has a smaller rate, by the square root."""
    if record.asked is None or record.batch_size <= 0 or record.asked.batch_size <= 0:
        return rate
    return rate * math.sqrt(record.asked.batch_size / record.batch_size)


def _sum_of_rates(rates: LearningRateRecord, record: TrainingRecord) -> float:
    """Over the steps that were taken of the planned ones."""
    count = min(record.steps, _SAMPLED)
    places = [int((place + 0.5) * record.steps / count) for place in range(count)]
    planned = max(record.planned_steps, record.steps)
    return record.steps * sum(rates.at(step, planned) for step in places) / max(1, count)


def exported_step(record: TrainingRecord) -> int:
    """The step of the exported weights."""
    return record.best_step if record.has_chosen else record.steps


def passes(record: TrainingRecord, steps: int) -> float | None:
    """How often so many steps see an image of the new span, on average; None without images."""
    seen = steps * record.batch_size * (1 - record.continual.replay)
    return ratio(seen, record.images)


def steps_for(record: TrainingRecord, wanted: float) -> int | None:
    """How many steps see each image of the new span so often; None without images or a batch."""
    steps = ratio(wanted * record.images, record.batch_size * (1 - record.continual.replay))
    return max(1, math.ceil(steps)) if steps is not None else None


def total_loss(record: TrainingRecord) -> Curve | None:
    """The curve of the whole loss; None in a record without dynamics."""
    return record.dynamics.losses.get(_TOTAL) if record.dynamics else None


def last_loss(record: TrainingRecord) -> float | None:
    """Loss at the end, smoothed."""
    curve = total_loss(record)
    return curve.last if curve else _mean([loss for _, loss in record.loss_curve[-_TAIL:]])


def first_loss(record: TrainingRecord) -> float | None:
    """Loss at the beginning, smoothed where the record has it so."""
    curve = total_loss(record)
    return curve.first if curve else record.loss_curve[0][1] if record.loss_curve else None


def _parts_mean(record: TrainingRecord, figure: Callable[[PartMoved], float | None]) -> float | None:
    parts: Mapping[str, PartMoved] = record.dynamics.parts if record.dynamics else {}
    return _mean([value for value in map(figure, parts.values()) if value is not None])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def course(record: TrainingRecord) -> tuple[ValidationPoint, ...]:
    """The points of validation, the first first."""
    return tuple(sorted(record.validation, key=lambda point: point.step))


def dip(record: TrainingRecord) -> float | None:
    """What the first round of training cost on validation images, as a share of mAP at the start.

    Of new and earlier spans the smaller cost: labels or images that changed cost what the earlier ones were worth while
    the new ones are learned; a rate that is too high costs both.

    Returns:
        Negative where mAP rose; None without a validation at the start and one after it.
    """
    points = course(record)
    if len(points) < 2 or points[0].step != 0:
        return None
    start, first = points[0], points[1]
    pooled = record.validation_images is not None and record.validation_images.pooled
    parts = [(start.map, first.map)] if pooled else [(start.new, first.new), (start.old, first.old)]
    costs = [cost for before, after in parts if (cost := _lost(before, after)) is not None]
    return min(costs) if costs else None


def barrier(record: TrainingRecord) -> float | None:
    """How far mAP on the line between start and exported weights lies below both ends, as a share of the start's.

    Returns:
        0 or less where no point is below both; None where the line or an end was not measured.
    """
    line = [point.map for point in record.dynamics.line] if record.dynamics else []
    ends = {point.step: point.map for point in record.validation}
    end = exported_step(record)
    if not line or end == 0 or 0 not in ends or end not in ends or not ends[0] > 0:
        return None
    return (min(ends[0], ends[end]) - min(line)) / ends[0]


def _lost(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or not before > 0 else (before - after) / before


def asked_replay(record: TrainingRecord) -> float:
    """As it was asked for: a tiny span is filled up with more, a span without earlier ones has none."""
    return record.asked.replay if record.asked else record.continual.replay


def more_replay(record: TrainingRecord) -> str:
    """The setting that leaves half of the new span's share of a batch: `training.retrain.replay: 0.5 -> 0.75`."""
    replay = asked_replay(record)
    return f"training.retrain.replay: {replay:g} -> {(1 + replay) / 2:.3g}"


def put_back(both: Trainings, *names: str) -> str | None:
    """The first of these settings of a retraining that is not as it was last time, and what it was.

    Args:
        both: the two trainings.
        names: fields of `AskedTraining`.

    Returns:
        `training.retrain.epochs: 50 -> 5`; None where none of them changed, or where that is not known.
    """
    now, then = both.candidate.asked, both.baseline.asked
    for name in names if both.alike and now and then else ():
        new, old = getattr(now, name), getattr(then, name)
        if new != old:
            return f"training.retrain.{name}: {new:g} -> {old:g}" if None not in (new, old) else None
    return None
