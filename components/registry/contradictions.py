"""What the registry says is served, held against what TensorFlow Serving serves; every error says how to go on.

TensorFlow Serving serves the highest number in its directory, so that has to be the version the registry names.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.registry.entries import ServedModel
from schemas.errors import StateError
from schemas.files import Files
from schemas.model_digest import is_intact, model_digest


def check_served(
    model: ServedModel, serving_directory: str, on_disk: Sequence[str], known: Sequence[ServedModel], files: Files
) -> None:
    """Whether the model that the registry names is whole, and is what is served.

    Args:
        model: what the registry names.
        serving_directory: the directory TensorFlow Serving watches.
        on_disk: the versions in it, ascending.
        known: every version in the registry, ascending.
        files: file functions.

    Raises:
        StateError: it is not.
    """
    if not files.exists(f"{model.path}/saved_model.pb"):
        raise StateError(
            f"{model.path}: the registry says that version {model.version} is served, but there is no SavedModel; "
            f"restore that directory (run {model.run_id} has it in its artifacts), or {_rollback(known, files)}"
        )
    found = model_digest(model.path, files)
    if found != model.digest:
        raise StateError(
            f"{model.path}: content digest {found[:12]} is not the {model.digest[:12]} recorded when version "
            f"{model.version} was pushed; restore the pushed files (run {model.run_id} has them in its artifacts), or "
            f"{_rollback(known, files)}"
        )
    highest = on_disk[-1]
    if highest != model.version:
        raise StateError(
            f"{serving_directory}: TensorFlow Serving serves version {highest}, the highest number, but the registry "
            f"says that version {model.version} is served. If an approve or a rollback was interrupted, repeat it; "
            f"else move {serving_directory}/{highest} away, or {_rollback(known, files, model.version)}"
        )


def nothing_should_be_served(
    pointer_file: str, serving_directory: str, on_disk: Sequence[str], known: Sequence[ServedModel], files: Files
) -> None:
    """Whether it is true that no model was ever served.

    Args:
        pointer_file: the missing file that would say which one is.
        serving_directory: the directory TensorFlow Serving watches.
        on_disk: the versions in it, ascending.
        known: every version in the registry, ascending.
        files: file functions.

    Raises:
        StateError: it is not.
    """
    if not on_disk and not known:
        return
    was = f"version {on_disk[-1]} is served" if on_disk else f"version {known[-1].version} was served"
    raise StateError(
        f"{serving_directory}: {was}, but {pointer_file} is missing, so the baseline is unknown; if the approval of a "
        f"first model was interrupted, repeat it; else restore the registry from a backup, or "
        f"{_rollback(known, files, on_disk[-1] if on_disk else None)}"
    )


def _rollback(known: Sequence[ServedModel], files: Files, preferred: str | None = None) -> str:
    """The command that repairs it, with a version whose bytes are whole: the preferred one, or else the newest."""
    order = sorted(known, key=lambda model: (model.version == preferred, int(model.version)), reverse=True)
    whole = next((model for model in order if model.blessed and is_intact(model.path, model.digest, files)), None)
    if whole is None:
        return "start with a new --root: no version that the registry knows is whole"
    return f"serve version {whole.version} again: ratchet rollback --to {whole.version} --by NAME --reason TEXT"
