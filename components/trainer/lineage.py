"""What a retraining needs of the past: the baseline's record, and the spans that it was trained on; pure."""

from __future__ import annotations

from schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT, TrainedData, TrainingRecord
from schemas.base.artifact_places import places
from schemas.base.errors import ConfigError, StateError
from schemas.base.files import Files
from schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, DataSetInfo


def read_record(model: str, files: Files) -> TrainingRecord:
    """The training record inside a model.

    Args:
        model: directory of the SavedModel.
        files: the file system.

    Raises:
        StateError: there is none, or it is of another version.
    """
    path = f"{model}/{RECORD_FILE}"
    if not files.exists(path):
        raise StateError(
            f"{path}: the served model has no training record, without which nothing is known of how to go on from it; "
            "restore it from a backup or with `ratchet doctor --repair`, or serve an earlier version that has one: "
            "ratchet rollback --to VERSION --by NAME --reason TEXT"
        )
    with files.open(path) as file:
        return TRAINING_RECORD_FORMAT.read(file.read(), path)


def read_earlier(data: TrainedData, files: Files, artifacts: str | None = None) -> tuple[str, DataSetInfo]:
    """Finds the examples of an earlier span.

    Args:
        data: what the training record says of them.
        files: the file system.
        artifacts: the artifacts directory of the pipeline root, which may have been moved since; None: there is none.

    Returns:
        Where they are, and what they say of themselves.

    Raises:
        ConfigError: they are gone, or others have taken their place.
    """
    looked_at = places(data.examples, artifacts)
    for place in looked_at:
        info = _read_info(place, files)
        if info and info.digest == data.digest:
            return place, info
    raise ConfigError(
        f"training.retrain.replay: the training images of span {data.span} are no longer at {looked_at[0]}; "
        "bring them back, or train on the new span alone with training.retrain.replay=0"
    )


def _read_info(examples: str, files: Files) -> DataSetInfo | None:
    try:
        with files.open(f"{examples}/{DATASET_FILE}") as file:
            return DATASET_FORMAT.read(file.read(), examples)
    except Exception:  # each file system has errors of its own, and none of them would help more than the message
        return None
