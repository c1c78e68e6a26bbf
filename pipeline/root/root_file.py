"""`ratchet.json`: what a pipeline root says of itself, so that commands need not be told.

Name and model are what a root *is*, from its first served model on; the other settings are those of its newest run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.base.errors import StateError
from schemas.base.files import read_regular, write_durably

ROOT_FILE = "ratchet.json"
FORMAT = 1
ARTIFACTS = "artifacts"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class RootFile:
    """What stands in it.

    Attributes:
        name: of the pipeline.
        settings: as the configuration gave them, nested, without defaults; `pipeline.root.root_settings` says which.
        config: the configuration they came from, for messages.
        path: the absolute place of the root when this was written; empty if it is not known.
        artifacts: where TFX writes, relative to the root.
        left_out: settings that were given and are secrets, such as `notify.urls[0]`.
    """

    name: str
    settings: Mapping[str, Any]
    config: str
    path: str
    artifacts: str = ARTIFACTS
    left_out: tuple[str, ...] = field(default=())

    def to_json(self) -> str:
        """The file's text."""
        values = {
            "format": FORMAT,
            "name": self.name,
            "config": self.config,
            "path": self.path,
            "artifacts": self.artifacts,
            "left_out": self.left_out,
            "settings": self.settings,
        }
        return json.dumps(values, indent=1) + "\n"


def is_moved(root_file: RootFile, root: Path) -> bool:
    """Whether a root lies elsewhere than it did when it was last written: moved, or a copy."""
    return root_file.path not in ("", str(root.resolve()))


def read_file(root: Path) -> RootFile | None:
    """Reads `ratchet.json`; None where there is none.

    Args:
        root: pipeline root, which need not be there.

    Raises:
        StateError: it is torn, cannot be read, or was written by a newer version.
    """
    path = root / ROOT_FILE
    try:
        values = json.loads(read_regular(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except (ValueError, RecursionError) as error:
        raise _torn(path, "not JSON, as after a power cut or an edit") from error
    return _parse(values, path)


def write_file(root: Path, root_file: RootFile) -> None:
    """Writes `ratchet.json` in one step.

    Args:
        root: it has to be there, and locked.
        root_file: what to write.

    Raises:
        OSError: it cannot be written.
    """
    write_durably(root / ROOT_FILE, root_file.to_json())


def _parse(values: Any, path: Path) -> RootFile:
    """Keys that this version does not know are left alone, and those that older ones did not write get defaults."""
    if not isinstance(values, dict):
        raise _torn(path, "not an object")
    _check_format(values.get("format"), path)
    name = _of_type(values, "name", str, path)
    if not _NAME.fullmatch(name):
        raise _torn(path, f"name {name!r} is no name of a pipeline")
    artifacts = _of_type(values, "artifacts", str, path, ARTIFACTS)
    if not artifacts or Path(artifacts).is_absolute() or ".." in Path(artifacts).parts:
        raise _torn(path, f"artifacts {artifacts!r} is no directory inside of the root")
    return RootFile(
        name=name,
        settings=_of_type(values, "settings", dict, path),
        config=_of_type(values, "config", str, path, ""),
        path=_of_type(values, "path", str, path, ""),
        artifacts=artifacts,
        left_out=tuple(map(str, _of_type(values, "left_out", list, path, []))),
    )


def _check_format(number: Any, path: Path) -> None:
    if type(number) is not int or number < 1:
        raise _torn(path, f"format {number!r} is no number of a format")
    if number > FORMAT:
        raise StateError(
            f"{path}: written by a newer Ratchet (format {number}, this one knows {FORMAT}); upgrade Ratchet"
        )


def _of_type(values: Mapping[str, Any], key: str, kind: type, path: Path, default: Any = None) -> Any:
    value = values.get(key, default)
    if not isinstance(value, kind):
        raise _torn(path, f"{key} is {'missing' if value is None else f'{value!r}'}")
    return value


def _torn(path: Path, why: str) -> StateError:
    return StateError(f"{path}: damaged ({why}); `ratchet doctor --repair` makes it anew from the registry")
