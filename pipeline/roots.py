"""A pipeline root on this machine, as the commands that change what is served find it."""

from __future__ import annotations

from pathlib import Path

from components.registry.entries import read_versions
from components.registry.registry import Registry
from schemas.errors import InputError
from schemas.files import LOCAL_FILES


def check_root(root: Path) -> Path:
    """The absolute path of a pipeline root.

    Raises:
        InputError: it is none, or not on this machine.
    """
    if str(root).startswith("gs:"):
        raise InputError(f"--root {root}: approve and rollback work on directories of this machine")
    if not (root / "registry").is_dir():
        raise InputError(
            f"--root {root}: no pipeline root, or no run of it has come to a decision (no {root / 'registry'})"
        )
    return root.resolve()


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
    """The directory that TensorFlow Serving watches: that of the newest version, or the only one there is."""
    versions = read_versions(f"{root}/registry", LOCAL_FILES)
    if versions:
        return f"{root}/serving/{Path(versions[-1].path).parent.name}"
    serving = root / "serving"
    named = sorted(path for path in serving.iterdir() if path.is_dir()) if serving.is_dir() else []
    holding = [path for path in named if any(version.name.isdigit() for version in path.iterdir())]
    return str((holding or named or [serving])[0])
