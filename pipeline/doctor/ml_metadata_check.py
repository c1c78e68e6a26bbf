"""ML Metadata: lost, a new store is begun behind everything that is on the disk; behind, it is told."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from ratchet.components.stack.mlmd_server import Server
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.doctor.aside import free_name, keep_copy, put_aside
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.doctor.run_checks import rebuilt_result
from ratchet.pipeline.doctor.told import Told, read_told
from ratchet.pipeline.past.run_record import has_ended
from ratchet.pipeline.root.executions import count_on, highest_execution
from ratchet.pipeline.root.metadata_store import DATABASE, Store, store_of
from ratchet.pipeline.root.places import is_remote
from ratchet.pipeline.root.root_file import read_file
from ratchet.pipeline.root.same_store import check_no_copy, recorded_place
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE
from ratchet.schemas.artifacts.registry_entries import APPROVED
from ratchet.schemas.artifacts.root_file import ROOT_FILE
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, ABANDONED_FORMAT, REQUEST_FILE, AbandonedRun
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import WRITING, flush_directory, write_durably

_PUSHING = {verdict.value for verdict in Verdict if verdict.pushes}


def check_ml_metadata(patient: Patient) -> list[Finding]:
    """Whether it is whole, counts on behind what is on the disk, and knows what the registry knows."""
    told = read_told(patient.root, patient.tree)
    if told.problem is not None:
        fix = (
            "puts it aside and begins a new one that counts on from what is on the disk, so that nothing is "
            f"overwritten. What was served, replay, approve and rollback do not need the old one.{_unfinished(patient)}"
        )
        return [Finding("ml-metadata", _where(patient), told.problem, fix, repair=partial(_begin_anew, patient))]
    store = store_of(patient.root)
    found = _copied(patient, store)
    highest = highest_execution(patient.root, patient.tree)
    if told.last_execution < highest and store.is_begun:
        what = (
            f"it has counted to {told.last_execution}, and artifacts/ holds number {highest}: it is older than they are"
        )
        fix = "lets it count on from there, so that nothing is overwritten"
        found.append(Finding("ml-metadata", store.name, what, fix, repair=partial(count_on, store, highest)))
    return [*found, *_untold(patient, store, told)]


def _copied(patient: Patient, store: Store) -> list[Finding]:
    """Whether the root has its id in a shared database from the root that it is a copy of."""
    recorded = recorded_place(patient.root)
    try:
        if recorded is not None:
            check_no_copy(patient.root, recorded, store.owner)
    except StateError as error:
        what, _, fix = str(error).partition(": ")[2].partition("; ")
        return [Finding("ml-metadata-copy", store.name, what, fix)]
    return []


def _where(patient: Patient) -> str:
    try:
        return store_of(patient.root).name
    except StateError:
        return str(patient.root / METADATA_FILE)


def _begin_anew(patient: Patient) -> None:
    """Where the settings that the root remembers say, as a run with them wants it there."""
    there = read_file(patient.root)
    wanted = load_settings(there.settings, (), ROOT_FILE).metadata.server if there else None
    begin_anew(patient, wanted)


def begin_anew(patient: Patient, server: Server | None) -> None:
    """A new store takes the place of a lost one, or of one that is given up.

    What could only go on with the old one ends first: killed in between, the next time goes on from there.

    Args:
        patient: the root, which nobody else works in.
        server: that is to keep it; None: SQLite.
    """
    for directory in patient.runs():
        if not has_ended(directory) and (directory / REQUEST_FILE).exists():
            _end(patient, directory)
    if server is None:
        _begin_sqlite(patient)
        return
    from ratchet.pipeline.root.claim import begin_on_server

    begin_on_server(patient.root, server)
    _put_sqlite_aside(patient)


def _begin_sqlite(patient: Patient) -> None:
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    from ratchet.pipeline.root.ml_metadata import sqlite_at, store_errors

    new = patient.root / f"ml-metadata.{os.getpid()}{WRITING}"
    new.mkdir(exist_ok=True)
    with store_errors(new):
        MetadataStore(sqlite_at(new))
    count_on(Store(new), highest_execution(patient.root, patient.tree))
    _put_sqlite_aside(patient)
    os.rename(new / DATABASE, patient.root / DATABASE)
    put_aside(patient.root / METADATA_FILE, "broken")
    flush_directory(patient.root)
    new.rmdir()


def _put_sqlite_aside(patient: Patient) -> None:
    database = patient.root / DATABASE
    if is_remote(patient.root):
        keep_copy(patient.tree / DATABASE, "broken")  # what is put aside below stays on this machine
    aside = free_name(database, "broken")
    for ending in ("", "-journal", "-wal", "-shm"):
        if os.path.exists(f"{database}{ending}"):
            os.rename(f"{database}{ending}", f"{aside}{ending}")


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


def _untold(patient: Patient, store: Store, told: Told) -> list[Finding]:
    logged = patient.log() or []
    untold = [one.override.version for one in logged if one.line not in told.lines]
    found = []
    if untold and store.is_begun:
        what = f"it was not told of the approval or rollback that made version {', '.join(untold)}"
        fix = "tells it, as the next retraining would"
        repair = partial(_tell, patient)
        found.append(Finding("ml-metadata-behind", store.name, what, fix, Severity.WARNING, repair))
    approved = {one.run_id for one in patient.versions().values() if one.verdict == APPROVED}
    kept_out = {one.run_id for one in patient.decisions() if one.verdict not in _PUSHING} - approved
    for run in told.runs:
        if run.is_blessed and run.run_id in kept_out:
            what = f"it calls the candidate of run {run.run_id} blessed, which was kept out of service"
            fix = "takes the blessing back"
            repair = partial(_unbless, patient.root, run.run_id)
            found.append(Finding("ml-metadata-blessing", f"{store.name}#{run.run_id}", what, fix, repair=repair))
    return found


def _tell(patient: Patient) -> None:
    from ratchet.pipeline.root.ml_metadata_sync import tell

    problem = tell(patient.root, patient.registry)
    if problem is not None:
        raise StateError(f"{_where(patient)}: {problem}")


def _unbless(root: Path, run_id: str) -> None:
    from ratchet.pipeline.root.ml_metadata import store_errors
    from ratchet.pipeline.root.ml_metadata_sync import OverrideStore

    with store_errors(root):
        OverrideStore(root).unbless(run_id)
