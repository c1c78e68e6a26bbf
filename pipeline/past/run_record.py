"""What a run was asked for: `runs/ID/request.json`, by which the same command finds an interrupted run again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.past.pruned import is_pruned
from schemas.base.files import read_regular, write_durably

REQUEST_FILE = "request.json"
RESULT_FILE = "result.json"
ABANDONED_FILE = "abandoned.json"  # of a run that nothing can go on with, and why
UNREPORTED_FILE = "unreported"  # beside a result that nobody has seen yet
FORMAT = 1


@dataclass(frozen=True)
class RunRecord:
    """A run at its start.

    Attributes:
        span: number of its span.
        asked: everything that could change its result, by name; digests of what is large.
        baseline: version and digest of what was served; None before the first model.
        command: what a person gave to ask for it.
        started_at: UTC time, ISO 8601.
        code: of Ratchet, that started it.
    """

    span: int
    asked: dict[str, Any]
    baseline: tuple[str, str] | None
    command: str
    started_at: str
    code: str

    @property
    def key(self) -> str:
        """The same for the same request, whatever is served."""
        return key_of(self.asked)

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps({"format": FORMAT, "key": self.key, **dataclasses.asdict(self)}, indent=1)


def key_of(asked: dict[str, Any]) -> str:
    """Changes with anything that was asked for.

    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}) != key_of({"a": 1, "b": 3})
    True
    """
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


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


def begin_run(root: Path, record: RunRecord) -> str:
    """Makes the directory of a new run; its id."""
    before = _attempts(root, record.span, record.key)
    attempt = 1 + max((int(run_id.rpartition("-")[2]) for run_id in before), default=0)
    run_id = f"{_stem(record.span, record.key)}-{attempt}"
    directory = root / "runs" / run_id
    directory.mkdir(parents=True)
    write_durably(directory / REQUEST_FILE, record.to_json())
    return run_id


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
    try:
        return json.loads(read_regular(directory / REQUEST_FILE))["key"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
