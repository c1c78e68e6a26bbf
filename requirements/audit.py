"""Asks a database about every package of the locks of both stacks and of their images: `make audit`.

First a package that is known to be vulnerable: a database that finds nothing there was not really asked, and
nothing that it says of the locks counts. Exit codes: 0 nothing to do, 1 something to do, 2 not everything was asked.
"""

from __future__ import annotations

import datetime
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from requirements.audit_judgement import AuditError, Finding, Judgement, Pin, Report, judge, read_accepted, read_report
from requirements.lockfile import PYTHONS, image_locks, read_lock, stack_lock

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / ".tools/audit"
KNOWN = "pillow==9.0.0"  # CVE-2022-24303 and many later ones
SERVICES = ("osv", "pypi")  # OSV first: it is where PyPI has its answers from
NEEDS = "needed: https to api.osv.dev (or to a mirror of it, in PIP_AUDIT_OSV_URL), or to PyPI's JSON API"

Ask = Callable[[Path, str], str]  # requirements file, service -> pip-audit's JSON, or AuditError


def ask_pip_audit(requirements: Path, service: str) -> str:
    """pip-audit's JSON for a file of pinned requirements; AuditError with its last word if it gives none."""
    command = [
        *(str(TOOLS / "bin/pip-audit"), "--requirement", str(requirements), "--no-deps", "--disable-pip"),
        *("--vulnerability-service", service, "--format", "json", "--progress-spinner", "off", "--timeout", "60"),
        *("--cache-dir", str(TOOLS / "cache")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise AuditError(_last_error(done.stderr) or f"exit code {done.returncode}, no output")
    return done.stdout


def _last_error(stderr: str) -> str:
    """The last line of a traceback that says more than the class of the error."""
    lines = stderr.strip().splitlines()
    return next((line for line in reversed(lines) if "Error: " in line), "".join(lines[-1:]))


def find_service(ask: Ask) -> str:
    """The first service that knows of the known vulnerability.

    Raises:
        AuditError: none does; with what each of them said.
    """
    answers = []
    for service in SERVICES:
        problem = _problem(ask, service)
        if problem is None:
            return service
        answers.append(f"{service}: {problem}")
    raise AuditError("\n  ".join(["no database could be asked", *answers, NEEDS]))


def _problem(ask: Ask, service: str) -> str | None:
    try:
        report = ask_about([KNOWN], ask, service)
    except AuditError as error:
        return str(error)
    if report.skipped:
        return f"asked about {KNOWN}: {next(iter(report.skipped.values()))}"
    return None if report.findings else f"asked about {KNOWN}, whose vulnerabilities are known: found none"


def ask_about(pins: Collection[str], ask: Ask, service: str) -> Report:
    """The report on pins such as pillow==9.0.0, no package twice; AuditError if there is none."""
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory) / "pins.txt"
        requirements.write_text("".join(f"{pin}\n" for pin in pins))
        return read_report(ask(requirements, service))


def rounds_of(pins: Collection[Pin]) -> list[list[Pin]]:
    """Pins in as few questions as there are versions of a package, for a question names no package twice.

    >>> rounds_of([("numpy", "1.26"), ("scipy", "1.15"), ("numpy", "2.4")])
    [[('numpy', '1.26'), ('scipy', '1.15')], [('numpy', '2.4')]]
    """
    versions: dict[str, list[Pin]] = {}
    for name, version in sorted(set(pins)):
        versions.setdefault(name, []).append((name, version))
    return [[pin for pin in column if pin] for column in itertools.zip_longest(*versions.values())]


def audit(
    locks: Mapping[Path, Collection[str]], accepted_file: Path, ask: Ask, today: datetime.date
) -> tuple[int, str]:
    """Asks and judges.

    Args:
        locks: what is asked about; with each file the Pythons that it is for.
        accepted_file: findings to live with.
        ask: gets a report.
        today: the day that ends acceptances.

    Returns:
        Exit code, and what to print.
    """
    try:
        pins = _read_pins(locks)
        accepted = read_accepted(accepted_file, today)
        service = find_service(ask)
        report = Report(frozenset(), {}, ())
        for pins_of_round in rounds_of(pins):
            report += ask_about([f"{name}=={version}" for name, version in pins_of_round], ask, service)
    except (AuditError, OSError, ValueError) as error:
        return 2, f"audit: NOT ASKED, nothing is known: {error}"
    judgement = judge(pins, report, accepted, today)
    summary = (
        f"audit: {len(report.asked)} of {len(pins)} packages asked at {service}; {len(judgement.open)} open, "
        f"{len(judgement.accepted)} accepted, {len(judgement.stale)} entries to look at, "
        f"{len(judgement.not_asked)} packages NOT ASKED"
    )
    return judgement.exit_code, "\n".join([*_lines(judgement), summary])


def _read_pins(locks: Mapping[Path, Collection[str]]) -> frozenset[Pin]:
    packages = [read_lock(path, python) for path, pythons in locks.items() for python in pythons]
    return frozenset((name, locked.version) for lock in packages for name, locked in lock.items())


def _lines(judgement: Judgement) -> list[str]:
    rows = [("package", "version", "id", "fixed in", "state", "summary")]
    rows += [_row(finding, "OPEN") for finding in judgement.open]
    rows += [_row(finding, f"until {entry.until}") for finding, entry in judgement.accepted]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    table = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths)), row[5][:80]]).rstrip() for row in rows]
    return [*(table if len(rows) > 1 else []), *judgement.stale, *judgement.not_asked]


def _row(finding: Finding, state: str) -> tuple[str, ...]:
    fixed = ", ".join(finding.fixed) or "-"
    return finding.package, finding.version, finding.ids[0], fixed, state, finding.summary


def main() -> int:
    """Audits the locks of each stack."""
    locks = {
        path: pythons
        for stack, pythons in PYTHONS.items()
        for path in (stack_lock(HERE, stack), *image_locks(HERE, stack))
    }
    code, text = audit(locks, HERE / "audit-accepted.json", ask_pip_audit, datetime.date.today())
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
