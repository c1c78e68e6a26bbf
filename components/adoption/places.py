"""Where a SavedModel lies below what a person names, and what else may lie there; pure."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import listed
from ratchet.schemas.base.visible import visible_line


def saved_model_in(directory: str) -> str:
    """The directory of `saved_model.pb`: this one, or the `saved_model` that the TF Object Detection API puts into it.

    Raises:
        InputError: there is none.
    """
    shown = visible_line(directory)
    for place in (directory, os.path.join(directory, "saved_model")):
        if os.path.isfile(os.path.join(place, "saved_model.pb")):
            return place
    if not os.path.isdir(directory):
        what = "a file" if os.path.exists(directory) else "no such directory"
        raise InputError(f"{shown}: {what}; give the directory of a SavedModel, in which saved_model.pb lies")
    found = sorted(os.listdir(directory))
    raise InputError(
        f"{shown}: no SavedModel, it holds {_held(found)}{_other_form(found)}; give the directory in which "
        "saved_model.pb lies"
    )


def _held(names: Sequence[str]) -> str:
    return listed([visible_line(name) for name in names], 5) or "nothing"


def _other_form(names: Sequence[str]) -> str:
    if "saved_model.pbtxt" in names:
        return " (a SavedModel as text: load it and save it again)"
    if any(name.endswith((".index", "checkpoint")) for name in names):
        return " (a checkpoint: export it with its toolkit)"
    if any(name.endswith((".h5", ".hdf5", ".keras", ".tflite", ".onnx", ".pt")) for name in names):
        return " (weights in another format: export them as a SavedModel)"
    return ""
