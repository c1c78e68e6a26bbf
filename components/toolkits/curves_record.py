"""Ratchet's own training record -> curves; pure."""

from __future__ import annotations

from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.data.training_plan import TrainingCurves, finite


def read_record_curves(content: bytes, source: str) -> TrainingCurves:
    """Loss, validation and rate of a training record.

    Args:
        content: of the file.
        source: its path, for messages.

    Raises:
        DataError: it is no training record that this version reads.
    """
    try:
        record = TRAINING_RECORD_FORMAT.read(content, source)
    except StateError as error:
        raise DataError(
            f"{error} (to read how a training went, give the training_record.json of another model, or its log)"
        ) from error
    validation = ((float(point.step), point.map) for point in record.validation)
    rate, planned = record.learning_rate, max(1, record.planned_steps)
    return TrainingCurves(
        source=source,
        unit="step",
        loss=finite(tuple((float(step), loss) for step, loss in record.loss_curve)),
        validation_map=finite(tuple(validation)),
        rate=tuple((float(step), rate.at(step, planned)) for step, _ in record.loss_curve),
        diverged_at=float(record.diverged.step) if record.diverged else None,
    )
