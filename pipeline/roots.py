"""A pipeline root on this machine, as the commands find it."""

from __future__ import annotations

from pathlib import Path

from components.registry.publication import Settled, settle
from components.registry.registry import Registry
from components.registry.storage import DiskStorage
from schemas.errors import InputError
from schemas.progress import LOGGER
from schemas.signing import Signer


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


def registry_of(root: Path, name: str) -> Registry:
    """The registry of a root, by the name of its pipeline."""
    return Registry(DiskStorage(f"{root}/registry", f"{root}/serving/{name}"), Signer.from_environment())


def registry_at(root: Path) -> Registry:
    """The registry of a root, whatever the name of its pipeline."""
    return registry_of(root, serving_name(root))


def serving_name(root: Path) -> str:
    """The name of a root's pipeline: that of the directory below `serving/`, of several the one with a version."""
    serving = root / "serving"
    named = sorted(path for path in serving.iterdir() if path.is_dir()) if serving.is_dir() else []
    holding = [path for path in named if any(version.name.isdigit() for version in path.iterdir())]
    return (holding or named or [Path("detector")])[0].name


def settled(registry: Registry) -> Settled | None:
    """Completes a publication that was interrupted, as every command does first, and says so."""
    found = settle(registry)
    if found is not None:
        LOGGER.warning("%s", found.to_text())
    return found


def settled_if_possible(registry: Registry) -> None:
    """The same for commands that only look: where nothing can be written, they look all the same."""
    try:
        settled(registry)
    except OSError as error:
        LOGGER.warning("a publication was interrupted and cannot be completed by this command (%s)", error)
