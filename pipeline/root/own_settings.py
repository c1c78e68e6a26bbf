"""`ratchet.yaml` in a pipeline root: its configuration, for a person to edit, where the first run was given none."""

from __future__ import annotations

import os
from pathlib import Path

from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.root.holding import written_back
from ratchet.pipeline.root.places import is_remote, named
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import WRITING, reason_of, write_durably

# How `ratchet.json` calls it: a root that was moved or copied reads its own one.
OWN_SETTINGS = f"ROOT/{OWN_SETTINGS_FILE}"


def own_settings(root: Path) -> Path | None:
    """The file, if there is anything of that name: what cannot be read is an error, and not passed over."""
    file = root / OWN_SETTINGS_FILE
    return file if os.path.lexists(file) else None


def is_own_settings(root: Path, config: str) -> bool:
    """Whether a person has named the root's own file."""
    file = own_settings(root)
    try:
        return file is not None and os.path.samefile(file, config)
    except (OSError, ValueError):  # ValueError: a zero byte
        return False


def write_own_settings(root: Path, text: str) -> str:
    """Writes the file where none is.

    Args:
        root: pipeline root, which is made if need be.
        text: YAML.

    Returns:
        How people call the file.

    Raises:
        ConfigError: it is there by now, or cannot be written.
        StateError: it cannot be written to an object store.
    """
    file = root / OWN_SETTINGS_FILE
    name = named(root, file)
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_new(file, text)
    except FileExistsError as error:
        raise ConfigError(f"{name}: has been written meanwhile; give the command again, which takes it") from error
    except OSError as error:
        raise ConfigError(
            f"{name}: the settings that are proposed cannot be written ({reason_of(error)}); make it writable, or "
            "write them elsewhere with `ratchet config propose --out FILE`, and give --config FILE"
        ) from error
    if is_remote(root):
        written_back(root)
    return name


def write_new(file: Path, text: str) -> None:
    """Writes a file in one step, over nothing that is there.

    Raises:
        FileExistsError: something is there.
        OSError: it cannot be written.
    """
    scratch = file.with_name(f"{file.name}.{os.getpid()}{WRITING}")
    try:
        write_durably(scratch, text)
        os.link(scratch, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, or one that says what is wrong once more
        with open(file, "x", encoding="utf-8") as opened:
            opened.write(text)
    finally:
        scratch.unlink(missing_ok=True)
