"""Files where directories should be, and what this user cannot read or write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding, Severity

_DIRECTORIES = ("registry", "registry/versions", "registry/decisions", "serving", "runs", "artifacts")
_FILES = (
    "ratchet.json",
    "metadata.sqlite",
    "lock",
    "registry/served.json",
    "registry/overrides.jsonl",
    "registry/lock",
)
_LISTED = 5

Access = Callable[[Path, int], bool]


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
    for name in (*_FILES, *_entries(root)):
        if os.path.exists(root / name) and not os.path.isfile(root / name):
            is_directory = os.path.isdir(root / name)
            what = f"it is {'a directory' if is_directory else 'a pipe or device'}, and should be a file"
            yield Finding("place", str(root / name), what, "move it away")


def _entries(root: Path) -> list[str]:
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
    for name in ("metadata.sqlite", "lock", "ratchet.json"):
        if os.path.exists(root / name):
            yield root / name
