"""The directories of runs: by what it was asked for, the same command finds an interrupted run again."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from pathlib import Path

from ratchet.schemas.artifacts.run_files import (
    ABANDONED_FILE,
    PRUNED_FILE,
    PRUNED_FORMAT,
    REQUEST_FILE,
    RUN_RECORD_FORMAT,
    UNREPORTED_FILE,
    PrunedRun,
    RunRecord,
)
from ratchet.schemas.artifacts.run_result import RESULT_FILE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import read_regular, write_durably


def unfinished_run(root: Path, span: int, key: str) -> str | None:
    """The id of the newest run of a request, if it has not ended.

    Args:
        root: pipeline root.
        span: number of its span.
        key: of what is asked for.
    """
    run_id = _newest(root, span, key)
    return None if run_id is None or is_pruned(root, run_id) or has_ended(root / "runs" / run_id) else run_id


def has_ended(directory: Path) -> bool:
    """Whether a run has a result, or nothing can go on with it; a torn result is none.

    Args:
        directory: `runs/ID`.
    """
    if (directory / ABANDONED_FILE).exists():
        return True
    try:
        return isinstance(json.loads(read_regular(directory / RESULT_FILE)), dict)
    except (OSError, ValueError, RecursionError):
        return False


def unreported_run(root: Path, span: int, key: str) -> str | None:
    """The id of the newest run of a request, if it has ended and its command was killed before it could say how.

    Args:
        root: pipeline root.
        span: number of its span.
        key: of what is asked for.
    """
    run_id, names = _newest(root, span, key), (RESULT_FILE, UNREPORTED_FILE)
    return run_id if run_id and all((root / "runs" / run_id / name).exists() for name in names) else None


def newest_on_span(root: Path, span: int) -> tuple[str, RunRecord] | None:
    """The run on a span that was begun last, whatever it was asked for; None if there was none.

    Args:
        root: pipeline root.
        span: its number.
    """
    pattern = re.compile(rf"span-{span}-[0-9a-f]{{8}}-[0-9]+")
    names = [path.name for path in (root / "runs").glob(f"span-{span}-*") if pattern.fullmatch(path.name)]
    read = [(name, record) for name in names if (record := read_record(root, name)) is not None]

    def begun(run: tuple[str, RunRecord]) -> tuple[str, int]:
        return run[1].started_at, (root / "runs" / run[0] / REQUEST_FILE).stat().st_mtime_ns  # within one second

    return max(read, key=begun, default=None)


def begin_run(root: Path, record: RunRecord) -> str:
    """Makes the directory of a new run; its id."""
    run_id = next_run_id(root, record.span, record.key)
    directory = root / "runs" / run_id
    directory.mkdir(parents=True)
    write_durably(directory / REQUEST_FILE, RUN_RECORD_FORMAT.write(record))
    return run_id


def next_run_id(root: Path, span: int, key: str) -> str:
    """The id that the next run of a request will have.

    Args:
        root: pipeline root.
        span: number of its span.
        key: of what is asked for.
    """
    before = _attempts(root, span, key)
    return f"{_stem(span, key)}-{1 + max((int(run_id.rpartition('-')[2]) for run_id in before), default=0)}"


def _newest(root: Path, span: int, key: str) -> str | None:
    """The id of the newest run of a request; None if there was none."""
    return next((run for run in reversed(_attempts(root, span, key)) if _key(root / "runs" / run) == key), None)


def _stem(span: int, key: str) -> str:
    return f"span-{span}-{key[:8]}"


def _attempts(root: Path, span: int, key: str) -> list[str]:
    """Ids of the runs whose name could be that of this request, by ascending attempt."""
    pattern = re.compile(rf"{re.escape(_stem(span, key))}-(\d+)")
    names = [path.name for path in (root / "runs").glob(f"{_stem(span, key)}-*") if pattern.fullmatch(path.name)]
    return sorted(names, key=lambda name: int(name.rpartition("-")[2]))


def _key(directory: Path) -> str | None:
    """None for a run that was killed before it could say what it was asked for."""
    record = _record(directory)
    return record and record.key


def read_record(root: Path, run_id: str) -> RunRecord | None:
    """What a run was asked for; None if it was killed before it could say so, or is spoilt."""
    return _record(root / "runs" / run_id)


def _record(directory: Path) -> RunRecord | None:
    file = directory / REQUEST_FILE
    try:
        return RUN_RECORD_FORMAT.read(read_regular(file), str(file))
    except (OSError, ValueError, StateError):
        return None


def is_pruned(root: Path, run_id: str) -> bool:
    """Whether artifacts of a run are gone, or were about to be: then it must not be resumed."""
    return (root / "runs" / run_id / PRUNED_FILE).exists()


def read_left(root: Path, run_id: str) -> tuple[str, ...] | None:
    """The artifacts that a pruning has left of a run, as paths relative to the root; None if it was never pruned.

    Raises:
        StateError: the file makes no sense.
    """
    file = root / "runs" / run_id / PRUNED_FILE
    try:
        return PRUNED_FORMAT.read(file.read_bytes(), str(file)).left
    except FileNotFoundError:
        return None


def write_left(root: Path, run_id: str, left: Sequence[str], now: datetime.datetime) -> None:
    """Notes what is left of a run, or what may be left while it is being pruned."""
    pruned = PrunedRun(now.isoformat(timespec="seconds"), tuple(left))
    write_durably(root / "runs" / run_id / PRUNED_FILE, PRUNED_FORMAT.write(pruned))
