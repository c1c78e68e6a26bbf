"""The learning rate over a training; pure."""

from __future__ import annotations

from schemas.artifacts.training_record import LearningRateRecord

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
