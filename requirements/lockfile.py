"""Reads a lock: what is installed, at which version, with which hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
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


def read_lock(path: Path) -> Mapping[str, Locked]:
    """The packages of a lock by canonical name.

    Args:
        path: a file in the requirements format, every line pinned and with hashes, as `make lock` writes it.

    Returns:
        At least one package.

    Raises:
        ValueError: a line is neither pin, hash nor comment, a package has no hash or comes twice, or there is none.
    """
    packages: dict[str, Locked] = {}
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
        pin, hashes = _PIN.match(line), tuple(_HASH.findall(line))
        if not pin or not hashes or canonical_name(pin[1]) in packages:
            raise ValueError(f"{path}: {line[:80]!r} must pin a package once, with hashes; make it with: make lock")
        packages[canonical_name(pin[1])] = Locked(pin[2], hashes)
    if not packages:
        raise ValueError(f"{path}: no package; make it with: make lock")
    return packages
