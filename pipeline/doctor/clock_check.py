"""A clock that stands before what was recorded."""

from __future__ import annotations

import datetime

from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient


def check_clock(patient: Patient) -> list[Finding]:
    """Whether the served version is from the future; its successor gets a higher number all the same."""
    pointer = patient.pointer()
    served = pointer.served if pointer else None
    if served is None:
        return []
    try:
        pushed = datetime.datetime.fromisoformat(served.pushed_at)
    except ValueError:
        return []
    pushed = pushed if pushed.tzinfo else pushed.replace(tzinfo=datetime.timezone.utc)
    if pushed <= patient.now:
        return []
    what = (
        f"it is {patient.now.isoformat(timespec='seconds')} here, before version {served.version} was served "
        f"({served.pushed_at})"
    )
    fix = "set the clock; until then the order of runs in `ratchet history` is wrong, and versions count on by one"
    return [Finding("clock", served.path, what, fix, Severity.WARNING)]
