"""Which files of a directory are the log of the one training that it is of; pure but for listing it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.toolkits.curves_json import first_entry
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.visible import visible_line

EVENTS, LINES, TABLE, RECORD = "events", "lines", "table", "record"
_MOST_FILES = 100_000
_LISTED = 5
_HEAD_BYTES = 1 << 16
# Directories that are parts of one training's: TensorFlow's and Lightning's, MMDetection's, those of a SavedModel.
_VALIDATION_DIRECTORY = re.compile(r"(eval|evaluation|validation)(_\w+)?|val|test", re.IGNORECASE)
_VALIDATION = ("eval", "evaluation", "validation", "val")  # of the directory that was given: it may be called anything
_PART = re.compile(r"train(ing)?|logs?|tf_logs|vis_data|\d{8}_\d{6}|assets\.extra", re.IGNORECASE)
_LOG_TABLE = re.compile(r"(.*[_.-])?log\.csv")
_NONE = (
    "no log of a training in it: no TensorBoard events (events.out.tfevents.*), results.csv of Ultralytics, *.log.json "
    "or vis_data/scalars.json of MMDetection, metrics.json of Detectron2, metrics.csv or *log.csv, and no "
    "training_record.json; give the directory that one of them is in"
)


@dataclass(frozen=True)
class FoundLog:
    """The files of a log.

    Attributes:
        kind: EVENTS, LINES of JSON, TABLE or RECORD; one file if it is one of the last two.
        files: ascending by name.
    """

    kind: str
    files: tuple[Path, ...]


def is_validation(file: Path, top: Path) -> bool:
    """Whether an event file is of validation images, by the name of its directory.

    Args:
        file: its path.
        top: the directory that was given.
    """
    name = file.parent.name
    return name.lower() in _VALIDATION if file.parent == top else bool(_VALIDATION_DIRECTORY.fullmatch(name))


def find_log(directory: Path) -> FoundLog:
    """Finds the log in a directory and those below it.

    Toolkits write their own log and TensorBoard's events of the same training beside each other: then their own counts.

    Raises:
        InputError: there is none, or there are those of several trainings.
    """
    found: dict[tuple[Path, str], list[Path]] = {}
    for file in _files(directory):
        kind = _kind(file)
        if kind:
            found.setdefault((_training(file, directory), kind), []).append(file)
    if not found:
        raise InputError(f"{directory}: {_NONE}")
    trainings = {training for training, _ in found}
    kinds = {kind for _, kind in found}
    files = [file for group in found.values() for file in group]
    if len(trainings) > 1 or len(kinds - {EVENTS}) > 1:
        raise _several(directory, files)
    kind = next(iter(kinds - {EVENTS}), EVENTS)
    chosen = found[trainings.pop(), kind]
    if kind in (TABLE, RECORD) and len(chosen) > 1:
        raise _several(directory, chosen)
    return FoundLog(kind, tuple(sorted(chosen)))


def _several(directory: Path, files: list[Path]) -> InputError:
    names = sorted(visible_line(str(file.relative_to(directory))) for file in files)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return InputError(
        f"{directory}: logs of several trainings: {', '.join(names[:_LISTED])}{more}; give one of these files, or the "
        "directory of one training"
    )


def _files(directory: Path) -> list[Path]:
    found: list[Path] = []
    try:
        for root, directories, names in os.walk(directory, onerror=_refuse):
            directories[:] = sorted(name for name in directories if not name.startswith("."))
            found += [Path(root, name) for name in names]
            if len(found) > _MOST_FILES:
                raise InputError(f"{directory}: over {_MOST_FILES} files in it; give the directory of one training")
    except OSError as error:
        raise InputError(f"{directory}: cannot be listed: {reason_of(error)}; check its permissions") from error
    return found


def _refuse(error: OSError) -> None:
    raise error


def _kind(file: Path) -> str | None:
    name = file.name
    if "tfevents" in name:
        return EVENTS
    if name == "training_record.json":
        return RECORD
    if name in ("results.csv", "metrics.csv") or _LOG_TABLE.fullmatch(name):
        return TABLE
    if (
        name.endswith(".log.json")
        or name == "scalars.json"
        or (name.endswith(".json") and file.parent.name == "vis_data")
    ):
        return LINES
    # Many tools write a file of this name; Detectron2's has lines with an iteration.
    return LINES if name == "metrics.json" and "iteration" in first_entry(_head(file)) else None


def _head(file: Path) -> bytes:
    try:
        refuse_irregular(file)
        with file.open("rb") as opened:
            return opened.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def _training(file: Path, top: Path) -> Path:
    """The directory of the training that a file belongs to."""
    directory = file.parent
    while directory != top and (_PART.fullmatch(directory.name) or _VALIDATION_DIRECTORY.fullmatch(directory.name)):
        directory = directory.parent
    return directory
