"""What a training runs on: code, packages, device."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform

from ratchet.components.trainer.devices import device_name
from ratchet.schemas.artifacts.training_dynamics import Environment
from ratchet.schemas.base.code_version import source_digest

# Of other packages a change shows in the digest of all of them alone.
LIBRARIES = ("tensorflow", "tf-keras", "tf-models-official", "numpy")
OWN = "ratchet-detector"  # our source has a digest of its own


def environment() -> Environment:
    """Of this process."""
    installed = _installed()
    libraries = {name: installed[name] for name in LIBRARIES if name in installed}
    return Environment(
        source_digest(), _digest(installed), {"python": platform.python_version(), **libraries}, device_name()
    )


def _installed() -> dict[str, str]:
    """Versions by the names of packages; of two of one name the one that is imported."""
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), package.version)
    return {name: version for name, version in found.items() if name != OWN}


def _digest(installed: dict[str, str]) -> str:
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(installed.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
