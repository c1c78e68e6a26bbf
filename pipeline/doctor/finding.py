"""What a check of a pipeline root comes back with."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Severity(str, enum.Enum):
    """How much a finding matters; the value is what the JSON says."""

    WRONG = "wrong"  # the root is not healthy
    WARNING = "warning"  # a person should know
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing about a root that is not as it should be.

    Attributes:
        kind: stable name of what was looked at, such as `pointer`.
        where: the file or directory.
        what: what is the matter, in a sentence.
        fix: what `--repair` does about it, or what a person has to do where there is no repair.
        severity: how much it matters.
        repair: mends it, or raises; may be done twice. None: this command cannot.
        mended: whether it was done.
    """

    kind: str
    where: str
    what: str
    fix: str
    severity: Severity = Severity.WRONG
    repair: Callable[[], Any] | None = dataclasses.field(default=None, compare=False, repr=False)
    mended: bool = False

    @property
    def is_left(self) -> bool:
        """Whether the root is not healthy because of it."""
        return self.severity is Severity.WRONG and not self.mended

    def to_json(self) -> dict[str, Any]:
        """An entry of `findings` in `ratchet doctor --json`."""
        return {
            "kind": self.kind,
            "where": self.where,
            "what": self.what,
            "fix": self.fix,
            "severity": self.severity.value,
            "repairable": self.repair is not None,
            "mended": self.mended,
        }
