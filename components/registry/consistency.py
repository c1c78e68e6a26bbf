"""What the registry says is served, held against what TensorFlow Serving serves; every error says how to go on.

TensorFlow Serving serves the highest number in its directory, so that has to be the version the registry names.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.registry.storage import Storage
from ratchet.schemas.artifacts.adoption import ADOPTED
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, ServedModel
from ratchet.schemas.base.errors import StateError

_DOCTOR = "`ratchet doctor --repair` mends what can be mended"


def check_served(storage: Storage, model: ServedModel, on_disk: Sequence[str], known: Sequence[ServedModel]) -> None:
    """Whether the model that the registry names is whole, and is what is served.

    Args:
        storage: of the root.
        model: what the registry names.
        on_disk: the versions in the serving directory, ascending.
        known: every version in the registry, ascending.

    Raises:
        StateError: it is not.
    """
    if not storage.holds(model.version, model.digest):
        raise StateError(
            f"{model.path}: these are not the bytes recorded when version {model.version} was {_how(model)} (content "
            f"digest {model.digest[:12]}), or none at all; {_DOCTOR} from {copies_of(model)}, or "
            f"{way_out(storage, model, known)}"
        )
    highest = on_disk[-1]
    if highest != model.version:
        raise StateError(
            f"{storage.serving_directory}: TensorFlow Serving serves version {highest}, the highest number, but the "
            f"registry says that version {model.version} is served. {_DOCTOR} by setting version {highest} aside, or "
            f"{_rollback(storage, known, model.version)}"
        )


def nothing_should_be_served(storage: Storage, on_disk: Sequence[str], known: Sequence[ServedModel]) -> None:
    """Whether it is true that no model was ever served.

    Args:
        storage: of the root.
        on_disk: the versions in the serving directory, ascending.
        known: every version in the registry, ascending.

    Raises:
        StateError: it is not.
    """
    if not on_disk and not known:
        return
    was = f"version {on_disk[-1]} is served" if on_disk else f"version {known[-1].version} was served"
    raise StateError(
        f"{storage.serving_directory}: {was}, but {storage.registry_directory}/{POINTER_FILE} does not name it, so the "
        f"baseline is unknown; {_DOCTOR}, or {_rollback(storage, known, on_disk[-1] if on_disk else None)}"
    )


def copies_of(model: ServedModel) -> str:
    """Where the bytes of a version may lie once more, for a sentence. No run made an adopted model."""
    if model.verdict == ADOPTED:
        return "the copy of a run that was held against it, if there is one"
    return f"the artifacts of run {model.run_id}"


def way_out(storage: Storage, model: ServedModel, known: Sequence[ServedModel]) -> str:
    """What a person can do about a served version whose bytes are nowhere whole, for a sentence.

    Args:
        storage: of the root.
        model: the version.
        known: every version in the registry, ascending.
    """
    advice = _rollback(storage, known)
    if model.verdict != ADOPTED:
        return advice
    return f"{advice}, or adopt it again: the same `ratchet adopt` puts it into service anew"


def _how(model: ServedModel) -> str:
    return "adopted" if model.verdict == ADOPTED else "pushed"


def _rollback(storage: Storage, known: Sequence[ServedModel], preferred: str | None = None) -> str:
    """The command that repairs it, with a version whose bytes are whole: the preferred one, or else the newest."""
    if not known:
        return "restore the registry from a backup: it knows no version"
    order = sorted(known, key=lambda model: (model.version == preferred, int(model.version)), reverse=True)
    whole = next((model for model in order if model.blessed and storage.holds(model.version, model.digest)), None)
    if whole is None:
        return "restore the serving directory from a backup: no version in it is whole"
    return f"serve version {whole.version} again: ratchet rollback --to {whole.version} --by NAME --reason TEXT"
