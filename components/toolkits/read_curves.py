"""The log of a training, of whatever toolkit -> curves; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ratchet.components.toolkits.curves_csv import read_csv_log
from ratchet.components.toolkits.curves_events import HEAD_BYTES, is_event_file, read_events
from ratchet.components.toolkits.curves_find import EVENTS, RECORD, TABLE, find_log, is_validation
from ratchet.components.toolkits.curves_json import read_json_log
from ratchet.components.toolkits.curves_record import read_record_curves
from ratchet.components.toolkits.curves_series import VALIDATION, Log, Series, ascending, joined
from ratchet.components.toolkits.curves_tags import curves_of, unit_of
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.data.training_plan import TrainingCurves

_LARGEST_BYTES = 1 << 30
_TIME = re.compile(r"tfevents\.(\d{1,18})")


def read_curves(path: Path) -> TrainingCurves:
    """Reads what a log says of a training.

    Args:
        path: a file: TensorBoard's events, Ultralytics' `results.csv`, MMDetection's or Detectron2's JSON lines,
            another CSV file with a row a step, or a training record of Ratchet; or the directory of one training, with
            any of them.

    Raises:
        InputError: there is nothing of that kind, or of several trainings; or a file is damaged.
    """
    if path.is_dir():
        found = find_log(path)
        if found.kind == EVENTS:
            return _of_events(found.files, path, path)
        parts = [(str(file), _content(file)) for file in found.files]
        if found.kind in (RECORD, TABLE):
            [(source, content)] = parts
            return _of_file(content, source, found.kind)
        return curves_of(read_json_log(parts, str(path)))
    with _opened(path) as file:
        if "tfevents" in path.name or is_event_file(file.read(HEAD_BYTES)):
            return _of_events([path], path.parent, path)
    content = _content(path)
    return _of_file(content, str(path), _kind_of(path, content))


def _kind_of(path: Path, content: bytes) -> str:
    if path.suffix.lower() == ".csv":
        return TABLE
    if content.lstrip()[:1] in (b"{", b"["):
        return RECORD if path.name == "training_record.json" or _is_record(content) else ""
    return TABLE


def _is_record(content: bytes) -> bool:
    """Whether a JSON file is one object with the curves of a record, rather than one a line."""
    return b'"loss_curve"' in content and b'"ratchet_version"' in content


def _of_file(content: bytes, source: str, kind: str) -> TrainingCurves:
    if kind == RECORD:
        return read_record_curves(content, source)
    if kind == TABLE:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{source}: no UTF-8 text ({error.reason} at byte {error.start}), and no event file of TensorBoard; "
                "give the log of a training"
            ) from error
        return curves_of(read_csv_log(text, source))
    return curves_of(read_json_log([(source, content)], source))


def _of_events(files: Sequence[Path], top: Path, source: Path) -> TrainingCurves:
    """The curves of event files; those of training continue each other, and so do those of validation."""
    whole: Series = {}
    for of_validation in (False, True):
        own = [file for file in files if is_validation(file, top) == of_validation]
        whole |= joined(_events_of(file, VALIDATION if of_validation else "") for file in sorted(own, key=_begun))
    return curves_of(Log(str(source), unit_of(whole), {tag: ascending(points) for tag, points in whole.items()}))


def _events_of(path: Path, prefix: str) -> Series:
    with _opened(path) as file:
        return read_events(file, str(path), prefix)


def _begun(file: Path) -> tuple[int, str]:
    """When an event file was begun, by its name."""
    time = _TIME.search(file.name)
    return int(time[1]) if time else 0, file.name


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise InputError(f"{path}: over {_LARGEST_BYTES >> 30} GiB, no log of a training; give its log")
    return content


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        refuse_irregular(path)
        with path.open("rb") as file:
            yield file
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise InputError(f"{path}: cannot be read: {reason_of(error)}; give the log of a training") from error
