"""ML Metadata: lost, a new store is begun behind everything that is on the disk; behind, it is told."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from ratchet.pipeline.doctor.aside import free_name, keep_copy
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.doctor.run_checks import rebuilt_result
from ratchet.pipeline.doctor.told import Told, read_told
from ratchet.pipeline.past.run_record import has_ended
from ratchet.pipeline.root.executions import DATABASE, count_on, highest_execution
from ratchet.pipeline.root.places import is_remote
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.registry_entries import APPROVED
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, ABANDONED_FORMAT, REQUEST_FILE, AbandonedRun
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import WRITING, flush_directory, write_durably

_PUSHING = {verdict.value for verdict in Verdict if verdict.pushes}


def check_ml_metadata(patient: Patient) -> list[Finding]:
    """Whether it is whole, counts on behind what is on the disk, and knows what the registry knows."""
    database, told = patient.root / DATABASE, read_told(patient.root, patient.tree)
    if told.problem is not None:
        fix = (
            "puts it aside and begins a new one that counts on from what is on the disk, so that nothing is "
            f"overwritten. What was served, replay, approve and rollback do not need the old one.{_unfinished(patient)}"
        )
        repair = partial(begin_anew, patient)
        return [Finding("ml-metadata", str(database), told.problem, fix, repair=repair)]
    found = []
    highest = highest_execution(patient.root, patient.tree)
    if told.last_execution < highest and database.exists():
        what = (
            f"it has counted to {told.last_execution}, and artifacts/ holds number {highest}: it is older than they are"
        )
        fix = "lets it count on from there, so that nothing is overwritten"
        found.append(Finding("ml-metadata", str(database), what, fix, repair=partial(count_on, database, highest)))
    return [*found, *_untold(patient, told)]


def begin_anew(patient: Patient) -> None:
    """A new store takes the place of a lost one.

    What could only go on with the old one ends first: killed in between, the next time goes on from there.
    """
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    from ratchet.pipeline.root.ml_metadata import sqlite_at, store_errors

    for directory in patient.runs():
        if not has_ended(directory) and (directory / REQUEST_FILE).exists():
            _end(patient, directory)
    new = patient.root / f"ml-metadata.{os.getpid()}{WRITING}"
    new.mkdir(exist_ok=True)
    with store_errors(new):
        MetadataStore(sqlite_at(new))
    count_on(new / DATABASE, highest_execution(patient.root, patient.tree))
    database = patient.root / DATABASE
    if is_remote(patient.root):
        keep_copy(patient.tree / DATABASE, "broken")  # what is put aside below stays on this machine
    aside = free_name(database, "broken")
    for ending in ("", "-journal", "-wal", "-shm"):
        if os.path.exists(f"{database}{ending}"):
            os.rename(f"{database}{ending}", f"{aside}{ending}")
    os.rename(new / DATABASE, database)
    flush_directory(patient.root)
    new.rmdir()


def _end(patient: Patient, directory: Path) -> None:
    """Of a run that was decided the result is known; another one has to begin anew, as the same command then does."""
    result = rebuilt_result(patient, directory.name)
    if result is not None:
        write_durably(directory / RESULT_FILE, RUN_RESULT_FORMAT.write(result))
        return
    why = "ML Metadata, which knew how far it had come, was lost"
    note = AbandonedRun(patient.now.isoformat(timespec="seconds"), why)
    write_durably(directory / ABANDONED_FILE, ABANDONED_FORMAT.write(note))


def _unfinished(patient: Patient) -> str:
    runs = [run.name for run in patient.runs() if not has_ended(run) and (run / REQUEST_FILE).exists()]
    return f" Run {', '.join(runs)} cannot go on without it: the same command begins a new one" if runs else ""


def _untold(patient: Patient, told: Told) -> list[Finding]:
    database = str(patient.root / DATABASE)
    logged = patient.log() or []
    untold = [one.override.version for one in logged if one.line not in told.lines]
    found = []
    if untold and (patient.root / DATABASE).exists():
        what = f"it was not told of the approval or rollback that made version {', '.join(untold)}"
        fix = "tells it, as the next retraining would"
        repair = partial(_tell, patient)
        found.append(Finding("ml-metadata-behind", database, what, fix, Severity.WARNING, repair))
    approved = {one.run_id for one in patient.versions().values() if one.verdict == APPROVED}
    kept_out = {one.run_id for one in patient.decisions() if one.verdict not in _PUSHING} - approved
    for run in told.runs:
        if run.is_blessed and run.run_id in kept_out:
            what = f"it calls the candidate of run {run.run_id} blessed, which was kept out of service"
            fix = "takes the blessing back"
            repair = partial(_unbless, patient.root, run.run_id)
            found.append(Finding("ml-metadata-blessing", f"{database}#{run.run_id}", what, fix, repair=repair))
    return found


def _tell(patient: Patient) -> None:
    from ratchet.pipeline.root.ml_metadata_sync import tell

    problem = tell(patient.root, patient.registry)
    if problem is not None:
        raise StateError(f"{patient.root / DATABASE}: {problem}")


def _unbless(root: Path, run_id: str) -> None:
    from ratchet.pipeline.root.ml_metadata import store_errors
    from ratchet.pipeline.root.ml_metadata_sync import OverrideStore

    with store_errors(root):
        OverrideStore(root).unbless(run_id)
