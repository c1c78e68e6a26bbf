"""The registry's entries on their way to their files and back: places are relative there; what a signature is of."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ratchet.schemas.artifacts.registry_entries import (
    INTENT_FORMAT,
    POINTER_FORMAT,
    RECORDED_DECISION_FORMAT,
    SERVED_MODEL_FORMAT,
    Intent,
    Pointer,
    RecordedDecision,
    ServedModel,
)
from ratchet.schemas.base.persisted import PersistedFormat, Values

_ARTIFACTS = "/artifacts/"
_FORMATS: dict[type, PersistedFormat[Any]] = {
    ServedModel: SERVED_MODEL_FORMAT,
    RecordedDecision: RECORDED_DECISION_FORMAT,
    Intent: INTENT_FORMAT,
}
_PLACES = ("path", "model", "evaluation", "source")

Entry = TypeVar("Entry", ServedModel, RecordedDecision)
Signed = TypeVar("Signed", bound=ServedModel | RecordedDecision | Intent)


def entry_json(entry: Entry, root: str) -> str:
    """The file of an entry, with places below the root relative to it."""
    return _FORMATS[type(entry)].write(relative(entry, root))


def parse_entry(text: str, path: str, kind: type[Entry], root: str) -> Entry:
    """The inverse of `entry_json`.

    Args:
        text: content of the file.
        path: the file, for errors.
        kind: what it should hold.
        root: what relative places start from.

    Raises:
        StateError: it holds something else, or was written by a newer version of Ratchet.
    """
    return parse_value(_FORMATS[kind].load(text, path), path, kind, root)


def parse_value(value: Values | str, path: str, kind: type[Entry], root: str) -> Entry:
    """The same of its JSON object, or of the text of what is none; see `parse_entry`."""
    if isinstance(value, str):
        return parse_entry(value, path, kind, root)
    return _absolute(_FORMATS[kind].from_values(value, path), value, root)


def pointer_json(pointer: Pointer, root: str) -> str:
    """The file of the pointer."""
    served, pushing = pointer.served, pointer.pushing
    return POINTER_FORMAT.write(Pointer(served and relative(served, root), pushing and relative(pushing, root)))


def parse_pointer(text: str, path: str, root: str) -> Pointer:
    """The inverse of `pointer_json`; see `parse_entry`."""
    values = POINTER_FORMAT.load(text, path)
    pointer = POINTER_FORMAT.from_values(values, path)
    served, pushing = pointer.served, pointer.pushing
    return Pointer(
        served and _absolute(served, values.get("served", values), root),
        pushing and _absolute(pushing, values["pushing"], root),
    )


def signed_values(entry: ServedModel | RecordedDecision | Intent, root: str) -> Values:
    """What the signature of an entry is made of: all else that stands in its file, or will.

    A key that its file lacks, for an older version wrote it, is no part of that; one that a newer version added is.
    """
    values = _FORMATS[type(entry)].values_of(relative(entry, root))
    if entry.as_written is not None:
        values = _as_written(values, entry.as_written)
    return {name: value for name, value in values.items() if name not in ("signature", "format")}


def _as_written(values: Mapping[str, Any], written: Mapping[str, Any]) -> Values:
    """The values of the keys that were written; what was below a key, likewise."""
    found = {name: values.get(name, value) for name, value in written.items()}
    for name, value in written.items():
        if isinstance(value, dict) and isinstance(found[name], dict):
            found[name] = _as_written(found[name], value)
    return found


def relative(entry: Signed, root: str) -> Signed:
    """An entry with its places below the root relative to it."""
    return _placed(entry, lambda place: place.removeprefix(f"{root}/"))


def _absolute(entry: Signed, written: Mapping[str, Any], root: str) -> Signed:
    return dataclasses.replace(_placed(entry, lambda place: _in_root(place, root)), as_written=written)


def _placed(entry: Signed, place: Callable[[str], str]) -> Signed:
    """An entry with its places changed, and those of the entries in it."""
    changed: dict[str, Any] = {}
    for name in _PLACES:
        value = getattr(entry, name, None)
        if isinstance(value, str):  # of a publication, the model is an entry
            changed[name] = place(value)
    if isinstance(entry, Intent):
        changed |= {"model": _placed(entry.model, place), "decision": entry.decision and _placed(entry.decision, place)}
    return dataclasses.replace(entry, **changed)


def _in_root(place: str, root: str) -> str:
    """In format 0 places were absolute: in a root that was moved or copied since, its own files are meant."""
    if os.path.isabs(place) or "://" in place:
        return f"{root}{place[place.rfind(_ARTIFACTS) :]}" if _ARTIFACTS in place else place
    return f"{root}/{place}" if place else place
