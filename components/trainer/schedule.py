"""The learning rate over a training; pure."""

from __future__ import annotations

import math

from schemas.training_record import LearningRateRecord

WARMUP_FRACTION = 0.1  # of all steps, at most WARMUP_MAX_STEPS
WARMUP_MAX_STEPS = 500
WARMUP_START = 0.05  # of the peak; a start above the peak is what tf-models' default gives a small rate
FINAL_FRACTION = 0.02  # of the peak; training on without decay alone costs .03 mAP


def schedule(peak: float, bootstrap_peak: float, steps: int) -> LearningRateRecord:
    """The schedule of a training of `steps` steps; the rate never exceeds `peak`."""
    return LearningRateRecord(
        peak=peak,
        bootstrap_peak=bootstrap_peak,
        warmup_steps=min(WARMUP_MAX_STEPS, int(steps * WARMUP_FRACTION)),
        warmup_start=peak * WARMUP_START,
        final=peak * FINAL_FRACTION,
    )


def learning_rate_at(step: int, steps: int, rate: LearningRateRecord) -> float:
    """Linear warm-up, then cosine decay (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).

    Args:
        step: 0..steps-1.
        steps: length of the training.
        rate: the schedule.

    >>> rate = LearningRateRecord(peak=1.0, bootstrap_peak=1.0, warmup_steps=10, warmup_start=0.05, final=0.02)
    >>> [round(learning_rate_at(step, 100, rate), 3) for step in (0, 10, 55, 99)]
    [0.05, 1.0, 0.51, 0.02]
    """
    if step < rate.warmup_steps:
        return rate.warmup_start + (rate.peak - rate.warmup_start) * step / rate.warmup_steps
    progress = (step - rate.warmup_steps) / max(1, steps - rate.warmup_steps)
    return rate.final + (rate.peak - rate.final) * 0.5 * (1 + math.cos(math.pi * progress))
