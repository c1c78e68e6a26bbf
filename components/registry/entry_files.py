"""The registry's files: each is a value of `entries` that goes to JSON and back unchanged.

`format` in each file tells how it is read. Format 1 had no number: a pointer was the served model's entry alone, and
places were absolute. A key that a later version of a format may have added is left alone.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, TypeVar

from components.registry.entries import Intent, Pointer, RecordedDecision, ServedModel, is_version
from schemas.artifacts.overrides import Override
from schemas.base.checked_json import shown
from schemas.base.errors import StateError

FORMAT = 2
POINTER_FILE = "served.json"
_ARTIFACTS = "/artifacts/"
_TYPES = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}
_MEND = "`ratchet doctor --repair` mends what can be mended; else restore it from a backup"

Entry = TypeVar("Entry", ServedModel, RecordedDecision)


def entry_json(entry: ServedModel | RecordedDecision, root: str) -> str:
    """The file of an entry, with places below the root relative to it."""
    return json.dumps({"format": FORMAT, **_values(entry, root)}, indent=1)


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
    return _entry(_object(text, path), path, kind, root)


def signed_values(entry: ServedModel | RecordedDecision | Intent, root: str) -> dict[str, Any]:
    """What the signature of an entry is made of: all else that stands in its file."""
    return {name: value for name, value in _values(entry, root).items() if name != "signature"}


def pointer_json(pointer: Pointer, root: str) -> str:
    """The file of the pointer."""
    served, pushing = pointer.served, pointer.pushing
    values = {
        "format": FORMAT,
        "served": served and _values(served, root),
        "pushing": pushing and _values(pushing, root),
    }
    return json.dumps(values, indent=1)


def parse_pointer(text: str, path: str, root: str) -> Pointer:
    """The inverse of `pointer_json`; see `parse_entry`."""
    values = _object(text, path)
    if "format" not in values:
        return Pointer(_entry(values, path, ServedModel, root))
    served, pushing = values.get("served"), values.get("pushing")
    return Pointer(
        served=None if served is None else _entry(served, path, ServedModel, root),
        pushing=None if pushing is None else _intent(pushing, path, root),
    )


def _intent(values: Any, path: str, root: str) -> Intent:
    try:
        override, decision = values["override"], values["decision"]
        return Intent(
            model=_entry(values["model"], path, ServedModel, root),
            staged=str(values["staged"]),
            source=_absolute(str(values["source"]), root),
            override=None if override is None else Override.from_json(override),
            left_behind=tuple(map(str, values["left_behind"])),
            decision=None if decision is None else _entry(decision, path, RecordedDecision, root),
            signature=values.get("signature"),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise StateError(f"{path}: not the record of a publication ({error}); {_MEND}") from error


def _object(text: str, path: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = "is empty" if not text.strip() else f"is torn or not JSON ({error})"
        raise StateError(f"{path}: {what}; {_MEND}") from error
    if not isinstance(values, dict):
        raise StateError(f"{path}: not a registry entry, but {shown(values)}; {_MEND}")
    number = values.get("format", 1)
    if type(number) is not int or not number >= 1:
        raise StateError(f"{path}: its format {shown(number)} is no format number; {_MEND}")
    if number > FORMAT:
        raise StateError(
            f"{path}: it has format {number}, this version of Ratchet reads up to {FORMAT}; use the version that wrote "
            "it, or a newer one"
        )
    return values


def _entry(values: Any, path: str, kind: type[Entry], root: str) -> Entry:
    try:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        # JSON knows lists only; the values here have tuples.
        known: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items() if n in fields}
        entry = kind(**known)
        for name, field in fields.items():
            _check_type(name, getattr(entry, name), str(field.type))
        if isinstance(entry, ServedModel):
            if not is_version(entry.version):
                raise ValueError(f"version is {shown(entry.version)}")
            return dataclasses.replace(entry, path=_absolute(entry.path, root))
        model, evaluation = _absolute(entry.model, root), _absolute(entry.evaluation, root)
        return dataclasses.replace(entry, model=model, evaluation=evaluation)
    except (ValueError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: not a registry entry ({error}); {_MEND}") from error


def _check_type(name: str, value: Any, annotation: str) -> None:
    if value is None and annotation.endswith("| None"):
        return
    kind = annotation.removesuffix(" | None")
    right = (
        all(type(number) in (int, float) for number in value) and len(value) == 2
        if kind.startswith("tuple") and isinstance(value, tuple)
        else type(value) in _TYPES.get(kind, ())
    )
    if not right:
        raise ValueError(f"{name} is {shown(value)}")


def _values(entry: ServedModel | RecordedDecision | Intent, root: str) -> dict[str, Any]:
    if isinstance(entry, Intent):
        return {
            "model": _values(entry.model, root),
            "staged": entry.staged,
            "source": _relative(entry.source, root),
            "override": entry.override and entry.override.to_json(),
            "left_behind": list(entry.left_behind),
            "decision": entry.decision and _values(entry.decision, root),
            "signature": entry.signature,
        }
    values = dataclasses.asdict(entry)
    for name in ("path", "model", "evaluation"):
        if name in values:
            values[name] = _relative(values[name], root)
    return values


def _relative(place: str, root: str) -> str:
    return place.removeprefix(f"{root}/")


def _absolute(place: str, root: str) -> str:
    """In format 1 places were absolute: in a root that was moved or copied since, its own files are meant."""
    if os.path.isabs(place) or "://" in place:
        return f"{root}{place[place.rfind(_ARTIFACTS) :]}" if _ARTIFACTS in place else place
    return f"{root}/{place}" if place else place
