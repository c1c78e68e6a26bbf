"""What the candidate's training record says for or against it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.training_record import TrainingRecord, ValidationImages
from ratchet.schemas.base.formatting import many


def training_reasons(record: TrainingRecord) -> list[Reason]:
    """Whether the training kept to its course, whether its checkpoint was chosen, and what of it was changed.

    Args:
        record: the candidate's.

    Returns:
        A failed reason for a training that diverged; what a person should know of a sound one as warnings. Of a
        trainer of one's own only what was declared.
    """
    if record.trainer:  # it alone knows how its training went
        return _changed(record)
    return [_diverged(record), *_checkpoint(record), *_changed(record)]


def sound_detections(no_numbers: Sequence[str]) -> list[Reason]:
    """A failed reason for a candidate that finds boxes or scores that are no numbers; those count as not found.

    Args:
        no_numbers: what it found, in words, a batch each.
    """
    if not no_numbers:
        return []
    found = f"{no_numbers[0]}; batches with such: {len(no_numbers)}"
    return [Reason("training:detections", "boxes and scores that are finite numbers", found)]


def _diverged(record: TrainingRecord) -> Reason:
    lost = record.diverged
    if lost is None:
        seen = f"{many(record.steps, 'step')} of {record.planned_steps:,}, none of them lost"
        return Reason("training:diverged", "a training whose loss stays within bounds", seen, passed=True)
    kept = f"those after step {record.best_step}" if record.best_step else "those it started from"
    return Reason(
        "training:diverged",
        "a training whose loss stays within bounds",
        f"{lost.what} at step {lost.step} of {record.planned_steps}, learning rate {lost.learning_rate:.2g}; "
        f"the weights measured here are {kept}",
    )


def _checkpoint(record: TrainingRecord) -> list[Reason]:
    images = record.validation_images
    if images is None or record.diverged is not None:
        return []
    wanted = f"at least {images.wanted} validation images to choose the checkpoint by"
    if record.has_chosen:
        return [Reason("training:checkpoint", wanted, _counted(images), passed=True)]
    found = f"{_counted(images)} where {images.wanted} are wanted; the last checkpoint was taken"
    return [Reason("training:checkpoint", wanted, found, passed=True, warning=True)]


def _counted(images: ValidationImages) -> str:
    total = many(images.new + images.old, "validation image")
    parts = f" ({images.new} of the new span, {images.old} of earlier ones)" if images.old else ""
    return total + parts + (", all counting alike" if images.pooled else "")


def _changed(record: TrainingRecord) -> list[Reason]:
    if not record.changed_training:
        return []
    return [
        Reason(
            "training:changed",
            "a training like the lineage's last one",
            "; ".join(record.changed_training),
            passed=True,
            warning=True,
        )
    ]
