"""Judges what an audit of the locks found: was every package asked about, and is every finding accepted for now?

Reads the JSON of pip-audit, which reports success for packages that it skipped.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from requirements.lockfile import canonical_name

LONGEST_ACCEPTANCE = datetime.timedelta(days=366)
_FIELDS = {"id", "package", "why", "until"}

Pin = tuple[str, str]  # canonical name, version


class AuditError(Exception):
    """The database was not asked, or what it was asked for cannot be read."""


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a package of a lock.

    Attributes:
        ids: its id in the database and the ones it has elsewhere (CVE, GHSA, PYSEC).
        fixed: versions without it; empty if there is none.
        summary: one line of printable text.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Report:
    """What the database answered.

    Attributes:
        asked: each package at its version.
        skipped: reason by package.
        findings: in the order of the report.
    """

    asked: frozenset[Pin]
    skipped: Mapping[str, str]
    findings: tuple[Finding, ...]

    def __add__(self, other: Report) -> Report:
        return Report(self.asked | other.asked, {**self.skipped, **other.skipped}, self.findings + other.findings)


@dataclass(frozen=True)
class Accepted:
    """A finding that a person decided to live with for a while.

    Attributes:
        until: the last day of it.
    """

    id: str
    package: str
    why: str
    until: datetime.date

    def covers(self, finding: Finding) -> bool:
        """Whether it is this finding."""
        return self.package == finding.package and self.id in finding.ids


@dataclass(frozen=True)
class Judgement:
    """What to say about an audit.

    Attributes:
        not_asked: a line for each package that nothing is known of.
        open: findings that nobody accepted, or whose acceptance is over.
        accepted: the others, with their entries.
        stale: a line for each entry of the accepted findings that must be removed or decided again.
    """

    not_asked: tuple[str, ...]
    open: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, Accepted], ...]
    stale: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """2 if not everything was asked, else 1 if something is to be done, else 0."""
        return 2 if self.not_asked else 1 if self.open or self.stale else 0


def judge(pins: Collection[Pin], report: Report, accepted: Sequence[Accepted], today: datetime.date) -> Judgement:
    """Compares a report with the locks and with what was accepted.

    Args:
        pins: what should have been asked.
        report: what was.
        accepted: entries, expired ones among them.
        today: the day that ends acceptances.
    """
    valid = [entry for entry in accepted if entry.until >= today]
    pairs = [(finding, next((e for e in valid if e.covers(finding)), None)) for finding in report.findings]
    return Judgement(
        not_asked=tuple(_not_asked(pins, report)),
        open=tuple(finding for finding, entry in pairs if entry is None),
        accepted=tuple((finding, entry) for finding, entry in pairs if entry is not None),
        stale=tuple(_stale(accepted, report, today)),
    )


def _not_asked(pins: Collection[Pin], report: Report) -> list[str]:
    lines = []
    for name, version in sorted(set(pins) - report.asked):
        others = sorted(asked for other, asked in report.asked if other == name and (name, asked) not in pins)
        if name in report.skipped:
            lines.append(f"{name} {version}: skipped: {report.skipped[name]}")
        elif others:
            lines.append(f"{name} {version}: version {others[0]} was asked about")
        else:
            lines.append(f"{name} {version}: not in the report")
    return lines


def _stale(accepted: Sequence[Accepted], report: Report, today: datetime.date) -> list[str]:
    lines = []
    for entry in accepted:
        if not any(entry.covers(finding) for finding in report.findings):
            lines.append(f"{entry.package} {entry.id}: accepted, but not found any more; remove the entry")
        elif entry.until < today:
            lines.append(f"{entry.package} {entry.id}: accepted until {entry.until} only; update, or decide again")
    return lines


def read_report(text: str) -> Report:
    """Reads pip-audit's JSON.

    Raises:
        AuditError: it has another form.
    """
    try:
        entries = json.loads(text)["dependencies"]
        skipped = {canonical_name(e["name"]): _one_line(e["skip_reason"]) for e in entries if "skip_reason" in e}
        asked = [entry for entry in entries if "skip_reason" not in entry]
        findings = tuple(_finding(entry, vulnerability) for entry in asked for vulnerability in entry["vulns"])
        return Report(frozenset((canonical_name(e["name"]), str(e["version"])) for e in asked), skipped, findings)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(f"the report is not pip-audit's JSON ({error!r}): {_one_line(text)[:80]!r}") from error


def _finding(entry: Mapping[str, Any], vulnerability: Mapping[str, Any]) -> Finding:
    return Finding(
        package=canonical_name(entry["name"]),
        version=entry["version"],
        ids=(vulnerability["id"], *vulnerability.get("aliases", ())),
        fixed=tuple(vulnerability["fix_versions"]),
        summary=_one_line(vulnerability.get("description", "")),
    )


def read_accepted(path: Path, today: datetime.date) -> tuple[Accepted, ...]:
    """Reads the list of accepted findings.

    Args:
        path: a JSON list of objects with id, package, why and until (YYYY-MM-DD).
        today: the day from which `until` may be a year ahead at most.

    Raises:
        AuditError: an entry has other fields, no reason or no such day, or two are of the same finding.
    """
    try:
        entries = tuple(_accepted(f"{path}[{n}]", e, today) for n, e in enumerate(json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise AuditError(f"{path}: not a JSON list of accepted findings: {error}") from error
    if len({(entry.package, entry.id) for entry in entries}) < len(entries):
        raise AuditError(f"{path}: two entries of the same package and id; keep one")
    return entries


def _accepted(where: str, entry: Any, today: datetime.date) -> Accepted:
    fields_are_texts = isinstance(entry, dict) and all(isinstance(v, str) and v.strip() for v in entry.values())
    if not fields_are_texts or entry.keys() != _FIELDS:
        raise AuditError(f"{where}: expected texts under {', '.join(sorted(_FIELDS))}; found {entry!r}")
    try:
        until = datetime.date.fromisoformat(entry["until"])
    except ValueError as error:
        raise AuditError(f"{where}: until {entry['until']!r} must be a day, as in 2027-01-31") from error
    if until > today + LONGEST_ACCEPTANCE:
        raise AuditError(f"{where}: until {until} is more than a year ahead; decide again within a year")
    return Accepted(entry["id"], canonical_name(entry["package"]), entry["why"], until)


def _one_line(text: str) -> str:
    """Text of others for a terminal: one line without control characters."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
