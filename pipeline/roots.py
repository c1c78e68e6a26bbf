"""A pipeline root on this machine, as the commands that change what is served find it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from components.registry.entries import read_versions
from components.registry.registry import Registry
from pipeline.root_file import ROOT_FILE, read_file
from schemas.errors import InputError, StateError
from schemas.files import LOCAL_FILES

_SHOWN = 3


def check_root(root: Path) -> Path:
    """The absolute path of a pipeline root.

    Raises:
        InputError: it is none, or not on this machine.
    """
    if str(root).startswith("gs:"):
        raise InputError(f"--root {root}: approve and rollback work on directories of this machine")
    if not (root / "registry").is_dir():
        raise InputError(
            f"--root {root}: no pipeline root, or no run of it has come to a decision (no {root / 'registry'}); "
            f"{which_root()}"
        )
    return root.resolve()


def which_root() -> str:
    """How to name the right root, for the end of a message."""
    return f"give the --root of `ratchet run`, or export it as RATCHET_ROOT{near_roots()}"


def near_roots() -> str:
    """The roots that can be seen from here, for the end of a message; empty if there are none."""
    seen = [Path("ratchet-root"), *sorted(Path().glob("*")), *sorted(Path().glob("*/root"))]
    roots = [f"--root {path}" for path in dict.fromkeys(seen) if is_root(path)]
    return f"; near are {', '.join(roots[:_SHOWN])}" if roots else ""


def is_root(path: Path) -> bool:
    """Whether a run has begun there."""
    # Not Path.is_dir, which raises where a directory of somebody else is in the way.
    return os.path.isfile(path / ROOT_FILE) or all(os.path.isdir(path / name) for name in ("registry", "runs"))


def registry_at(root: Path) -> Registry:
    """The registry of a root, with the serving directory of the newest version.

    Args:
        root: pipeline root.

    Raises:
        InputError: no model was ever served from it.
        StateError: an entry of the registry is torn.
    """
    versions = read_versions(f"{root}/registry", LOCAL_FILES)
    if not versions:
        raise InputError(f"--root {root}: no model was ever served from it")
    return Registry(f"{root}/registry", serving_directory(root), LOCAL_FILES)


def serving_directory(root: Path) -> str:
    """The directory that TensorFlow Serving watches: of the newest version, of the root's name, or the only one."""
    versions = read_versions(f"{root}/registry", LOCAL_FILES)
    if versions:
        return f"{root}/serving/{Path(versions[-1].path).parent.name}"
    serving = root / "serving"
    with contextlib.suppress(StateError):  # what this is asked for works without that file
        there = read_file(root)
        if there is not None:
            return str(serving / there.name)
    named = sorted(path for path in serving.iterdir() if path.is_dir()) if serving.is_dir() else []
    holding = [path for path in named if any(version.name.isdigit() for version in path.iterdir())]
    return str((holding or named or [serving])[0])
