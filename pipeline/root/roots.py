"""A pipeline root on this machine, as the commands find it."""

from __future__ import annotations

import os
from pathlib import Path

from ratchet.components.registry.locking import BusyError
from ratchet.components.registry.publication import Settled, settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storages import storage_of
from ratchet.pipeline.root import DEFAULT_ROOT, OWN_SETTINGS_FILE, ROOT_VARIABLE
from ratchet.pipeline.root.places import is_remote, part_of, uri_of
from ratchet.pipeline.root.rebuild import derived_name, rebuild
from ratchet.pipeline.root.root_file import read_file
from ratchet.schemas.artifacts.root_file import ROOT_FILE
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.signing import Signer

_SHOWN = 3
_MOMENT_S = 2.0


def check_root(root: Path) -> Path:
    """The absolute path of a pipeline root.

    Raises:
        InputError: it is none.
    """
    if str(root).startswith("gs:"):
        raise InputError(f"--root {root}: a URI, but directories of this machine and working copies are taken here")
    if part_of(root, "registry").is_dir():
        return root.resolve()
    place = f"{uri_of(root)}/registry"
    if part_of(root, "serving").is_dir():
        raise StateError(f"{place}: is lost; `ratchet doctor --repair` mends what can be mended")
    raise InputError(
        f"--root {uri_of(root)}: no pipeline root, or no run of it has come to a decision (no {place}); {which_root()}"
    )


def registry_of(root: Path, name: str) -> Registry:
    """The registry of a root, by the name of its pipeline."""
    place = uri_of(root)
    return Registry(storage_of(f"{place}/registry", f"{place}/serving/{name}"), Signer.from_environment())


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
    if os.path.isfile(path / ROOT_FILE):
        return True
    if is_remote(path):
        return part_of(path, "registry").is_dir()
    return all(os.path.isdir(path / name) for name in ("registry", "runs"))


def check_given_root(root: Path) -> None:
    """Whether a root that a person named is one; the default need not be there, before the first run.

    Raises:
        InputError: it is none.
    """
    default = (os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT).rstrip("/")
    # One whose settings were proposed, and that waits for its first run, is one as well.
    if uri_of(root) != default and not is_root(root) and not os.path.isfile(root / OWN_SETTINGS_FILE):
        raise InputError(
            f"--root {uri_of(root)}: no run has begun there; leave it out before the first run{near_roots()}"
        )


def registry_at(root: Path) -> Registry:
    """The registry of a root, whatever the name of its pipeline."""
    return registry_of(root, serving_name(root))


def serving_name(root: Path) -> str:
    """The name of a root's pipeline, which is that of the directory that TensorFlow Serving watches."""
    try:
        there = read_file(root)
    except StateError:  # a damaged ratchet.json; what this is asked for works without it
        return rebuild(root).name
    return there.name if there else derived_name(root) or "detector"


def settled(registry: Registry) -> Settled | None:
    """Completes a publication that was interrupted, as every command does first, and says so."""
    return _told(settle(registry))


def check_settled(registry: Registry) -> None:
    """Whether no publication was interrupted, which the real command would complete first.

    Raises:
        StateError: one was.
    """
    pushing = registry.pointer().pushing
    if pushing is not None:
        raise StateError(
            f"the publication of {pushing.model.words} was interrupted, so "
            "what is served is not decided, and nothing is changed by --dry-run: `ratchet status` completes it, then "
            "give this again"
        )


def settled_if_possible(registry: Registry) -> None:
    """The same for commands that only look: where nothing can be written, they look all the same."""
    registry.pointer()  # what cannot be read is no interrupted publication
    try:
        _told(settle(registry, wait_s=_MOMENT_S))
    except BusyError as error:
        LOGGER.warning("%s; shown is what was served before", error)
    except OSError as error:
        LOGGER.warning("a publication was interrupted and cannot be completed by this command (%s)", error)


def _told(found: Settled | None) -> Settled | None:
    if found is not None:
        LOGGER.warning("%s", found.to_text())
    return found
