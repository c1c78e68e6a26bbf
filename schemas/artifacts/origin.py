"""Where a served model comes from: a training of which there is a record, or an adoption."""

from __future__ import annotations

from ratchet.schemas.artifacts.adoption import Adoption, read_adoption
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.files import Files


def origin_of(model: str, files: Files) -> TrainingRecord | Adoption:
    """What is known of how a model came about.

    Args:
        model: directory of the SavedModel.
        files: the file system.

    Raises:
        StateError: it has neither a training record nor the record of an adoption, or one of another version.
    """
    return read_adoption(model, files) or read_training_record(model, files)


def record_of(model: str, files: Files) -> TrainingRecord | None:
    """The training record of a model; None of one that was adopted, of whose training nothing is recorded.

    Raises:
        StateError: see `origin_of`.
    """
    origin = origin_of(model, files)
    return origin if isinstance(origin, TrainingRecord) else None
