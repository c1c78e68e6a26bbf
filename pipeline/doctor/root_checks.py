"""The root itself: its files, its place, its locks, what was half written, and the clock."""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ratchet.components.registry.lease import lease_holder
from ratchet.components.registry.locking import holder
from ratchet.pipeline.doctor.aside import keep_copy, put_aside
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.root.holding import is_held_by_another, lease_text
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import home_of, is_remote, tree_of, uri_of
from ratchet.pipeline.root.rebuild import has_lineage, rebuild
from ratchet.pipeline.root.root_file import is_moved, read_file, write_file
from ratchet.schemas.artifacts.lease import LEASE_FILE
from ratchet.schemas.artifacts.root_file import ROOT_FILE, RootFile
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import WRITING, read_regular, refuse_irregular
from ratchet.schemas.base.formatting import duration
from ratchet.schemas.base.visible import visible_line

_DIRECTORIES = ("registry", "registry/versions", "registry/decisions", "serving", "runs", "artifacts")
_FILES = (
    "ratchet.json",
    "ratchet.yaml",
    "metadata.sqlite",
    "metadata.json",
    "lock",
    "registry/served.json",
    "registry/overrides.jsonl",
    "registry/lock",
)
_LISTED = 5
_LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

Access = Callable[[Path, int], bool]
_LOCKS = {"lock": "retraining", "registry/lock": "changing what is served"}
_WRITER = re.compile(rf"\.(\d+){re.escape(WRITING)}")


def check_places(root: Path, access: Access = os.access) -> list[Finding]:
    """What is in the way of looking at a root at all.

    Args:
        root: pipeline root.
        access: whether a path may be read or written.
    """
    return [*_wrong_kind(root), *_unreachable(root, access)]


def _wrong_kind(root: Path) -> Iterator[Finding]:
    served = [f"serving/{path.name}" for path in sorted((root / "serving").glob("*"))]
    for name in (*_DIRECTORIES, *served):
        if os.path.lexists(root / name) and not os.path.isdir(root / name):
            yield Finding("place", str(root / name), "it is a file, and should be a directory", "move it away")
    for name in (*_FILES, *_entry_files(root)):
        if os.path.exists(root / name) and not os.path.isfile(root / name):
            is_directory = os.path.isdir(root / name)
            what = f"it is {'a directory' if is_directory else 'a pipe or device'}, and should be a file"
            yield Finding("place", str(root / name), what, "move it away")


def _entry_files(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in sorted((root / "registry").glob("*/*.json"))]


def _unreachable(root: Path, access: Access) -> Iterator[Finding]:
    """The first few are named; artifacts are read by TFX alone."""
    if os.path.isdir(root) and os.statvfs(root).f_flag & os.ST_RDONLY:
        what = "it is on a file system that is mounted read-only: nothing in it can be changed"
        yield Finding("access", str(root), what, "mount it writable before a run or a repair", Severity.WARNING)
        return
    found = [path for path in _walk(root) if not access(path, _wanted(path))]
    for path in found[:_LISTED]:
        owner = os.lstat(path).st_uid
        what = f"user {os.geteuid()} cannot {'use' if path.is_dir() else 'read and write'} it; it belongs to {owner}"
        more = f" ({len(found) - _LISTED} others are alike)" if len(found) > _LISTED else ""
        yield Finding("access", str(path), what, f"sudo chown -R {os.geteuid()} {root}, or work as its owner{more}")


def _wanted(path: Path) -> int:
    return os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)


def _walk(root: Path) -> Iterator[Path]:
    yield root
    for name in ("registry", "serving", "runs"):
        for directory, directories, files in os.walk(root / name):
            yield Path(directory)
            yield from (Path(directory, file) for file in files)
            directories.sort()
    for name in ("metadata.sqlite", "metadata.json", "lock", "ratchet.json", "ratchet.yaml"):
        if os.path.exists(root / name):
            yield root / name


def check_root_file(patient: Patient) -> list[Finding]:
    """Whether the root says what it is."""
    path = patient.root / ROOT_FILE
    try:
        there, problem = read_file(patient.root), None
    except StateError as error:
        there, problem = None, str(error).removeprefix(f"{path}: ").partition("; `ratchet")[0]
    if there is not None or (problem is None and not has_lineage(patient.root)):
        return []
    try:
        made = rebuild(patient.root)
    except StateError as error:
        return [Finding("root-file", str(path), problem or "it is lost", str(error).partition(": ")[2])]
    fix = (
        f"writes it from what is served (name {made.name!r}); settings that no model tells are those of its preset, or "
        "the defaults"
    )
    # A root of an earlier version has none, and works.
    severity = Severity.WARNING if problem is None else Severity.WRONG
    what = problem or "it is not there, as in a root of an earlier version"
    return [Finding("root-file", str(path), what, fix, severity, partial(_write_anew, patient.root, made))]


def check_place(patient: Patient) -> list[Finding]:
    """Whether the root was moved or copied since it was last written."""
    try:
        there = read_file(patient.root)
    except StateError:
        return []  # check_root_file
    if there is None or not is_moved(there, patient.root):
        return []
    what = f"it was at {there.path} when it was last written: it was moved, or is a copy"
    fix = "tells ML Metadata where its artifacts are now, as the next retraining would"
    return [Finding("moved", str(patient.root), what, fix, Severity.WARNING, partial(_settle, patient.root, there))]


def _settle(root: Path, there: RootFile) -> None:
    """ML Metadata names a moved root's own files; where there is none, only the root says where it is."""
    from ratchet.pipeline.root.claim import move_on_server
    from ratchet.pipeline.root.ml_metadata import relocate

    store = store_of(root)
    if store.server is not None:
        move_on_server(root)
    elif store.is_begun:
        relocate(root, there.path)
    write_file(root, dataclasses.replace(there, path=home_of(root)))


def _write_anew(root: Path, made: RootFile) -> None:
    keep_copy(tree_of(root) / ROOT_FILE, "torn")
    # Where nothing tells where it was, it was here.
    write_file(root, dataclasses.replace(made, path=made.path or home_of(root)))


def check_locks(patient: Patient) -> list[Finding]:
    """Who holds one, and who held one on another machine; of a remote root, who holds its lease."""
    if is_remote(patient.root):
        return _lease(patient)
    places = {patient.root / name: doing for name, doing in _LOCKS.items()}
    found = [_look_at_lock(path, doing) for path, doing in places.items() if path.is_file()]
    return [finding for finding in found if finding is not None]


def _lease(patient: Patient) -> list[Finding]:
    uri = uri_of(patient.root)
    path = f"{uri}/{LEASE_FILE}"
    try:
        lease = lease_holder(uri, now=_LONG_AGO)  # also one that has run out
    except StateError as error:
        aside = partial(put_aside, patient.tree / LEASE_FILE, "torn")
        return [Finding("lock", path, f"no run can begin ({error})", "sets the file aside", repair=aside)]
    if lease is None:
        return []
    if lease_holder(uri) is None:
        age = duration(lease.age_s(patient.now))
        what = f"{lease_text(lease)} held it and died: it was taken {age} ago and has run out; nobody does now"
        return [Finding("lock", path, what, "nothing; the next run takes it over", Severity.NOTE)]
    if not is_held_by_another(patient.root):
        return []
    what, fix = f"{lease_text(lease)} is {visible_line(lease.doing)}", "wait until it is done"
    return [Finding("lock", path, what, fix, Severity.NOTE)]


def _look_at_lock(path: Path, doing: str) -> Finding | None:
    problem = _lock_problem(path)
    if problem is not None:
        fix = "keep the root on a local disk, or mount this file system with locks (NFS: lockd running, without nolock)"
        return Finding("lock", str(path), problem, fix)
    holds = holder(path)
    if holds is not None and holds.process != os.getpid():
        return Finding("lock", str(path), f"{holds.to_text()} is {doing}", "wait until it is done", Severity.NOTE)
    host = None if holds else _left_by(path)
    if host not in (None, socket.gethostname()):
        what = f"a process on {host} held it and died; nobody does now"
        fix = "nothing; the next command takes it. Several machines on one root need a file system with locks"
        return Finding("lock", str(path), what, fix, Severity.NOTE)
    return None


def _lock_problem(path: Path) -> str | None:
    try:
        refuse_irregular(path)
        with open(path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError as error:
        return f"no lock can be had here ({error.strerror}), so two commands could change what is served at once"
    return None


def _left_by(path: Path) -> str | None:
    try:
        values = json.loads(read_regular(path))
        return str(values["host"])
    except (OSError, ValueError, LookupError, TypeError):  # nobody, or a version that wrote a number only
        return None


def check_leftovers(patient: Patient) -> list[Finding]:
    """Whether any file is half written; those of processes that still write are left alone."""
    if is_remote(patient.root):
        return []  # an object appears whole
    return [_look_at_leftover(path) for path in _half_written(patient.root)]


def _half_written(root: Path) -> Iterator[Path]:
    for directory, directories, files in os.walk(root):
        yield from (Path(directory, name) for name in sorted(directories + files) if name.endswith(WRITING))
        directories[:] = [name for name in directories if not name.endswith(WRITING)]


def _look_at_leftover(path: Path) -> Finding:
    writer = _WRITER.search(path.name)
    if writer is not None and _is_alive(int(writer.group(1))):
        what, fix = f"process {writer.group(1)} is writing it", "nothing"
        return Finding("half-written", str(path), what, fix, Severity.NOTE)
    fix = "removes it; what it was to replace is whole"
    return Finding("half-written", str(path), "half written by a process that died", fix, repair=partial(_remove, path))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()  # the number was somebody else's


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_clock(patient: Patient) -> list[Finding]:
    """Whether the served version is from the future; its successor gets a higher number all the same."""
    served = patient.served
    if served is None:
        return []
    try:
        pushed = datetime.datetime.fromisoformat(served.pushed_at)
    except ValueError:
        return []
    pushed = pushed if pushed.tzinfo else pushed.replace(tzinfo=datetime.timezone.utc)
    if pushed <= patient.now:
        return []
    what = (
        f"it is {patient.now.isoformat(timespec='seconds')} here, before version {served.version} was served "
        f"({served.pushed_at})"
    )
    fix = "set the clock; until then the order of runs in `ratchet history` is wrong, and versions count on by one"
    return [Finding("clock", served.path, what, fix, Severity.WARNING)]
