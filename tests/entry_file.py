"""One entry of a registry on this machine, written and read as if it still were a file: for tests that spoil it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EntryFile:
    """An entry of an index.

    Attributes:
        directory: `registry/versions` or `registry/decisions` of a root.
        name: of the entry, such as `200.json`.
    """

    directory: Path
    name: str

    @property
    def index(self) -> Path:
        return self.directory / "index.json"

    @property
    def parent(self) -> Path:
        """Where it is kept in a file of its own when it was torn."""
        return self.directory

    def with_name(self, name: str) -> Path:
        return self.directory / name

    def __str__(self) -> str:
        return str(self.directory / self.name)

    def exists(self) -> bool:
        return self.name in self._entries()

    def read_text(self) -> str:
        value = self._entries()[self.name]
        return value if isinstance(value, str) else json.dumps(value, indent=1)

    def write_text(self, text: str) -> None:
        """What is no JSON object becomes a text in the index, which is no entry either."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        self._write({**self._entries(), self.name: value})

    def unlink(self) -> None:
        entries = self._entries()
        del entries[self.name]
        self._write(entries)

    def _entries(self) -> dict[str, Any]:
        return json.loads(self.index.read_text())["entries"] if self.index.exists() else {}

    def _write(self, entries: dict[str, Any]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.index.write_text(json.dumps({"format": 3, "entries": entries}))


def entry_file(root: Path, name: str) -> EntryFile:
    """An entry of a root, by its name in the registry, such as `versions/200.json`."""
    directory, _, own = name.partition("/")
    return EntryFile(root / "registry" / directory, own)


def entry_names(root: Path, directory: str) -> list[str]:
    """The names of all entries in `versions` or `decisions`."""
    index = root / "registry" / directory / "index.json"
    return sorted(json.loads(index.read_text())["entries"]) if index.exists() else []


def in_files(root: Path) -> None:
    """Takes a registry back to a file an entry, as earlier versions wrote it."""
    for index in root.glob("registry/*/index.json"):
        for name, value in json.loads(index.read_text())["entries"].items():
            (index.parent / name).write_text(json.dumps(value, indent=1))
        index.unlink()
