"""The label map inside of a SavedModel: `assets.extra/labels.json`, the names of the labels 1..K as a JSON list."""

from __future__ import annotations

import json

from ratchet.schemas.artifacts.training_record import LABELS_FILE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files, reason_of, refuse_irregular


def read_class_names(model: str, files: Files) -> tuple[str, ...] | None:
    """The classes of a model; None of one that has no such file.

    Args:
        model: directory of the SavedModel.
        files: the file system.

    Raises:
        StateError: the file cannot be read, or is no list of names.
    """
    path = f"{model}/{LABELS_FILE}"
    if not files.exists(path):
        return None
    try:
        refuse_irregular(path)
        with files.open(path, "rb") as file:
            names = json.loads(file.read())
    except (OSError, ValueError, RecursionError) as error:
        raise StateError(f"{path}: the model's classes cannot be read ({reason_of(error)}); restore it") from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise StateError(f"{path}: is no list of class names; restore it")
    return tuple(names)
