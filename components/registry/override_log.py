"""The log of approvals and rollbacks, in which every line names the one before it by its sha256; pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override
from ratchet.schemas.base.errors import StateError

OVERRIDES_FILE = "overrides.jsonl"
_BEFORE_THE_FIRST = "0" * 64
_FIX = OVERRIDE_FORMAT.fix


@dataclass(frozen=True)
class LoggedOverride:
    """An override as it stands in the log.

    Attributes:
        override: what was done.
        line: its line, without the line break.
    """

    override: Override
    line: str

    @property
    def digest(self) -> str:
        """sha256 of the line, in hexadecimal digits."""
        return _digest(self.line)


def read_log(text: str, path: str) -> list[LoggedOverride]:
    """Reads the log.

    Args:
        text: its content.
        path: the file, for errors.

    Raises:
        StateError: a line is not an override, or does not follow the one before it.
    """
    logged: list[LoggedOverride] = []
    for number, line in enumerate(text.splitlines(), start=1):
        previous, override = _parse(line, f"{path}, line {number}")
        if previous != _last(logged):
            what = f"line {number - 1} is not the line that it followed" if logged else "lines before it are missing"
            raise StateError(f"{path}, line {number}: {what}, so the log was changed; {_FIX}")
        logged.append(LoggedOverride(override, line))
    return logged


def follow(logged: list[LoggedOverride], override: Override) -> LoggedOverride:
    """The line of an override that comes after all others."""
    values = OVERRIDE_FORMAT.values_of(override)
    line = json.dumps({"format": OVERRIDE_FORMAT.number, "previous": _last(logged), **values})
    return LoggedOverride(override, line)


def check_named(logged: list[LoggedOverride], named: dict[str, str], path: str) -> None:
    """Whether every line that a served model names is there; a cut end shows in nothing else.

    Args:
        logged: the log.
        named: digest of the line by which a version is served, by version.
        path: the log's file, for errors.

    Raises:
        StateError: a line is missing or was changed.
    """
    there = {entry.digest for entry in logged}
    for version, digest in named.items():
        if digest not in there:
            changed = [n for n, entry in enumerate(logged, start=1) if entry.override.version == version]
            what = f"line {changed[-1]} was changed" if changed else f"a line is missing after line {len(logged)}"
            raise StateError(
                f"{path}: {what}; it is the line by which version {version} was served (sha256 {digest[:12]}); {_FIX}"
            )


def _parse(line: str, where: str) -> tuple[str, Override]:
    values = OVERRIDE_FORMAT.load(line, where)
    return str(values.get("previous")), OVERRIDE_FORMAT.from_values(values, where)


def _last(logged: list[LoggedOverride]) -> str:
    return logged[-1].digest if logged else _BEFORE_THE_FIRST


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
