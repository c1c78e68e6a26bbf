"""The configurations that come along, by name; without what reads them, which takes longer to import."""

from __future__ import annotations

from pathlib import Path

CONFIG_DIRECTORY = Path(__file__).parent


def presets() -> list[str]:
    """Their names, which `--config` takes."""
    return sorted(file.stem for file in CONFIG_DIRECTORY.glob("*.yaml"))


def preset_names() -> str:
    """The same for a message."""
    return ", ".join(presets())
