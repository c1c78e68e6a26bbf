"""What the checks of a pipeline root come back with, for a person and as JSON."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.pipeline.terminal.plain_text import one_line


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


_MARKS = {Severity.WRONG: "x", Severity.WARNING: "!", Severity.NOTE: "-"}


@dataclass(frozen=True)
class Report:
    """A root, looked at.

    Attributes:
        root: which.
        looked_at: what was looked at, in words, in order.
        findings: what was found there, by the same words, each list in order.
        repaired: whether it was to be mended.
        signed: the files of the registry that were signed, with the digest of the model that each speaks of.
    """

    root: str
    looked_at: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]
    repaired: bool
    signed: tuple[tuple[str, str], ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong that was not mended."""
        return not any(finding.is_left for _, finding in self.findings)

    @property
    def exit_code(self) -> int:
        """What `ratchet doctor` exits with."""
        return 0 if self.healthy else 1

    def _distinct(self) -> list[Finding]:
        """Each once: what several checks need, as a server that is away, each of them misses."""
        return list(dict.fromkeys(finding for _, finding in self.findings))

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet doctor --json`."""
        return {
            "healthy": self.healthy,
            "findings": [finding.to_json() for finding in self._distinct()],
            "signed": dict(self.signed),
        }

    def to_text(self) -> str:
        """A line for everything that was looked at, lines for everything that was found, a summary at the end."""
        lines: list[str] = []
        told: set[Finding] = set()
        for subject in self.looked_at:
            found = [finding for of, finding in self.findings if of == subject]
            new = [finding for finding in found if finding not in told]
            told.update(new)
            if not found:
                lines.append(f"ok  {subject}")
            elif not new:
                lines.append(f"{_MARKS[found[0].severity]:<3} {subject}: as above")
            lines += self._found(new)
        lines += [f"ok  signed registry/{file} (model {digest[:12]})" for file, digest in self.signed]
        return "\n".join([*lines, self._summary()])

    def _found(self, findings: Sequence[Finding]) -> list[str]:
        lines = []
        for one in findings:
            done = "mended: " if one.mended else "--repair: " if one.repair and not self.repaired else "to do: "
            if one.severity is Severity.NOTE and not one.mended:
                done = ""
            mark = "ok" if one.mended else _MARKS[one.severity]
            lines += [f"{mark:<3} {one_line(one.where)}: {one_line(one.what)}", f"      {done}{one_line(one.fix)}"]
        return lines

    def _summary(self) -> str:
        found = self._distinct()
        left = [finding for finding in found if finding.is_left]
        mended = sum(finding.mended for finding in found)
        if not left:
            return f"{self.root}: healthy{f', {mended} mended' if mended else ''}"
        can = sum(finding.repair is not None for finding in left) if not self.repaired else 0
        by_hand = f"; `ratchet doctor --repair` mends {can} of them" if can else "; see above what to do"
        return f"{self.root}: {len(left)} wrong{f', {mended} mended' if mended else ''}{by_hand}"
