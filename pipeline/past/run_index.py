"""The runs of a root, without a look at each of them: what a run that starts does must not grow with their number.

`runs/index.json` knows every run that is over. Looked at anew are those that it does not know, those that are not over,
and the newest few, in case somebody has changed something there; of the others only the names are listed. Whoever
changes a directory of an old run says so before (`forget`), so that a kill leaves nothing known that is not so. Without
the file, or with one that cannot be read, every run is looked at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ratchet.pipeline.past.history import RunEntry, read_run
from ratchet.pipeline.past.run_record import read_left, read_record
from ratchet.pipeline.root.places import is_remote
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE
from ratchet.schemas.artifacts.review import PAGE_FILES, REVIEW_FILE
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, RunRecord
from ratchet.schemas.artifacts.run_index import RUN_INDEX_FILE, RUN_INDEX_FORMAT, KnownRun, RunIndex
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import read_regular, write_durably

_LOOKED_AT = 4  # the newest, whose pages get their links
# The number of a span is only its name; what made a first model has been learned; and another version of the code is no
# news of the world.
LEFT_OUT = frozenset({"span", "bootstrap", "code"})


@dataclass(frozen=True)
class KnownRuns:
    """The runs of a root.

    Attributes:
        runs: the oldest first.
        looked_at: the names of those that were read from their directories just now.
    """

    runs: tuple[KnownRun, ...]
    looked_at: frozenset[str]

    @functools.cached_property
    def by_id(self) -> Mapping[str, KnownRun]:
        """Each by its name."""
        return {run.run_id: run for run in self.runs}


def known_runs(root: Path) -> KnownRuns:
    """What is known of the runs of a root; nothing is written."""
    names, before = _names(root / "runs"), _read(root)
    closed = sorted((run for run in before if run.is_closed and run.run_id in names), key=_order)
    trusted = closed[:-_LOOKED_AT]
    others = names - {run.run_id for run in trusted}
    looked = [run_on_disk(root, name) for name in sorted(others)]
    return KnownRuns(tuple(sorted([*trusted, *looked], key=_order)), frozenset(others))


def remember(root: Path, known: KnownRuns) -> None:
    """Writes the index, if it has become another one."""
    runs = tuple(run for run in known.runs if run.is_closed)
    if runs != tuple(_read(root)):
        _write(root, runs)


def forget(root: Path, run_ids: Collection[str]) -> None:
    """Lets runs be looked at again: to be called before something in their directories changes."""
    there = _read(root)
    if any(run.run_id in run_ids for run in there):
        _write(root, tuple(run for run in there if run.run_id not in run_ids))


def forget_all(root: Path) -> None:
    """Lets every run be looked at again."""
    (root / "runs" / RUN_INDEX_FILE).unlink(missing_ok=True)


def entry_of(root: Path, run: KnownRun, home: str) -> RunEntry:
    """A run as a list shows it; its result is in short, see `KnownRun`.

    Args:
        root: pipeline root.
        run: one of `known_runs`.
        home: of `uri_of(root)`, which costs a look at the disk.
    """
    directory = root / "runs" / run.run_id
    page, tfma = (directory / name for name in PAGE_FILES)
    result = run.result
    if result is not None:
        model = result.model and places(result.model, f"{home}/artifacts")[0]
        result = dataclasses.replace(result, model=model, report=places(result.report, f"{home}/artifacts")[0])
    if result is not None and run.page and Path(result.report).name == REVIEW_FILE:
        result = dataclasses.replace(result, report=f"{home}/runs/{run.run_id}/{REVIEW_FILE}")
    return RunEntry(
        run_id=run.run_id,
        at=run.at,
        state=run.state,
        result=result,
        page=page if run.page else None,
        log=directory / "log.txt",
        trouble=run.trouble,
        tfma=tfma if run.tfma else None,
    )


def runs_text(runs: tuple[KnownRun, ...]) -> str:
    """The text of an index: one line a run, for it is read by machines, at every start."""
    lines = ",\n".join(json.dumps(run) for run in RUN_INDEX_FORMAT.values_of(RunIndex(runs))["runs"])
    return f'{{"format": {RUN_INDEX_FORMAT.number}, "runs": [\n{lines}\n]}}\n'


def asked_digest(asked: Mapping[str, Any]) -> str:
    """Of what a run was asked for, but for its settings, which a later version may complete, and for mere names."""
    parts = {name: value for name, value in asked.items() if name not in (*LEFT_OUT, "settings")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def run_on_disk(root: Path, name: str) -> KnownRun:
    """A run by what lies in its directory."""
    directory = root / "runs" / name
    entry, record = read_run(root, directory), read_record(root, name)
    left = None
    with contextlib.suppress(StateError, OSError):  # whoever needs it reads it again, and says so
        left = read_left(root, name)
    files = [*(directory / file for file in (*PAGE_FILES, DIAGNOSIS_FILE)), entry.log]
    return KnownRun(
        run_id=name,
        at=entry.at,
        state=entry.state,
        trouble=entry.trouble,
        result=entry.result and _in_short(entry.result),
        page=entry.page is not None,
        tfma=entry.tfma is not None,
        other_page=_other_page(root, entry),
        abandoned=(directory / ABANDONED_FILE).exists(),
        left=left,
        evidence=tuple(str(file.relative_to(root)) for file in files if file.is_file()),
        **(_of_request(record) if record else {}),
    )


def _of_request(record: RunRecord) -> dict[str, Any]:
    golden = record.asked.get("golden")
    return {
        "asked": asked_digest(record.asked),
        "golden": golden if isinstance(golden, str) else None,
        "baseline": record.baseline[1] if record.baseline else None,
    }


def _in_short(result: RunResult) -> RunResult:
    """Without what no list of runs shows."""
    against = tuple(dataclasses.replace(reason, images=()) for reason in result.deciding if not reason.passed)
    cause = result.cause and dataclasses.replace(result.cause, evidence=(), action="")
    return dataclasses.replace(result, reasons=against, observed=(), seconds={}, cause=cause)


def _other_page(root: Path, entry: RunEntry) -> str | None:
    """The data gate's page of a run without one of its own, if it lies in this root."""
    report = entry.result.report if entry.result else ""
    if entry.page is not None or is_remote(root) or not report.endswith(".html"):
        return None
    path = Path(os.path.abspath(report))
    is_own = path.is_relative_to(os.path.abspath(root)) and path.is_file()
    return quote(os.path.relpath(path, os.path.abspath(root / "runs"))) if is_own else None


def _order(run: KnownRun) -> tuple[str, str]:
    return run.at, run.run_id


def _names(directory: Path) -> frozenset[str]:
    try:
        with os.scandir(directory) as found:
            return frozenset(one.name for one in found if one.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _read(root: Path) -> tuple[KnownRun, ...]:
    """What was written last; nothing where that cannot be read: it is made anew."""
    file = root / "runs" / RUN_INDEX_FILE
    try:
        status = os.stat(file)
        return _parsed(str(file), status.st_mtime_ns, status.st_size, status.st_ino)
    except (OSError, ValueError, StateError):
        return ()


@functools.lru_cache(maxsize=1)
def _parsed(file: str, modified_ns: int, size: int, inode: int) -> tuple[KnownRun, ...]:
    """Of a file for which a start asks several times; with what tells one that was changed, which is read anew."""
    return RUN_INDEX_FORMAT.read(read_regular(file), file).runs


def _write(root: Path, runs: tuple[KnownRun, ...]) -> None:
    write_durably(root / "runs" / RUN_INDEX_FILE, runs_text(runs))
