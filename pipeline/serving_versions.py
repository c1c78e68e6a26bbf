"""Versions under the serving directory of a local root: put there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from components.registry.registry import Registry
from schemas.errors import StateError
from schemas.files import LOCAL_FILES
from schemas.model_digest import is_intact, model_digest

_UNFINISHED = "unfinished-"  # TensorFlow Serving passes over names that are not numbers
_DAY_S = 24 * 60 * 60


def next_version(registry: Registry, now_s: int) -> str:
    """A number above all that were ever served.

    Args:
        registry: of the root.
        now_s: the present in seconds since 1970, which the Pusher takes for its numbers.

    Raises:
        StateError: a number that nobody recorded is far ahead of the clock; above it, no later push would be served.
    """
    on_disk, recorded = registry.versions_on_disk(), [model.version for model in registry.versions()]
    if on_disk and on_disk[-1] not in recorded and int(on_disk[-1]) > now_s + _DAY_S:
        raise StateError(
            f"{registry.serving_directory}/{on_disk[-1]}: the registry does not know this version, and its number is "
            f"ahead of the clock ({now_s}), from which pushes get theirs, so none would be served for long; move it "
            f"away, then repeat the command"
        )
    taken = [*on_disk, *recorded, *(made.version for made in registry.overrides())]
    return str(max([now_s, *(int(version) + 1 for version in taken)]))


def interrupted_version(registry: Registry, digest: str, besides: str | None = None) -> str | None:
    """The version that a killed approve or rollback had put into service before it could record it.

    Args:
        registry: of the root.
        digest: of the model that it was to serve.
        besides: a version that had been there before: the one whose bytes were to be served again.

    Returns:
        The highest version, if it holds that model and the registry says that an older one is served; else None.
    """
    pointer, on_disk = registry.pointer(), registry.versions_on_disk()
    if not on_disk or on_disk[-1] == besides or (pointer and int(on_disk[-1]) <= int(pointer.version)):
        return None
    intact = is_intact(f"{registry.serving_directory}/{on_disk[-1]}", digest, LOCAL_FILES)
    return on_disk[-1] if intact else None


def stage(source: Path, digest: str, serving_directory: Path, version: str, link: bool) -> None:
    """Puts a model beside the versions, under a name that is not served yet, and on the disk.

    Args:
        source: a SavedModel.
        digest: what it must have.
        serving_directory: the directory TensorFlow Serving watches.
        version: the version that it is to be.
        link: share the files with the source, where the file system can.

    Raises:
        StateError: other bytes arrived.
    """
    serving_directory.mkdir(parents=True, exist_ok=True)
    for leftover in serving_directory.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover)
    staged = serving_directory / f"{_UNFINISHED}{version}"
    shutil.copytree(source, staged, copy_function=_link_or_copy if link else shutil.copyfile)
    found = model_digest(str(staged), LOCAL_FILES)
    if found != digest:
        shutil.rmtree(staged)
        raise StateError(
            f"{source}: content digest {found[:12]} is not the recorded {digest[:12]}; nothing was changed"
        )
    for directory, _, names in os.walk(staged):
        for name in [*names, "."]:
            _flush(Path(directory, name))


def publish(serving_directory: Path, version: str) -> None:
    """Puts a staged model into service, in one step."""
    os.rename(serving_directory / f"{_UNFINISHED}{version}", serving_directory / version)
    _flush(serving_directory)


def _link_or_copy(source: str, target: str) -> str:
    with contextlib.suppress(OSError):  # another file system, or one that cannot
        os.link(source, target)
        return target
    return shutil.copyfile(source, target)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
