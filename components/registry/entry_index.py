"""The entries of one directory of the registry: all of them in one file, so that to read them costs the same for ever.

    registry/versions/index.json     {"format": 3, "entries": {"200.json": {...}, ...}}, a line an entry
    registry/decisions/index.json

It is written whole, over the one that was seen, as the pointer is: of two writers one wins, and the other one looks
again. Earlier versions of Ratchet had a file an entry. Such files are read as entries still, and the next write takes
them into the index and deletes them; what the index names already is what counts, for a process that was killed may
have left the file. So the files are read before the index: one that is gone by then is in it.

An earlier version reads every `.json` in these directories as an entry of format 2, and refuses this one as newer.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from ratchet.components.registry.storage import ChangedError, Content, Storage, Token, content_of
from ratchet.schemas.artifacts.registry_entries import ENTRY_INDEX_FORMAT
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import Values

INDEX_FILE = "index.json"
Value = Values | str  # the JSON object of an entry; the text of what is none
_TRIES = 32  # beside others that write entries of the same directory


class EntryIndex:
    """The entries in one directory of a registry.

    Args:
        storage: of the registry.
        directory: its name there.
    """

    def __init__(self, storage: Storage, directory: str) -> None:
        self._storage = storage
        self._directory = directory
        self.name = f"{directory}/{INDEX_FILE}"
        self.path = f"{storage.registry_directory}/{self.name}"

    def all(self) -> dict[str, Value]:
        """Every entry by its name, such as `200.json`, whatever it holds.

        Raises:
            StateError: the index is torn, or a newer version of Ratchet wrote it.
        """
        return self._read().all

    def parts(self) -> tuple[dict[str, Value], str | None]:
        """Entries in files of their own, and the text of the index, which `read_index` reads; None if there is none.

        One that is named in both counts as the index has it.
        """
        found = self._read_content()
        return found[0], found[1].text if found[1] else None

    def read(self, name: str) -> Content | None:
        """An entry as a file of its own would hold it; None if there is none; see `all`."""
        value = self.all().get(name)
        return None if value is None else _content(value)

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> str:
        """Writes an entry; the others stay as they are.

        Args:
            name: of the entry.
            text: a JSON object.
            token: of what was seen, by `read`.

        Returns:
            Its token.

        Raises:
            ChangedError: it is not the one with this token.
            StateError: see `all`.
        """
        values = json.loads(text)
        self._change(name, values, token)
        return _content(values).token

    def remove(self, name: str) -> None:
        """Takes an entry out, if it is there."""
        self._change(name, None, Token.ANY)

    def place_of(self, name: str) -> str:
        """Where an entry stands, for messages."""
        return place_in(self.path, name)

    def _change(self, name: str, values: Values | None, token: str | Token) -> None:
        with self._storage.exclusive():
            for _ in range(_TRIES):
                there = self._read()
                if token is not Token.ANY and _token(there.all.get(name)) != token:
                    raise ChangedError(f"{self._directory}/{name}")
                with contextlib.suppress(ChangedError):  # another entry was written meanwhile
                    self._write(there, name, values)
                    return
        raise StateError(
            f"{self.path}: other processes change it again and again; run the same again when they are done"
        )

    def _write(self, there: _Read, name: str, values: Values | None) -> None:
        """The index, and then no file any more of what it holds; a kill in between leaves files that do not count."""
        kept = {other: value for other, value in there.files.items() if isinstance(value, dict)}
        entries = {**kept, **there.indexed, **({name: values} if values is not None else {})}
        if values is None:
            entries.pop(name, None)
        self._storage.write(self.name, index_text(entries), there.token)
        for file in there.files.keys() & {*entries, name}:
            self._storage.delete(f"{self._directory}/{file}")

    def _read(self) -> _Read:
        files, content = self._read_content()
        return _Read(
            files=files,
            indexed=read_index(content.text, self.path) if content else {},
            token=content.token if content else Token.ABSENT,
        )

    def _read_content(self) -> tuple[dict[str, Value], Content | None]:
        names = [name for name in self._storage.names(self._directory) if name.endswith(".json") and name != INDEX_FILE]
        files = self._storage.read_many([f"{self._directory}/{name}" for name in names])
        found = {name: _parsed(file.text) for name, file in zip(names, files) if file is not None}
        return found, self._storage.read(self.name)


@dataclass(frozen=True)
class _Read:
    """A directory as it was found: entries in files of their own, those of the index, and the index's token."""

    files: dict[str, Value]
    indexed: dict[str, Value]
    token: str | Token

    @property
    def all(self) -> dict[str, Value]:
        return {**self.files, **self.indexed}


def place_in(path: str, name: str) -> str:
    """Where an entry of an index stands, for messages."""
    return f"{path}, {name}"


def index_text(entries: dict[str, Any]) -> str:
    """The text of an index: a line an entry, so that what is spoilt in one place leaves the others to be read."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(entries.items()))
    return f'{{"format": {ENTRY_INDEX_FORMAT.number}, "entries": {{\n{lines}\n}}}}\n'


def read_index(text: str, path: str) -> dict[str, Value]:
    """The entries of an index.

    Args:
        text: its content.
        path: the file, for the message.

    Raises:
        StateError: it is torn, or a newer version of Ratchet wrote it.
    """
    entries = ENTRY_INDEX_FORMAT.read(text, path).entries
    return {name: value if isinstance(value, (dict, str)) else json.dumps(value) for name, value in entries.items()}


def salvaged(text: str) -> dict[str, Any]:
    """What can be read of a torn index: the lines that are whole, each with one entry.

    >>> salvaged('{"format": 3, "entries": {\\n"1.json": {"a": 1},\\n"2.json": {"a"')
    {'1.json': {'a': 1}}
    """
    found: dict[str, Any] = {}
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            values = json.loads(f"{{{line.strip().rstrip(',')}}}")
            found |= {
                name: value for name, value in values.items() if isinstance(value, dict) and name.endswith(".json")
            }
    return found


def _parsed(text: str) -> Value:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _content(value: Value) -> Content:
    return content_of((value if isinstance(value, str) else json.dumps(value, indent=1)).encode())


def _token(value: Value | None) -> str | Token:
    return Token.ABSENT if value is None else _content(value).token
