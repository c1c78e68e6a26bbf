"""Reads a lock: what is installed on a Python, at which version, with which hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import InvalidMarker, Marker

# docs/decisions/0022-two-stacks.md
PYTHONS = {"tfx1.16": ("3.10",), "tfx1.21": ("3.11", "3.12", "3.13")}

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*(.+?))?(?=\s+--hash)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package of a lock.

    Attributes:
        version: the only one that is installed.
        sha256: of each file that may be installed for it, hex.
    """

    version: str
    sha256: tuple[str, ...]


def canonical_name(name: str) -> str:
    """The one spelling of a package's name, as PEP 503 has it.

    >>> canonical_name("Google_Auth.OAuthlib")
    'google-auth-oauthlib'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def stack_lock(directory: Path, stack: str) -> Path:
    """Where the lock of a stack lies, such as that of tfx1.21."""
    return directory / f"lock-{stack}.txt"


def image_locks(directory: Path, stack: str) -> tuple[Path, ...]:
    """Where the locks of a stack's images lie: what both have, and TensorFlow for CPU and for GPU."""
    return tuple(directory / f"{kind}-{stack}.txt" for kind in ("runtime", "runtime-cpu", "runtime-gpu"))


def stack_of(python: str) -> str:
    """The stack of a Python, such as tfx1.21 of 3.12.

    Raises:
        ValueError: it has none.
    """
    for stack, pythons in PYTHONS.items():
        if python in pythons:
            return stack
    raise ValueError(f"Python {python} has no lock; there are locks for {', '.join(sum(PYTHONS.values(), ()))}")


def read_lock(path: Path, python: str) -> Mapping[str, Locked]:
    """The packages of a lock by canonical name.

    Args:
        path: a file in the requirements format, every line pinned and with hashes, as `make lock` writes it.
        python: as in 3.12; lines for others are left out.

    Returns:
        At least one package.

    Raises:
        ValueError: a line is neither pin, hash nor comment, a package has no hash or comes twice, or there is none.
    """
    packages: dict[str, Locked] = {}
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
        pin, hashes = _PIN.match(line), tuple(_HASH.findall(line))
        if not pin or not hashes:
            raise _unusable(path, line)
        if pin[3] and not _is_for(python, pin[3], path, line):
            continue
        if canonical_name(pin[1]) in packages:
            raise _unusable(path, line)
        packages[canonical_name(pin[1])] = Locked(pin[2], hashes)
    if not packages:
        raise ValueError(f"{path}: no package; make it with: make lock")
    return packages


def _is_for(python: str, marker: str, path: Path, line: str) -> bool:
    try:
        return Marker(marker).evaluate({"python_version": python, "python_full_version": f"{python}.0"})
    except InvalidMarker as error:
        raise _unusable(path, line) from error


def _unusable(path: Path, line: str) -> ValueError:
    return ValueError(f"{path}: {line[:80]!r} must pin a package once, with hashes; make it with: make lock")
