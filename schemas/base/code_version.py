"""Which code is running: the version, and a digest of the source, which tells two states of one version apart."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import ratchet
from ratchet import __version__

_PACKAGES = ("schemas", "components", "pipeline")


def code_version() -> str:
    """Version and digest of the source."""
    return f"{__version__}, source {source_digest()}"


@functools.cache
def source_digest() -> str:
    """The first digits of a sha256 over the Python files of all steps."""
    root = Path(ratchet.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for package in _PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
