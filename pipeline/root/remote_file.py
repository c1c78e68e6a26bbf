"""`remote.json`: which root in an object store a working copy is of, and which of its objects it has seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ratchet.schemas.base.files import read_regular, write_durably

REMOTE_FILE = "remote.json"
FORMAT = 1


@dataclass(frozen=True)
class Seen:
    """An object as this machine saw it last, and its copy as it was then.

    Attributes:
        generation: of the object.
        size: of the copy, in bytes.
        modified_ns: when the copy was written.
        fetched: whether the copy holds the content; else it only stands for it.
    """

    generation: int
    size: int
    modified_ns: int
    fetched: bool = True


@dataclass(frozen=True)
class Remote:
    """A root in an object store.

    Attributes:
        uri: of the root, without a slash at its end.
        seen: its objects, by their names below the root.
    """

    uri: str
    seen: dict[str, Seen] = field(default_factory=dict)


def read_remote(directory: Path) -> Remote | None:
    """What a directory is a working copy of; None for one that is none, or whose file is torn."""
    try:
        values = json.loads(read_regular(directory / REMOTE_FILE))
        seen = {name: Seen(**one) for name, one in values["seen"].items()}
        return Remote(str(values["uri"]), seen) if values["format"] == FORMAT else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def write_remote(directory: Path, remote: Remote) -> None:
    """Writes it in one step."""
    seen = {name: asdict(one) for name, one in sorted(remote.seen.items())}
    write_durably(directory / REMOTE_FILE, json.dumps({"format": FORMAT, "uri": remote.uri, "seen": seen}))
