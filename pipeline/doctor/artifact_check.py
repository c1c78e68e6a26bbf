"""What later commands read of earlier runs: replayed images, archived models, candidates that could be approved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from components.trainer.lineage import read_record
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient, here
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.evaluation import EVALUATION_FILE
from schemas.artifacts.registry_entries import ServedModel
from schemas.base.errors import RatchetError
from schemas.base.files import LOCAL_FILES
from schemas.data.dataset import DATASET_FILE

_APPROVABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value)


def check_artifacts(patient: Patient) -> list[Finding]:
    """Whether they are there; nothing that is lost can be made again."""
    pointer = patient.pointer()
    served = pointer.served if pointer else None
    return (
        [] if served is None else [*_lineage(patient, served), *_archived(patient, served), *_blocked(patient, served)]
    )


def _lineage(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    try:
        record = read_record(served.path, LOCAL_FILES)
    except (RatchetError, OSError, ValueError) as error:
        if Path(served.path).is_dir() and patient.registry.storage.holds(served.version, served.digest):
            fix = "serve an earlier version that has one: ratchet rollback --to VERSION --by NAME --reason TEXT"
            yield Finding("training-record", served.path, str(error).partition("; ")[0], fix)
        return
    for data in record.data:
        place = here(patient.root, data.examples)
        if not (place / DATASET_FILE).is_file() and not Path(data.examples, DATASET_FILE).is_file():
            what = f"the training images of span {data.span}, which the served model was trained on, are gone"
            fix = "restore the directory from a backup; without it retrain with --set training.retrain.replay=0"
            yield Finding("examples", str(place), what, fix)


def _archived(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    decision = next((one for one in patient.decisions() if one.model_digest == served.digest), None)
    if decision is not None and not (Path(decision.model) / "Format-Serving" / "saved_model.pb").is_file():
        what = f"the archived model of run {decision.run_id} is gone; it is the served one, and its only other copy"
        fix = f"copy {served.path} to a safe place"
        yield Finding("archived-model", decision.model, what, fix, Severity.WARNING)


def _blocked(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    for made in patient.decisions():
        if made.verdict not in _APPROVABLE or made.baseline_digest != served.digest:
            continue
        files = (Path(made.model, "Format-Serving", "saved_model.pb"), Path(made.evaluation, EVALUATION_FILE))
        gone = next((file for file in files if not file.is_file()), None)
        if gone is not None:
            what = f"run {made.run_id}, {made.verdict}, cannot be approved: its files are gone"
            yield Finding("candidate", str(gone), what, "restore them from a backup, or run again", Severity.NOTE)
