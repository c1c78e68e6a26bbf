"""The locks of a root: who works in it, and whether this file system has locks."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path

from components.registry.locking import holder
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from schemas.base.files import read_regular, refuse_irregular

_LOCKS = {"lock": "retraining", "registry/lock": "changing what is served"}


def check_locks(patient: Patient) -> list[Finding]:
    """Who holds one, and who held one on another machine."""
    found = [_look(patient.root / name, doing) for name, doing in _LOCKS.items() if (patient.root / name).is_file()]
    return [finding for finding in found if finding is not None]


def _look(path: Path, doing: str) -> Finding | None:
    problem = _problem(path)
    if problem is not None:
        fix = "keep the root on a local disk, or mount this file system with locks (NFS: lockd running, without nolock)"
        return Finding("lock", str(path), problem, fix)
    holds = holder(path)
    if holds is not None and holds.process != os.getpid():
        return Finding("lock", str(path), f"{holds.to_text()} is {doing}", "wait until it is done", Severity.NOTE)
    host = None if holds else _left_by(path)
    if host not in (None, socket.gethostname()):
        what = f"a process on {host} held it and died; nobody does now"
        fix = "nothing; the next command takes it. Several machines on one root need a file system with locks"
        return Finding("lock", str(path), what, fix, Severity.NOTE)
    return None


def _problem(path: Path) -> str | None:
    try:
        refuse_irregular(path)
        with open(path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError as error:
        return f"no lock can be had here ({error.strerror}), so two commands could change what is served at once"
    return None


def _left_by(path: Path) -> str | None:
    try:
        values = json.loads(read_regular(path))
        return str(values["host"])
    except (OSError, ValueError, LookupError, TypeError):  # nobody, or a version that wrote a number only
        return None
