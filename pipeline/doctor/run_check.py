"""The runs: which were interrupted, and by which command they go on; torn results."""

from __future__ import annotations

import os
import shlex
from functools import partial
from pathlib import Path

from components.registry.locking import holder
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient, put_aside, read_object
from pipeline.doctor.result_rebuild import rebuilt_result
from schemas.artifacts.run_files import ABANDONED_FILE, REQUEST_FILE
from schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from schemas.base.files import write_durably


def check_runs(patient: Patient) -> list[Finding]:
    """Whether every run has a result that can be read."""
    holds = holder(patient.root / "lock")
    is_working = holds is not None and holds.process != os.getpid()
    return [finding for run in patient.runs() for finding in _look(patient, run, is_working)]


def _look(patient: Patient, run: Path, is_working: bool) -> list[Finding]:
    file = run / RESULT_FILE
    if not file.exists():
        return [] if is_working or (run / ABANDONED_FILE).exists() else [_unfinished(patient, run)]
    if patient.result(run.name) is not None:
        return []
    result = rebuilt_result(patient, run.name)
    if result is not None:
        fix = "makes it again from the decision on the run"
        return [Finding("result", str(file), "it is torn", fix, repair=partial(_write, file, result))]
    fix = "sets it aside, so that the run counts as interrupted"
    return [Finding("result", str(file), "it is torn", fix, repair=partial(put_aside, file, "torn"))]


def _unfinished(patient: Patient, run: Path) -> Finding:
    what = "this run was interrupted"
    decided = next((one for one in patient.decisions() if one.run_id == run.name), None)
    if decided is not None:
        what += f" after it was decided: {decided.verdict}"
    command = (read_object(run / REQUEST_FILE) or {}).get("command")
    fix = (
        f"goes on with: {_in_root(command, patient.root)}"
        if command
        else "the same command makes a new run; this one says not what it was asked"
    )
    return Finding("unfinished", str(run), what, fix, Severity.NOTE)


def _in_root(command: str, root: Path) -> str:
    """The command for this root, which may have been moved or copied since it was given."""
    words = shlex.split(command)
    return shlex.join([str(root) if before == "--root" else word for before, word in zip(["", *words], words)])


def _write(file: Path, result: RunResult) -> None:
    write_durably(file, RUN_RESULT_FORMAT.write(result))
