"""The runs: interrupted ones, torn results, and what later commands read of earlier ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ratchet.components.object_store.files import files_of
from ratchet.pipeline.doctor.aside import keep_copy, put_aside
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient, evaluation_behind, here, read_object
from ratchet.pipeline.past.cause import read_cause
from ratchet.pipeline.root.holding import is_held_by_another
from ratchet.pipeline.root.places import Place, named, place, uri_of
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE
from ratchet.schemas.artifacts.origin import record_of
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.artifacts.review import REVIEW_FILE
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, REQUEST_FILE
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.files import write_durably
from ratchet.schemas.data.dataset import DATASET_FILE

_APPROVABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value)


def rebuilt_result(patient: Patient, run_id: str) -> RunResult | None:
    """What `result.json` of a run held, without the seconds and what the data gate only observed.

    Args:
        patient: the root.
        run_id: the run's id.

    Returns:
        None where no decision is recorded.
    """
    made = patient.decision_on(run_id)
    if made is None:
        return None
    verdict, pushed = Verdict(made.verdict), patient.pushed_by(run_id)
    directory = patient.root / "runs" / run_id
    page = directory / REVIEW_FILE
    return RunResult(
        verdict=verdict,
        reasons=_reasons(made),
        map=made.map,
        baseline_map=made.baseline_map,
        delta=made.delta,
        delta_ci=made.delta_ci,
        model=made.model,
        pushed_version=pushed.version if pushed and verdict.pushes else None,
        report=named(patient.root, page) if page.is_file() else made.evaluation,
        run_id=run_id,
        span=made.span,
        seconds={},
        ended_at=made.decided_at,
        cause=read_cause(directory / DIAGNOSIS_FILE),
    )


def _reasons(made: RecordedDecision) -> tuple[Reason, ...]:
    """The evaluator's; where it was blocked for something else, that."""
    evaluation = evaluation_behind(made)
    if evaluation is not None and evaluation.decision.verdict.value == made.verdict:
        return evaluation.decision.explaining
    return (Reason(made.rule or "decision", "a better model", made.reason),) if made.reason else ()


def check_runs(patient: Patient) -> list[Finding]:
    """Whether every run has a result that can be read."""
    is_working = is_held_by_another(patient.root)
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
        return [Finding("result", str(file), "it is torn", fix, repair=partial(_write_result, file, result))]
    fix = "sets it aside, so that the run counts as interrupted"
    return [Finding("result", str(file), "it is torn", fix, repair=partial(put_aside, file, "torn"))]


def _unfinished(patient: Patient, run: Path) -> Finding:
    what = "this run was interrupted"
    decided = patient.decision_on(run.name)
    if decided is not None:
        what += f" after it was decided: {decided.verdict}"
    command = (read_object(run / REQUEST_FILE) or {}).get("command")
    fix = (
        f"goes on with: {_in_root(command, uri_of(patient.root))}"
        if command
        else "the same command makes a new run; this one says not what it was asked"
    )
    return Finding("unfinished", str(run), what, fix, Severity.NOTE)


def _in_root(command: str, root: str) -> str:
    """The command for this root, which may have been moved or copied since it was given."""
    words = shlex.split(command)
    return shlex.join([root if before == "--root" else word for before, word in zip(["", *words], words)])


def _write_result(file: Path, result: RunResult) -> None:
    keep_copy(file, "torn")
    write_durably(file, RUN_RESULT_FORMAT.write(result))


def check_artifacts(patient: Patient) -> list[Finding]:
    """Whether they are there; nothing that is lost can be made again."""
    served = patient.served
    return [*_lineage(patient, served), *_archived(patient, served), *_blocked(patient, served)] if served else []


def _lineage(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    try:
        record = record_of(served.path, files_of(served.path))
    except (RatchetError, OSError, ValueError) as error:
        storage = patient.registry.storage
        if served.version in storage.served() and storage.holds(served.version, served.digest):
            fix = "serve an earlier version that has one: ratchet rollback --to VERSION --by NAME --reason TEXT"
            yield Finding("training-record", served.path, str(error).partition("; ")[0], fix)
        return
    for data in record.data if record else ():
        found = here(patient.tree, data.examples)
        if not (found / DATASET_FILE).is_file() and not place(data.examples, DATASET_FILE).is_file():
            what = f"the training images of span {data.span}, which the served model was trained on, are gone"
            fix = "restore the directory from a backup; without it retrain with --set training.retrain.replay=0"
            yield Finding("examples", str(found), what, fix)


def _archived(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    decision = next((one for one in patient.decisions() if one.model_digest == served.digest), None)
    if decision is not None and not _file(patient, decision.model, "Format-Serving/saved_model.pb").is_file():
        what = f"the archived model of run {decision.run_id} is gone; it is the served one, and its only other copy"
        fix = f"copy {served.path} to a safe place"
        yield Finding("archived-model", decision.model, what, fix, Severity.WARNING)


def _blocked(patient: Patient, served: ServedModel) -> Iterator[Finding]:
    for made in patient.decisions():
        if made.verdict not in _APPROVABLE or made.baseline_digest != served.digest:
            continue
        model, evaluation = "Format-Serving/saved_model.pb", EVALUATION_FILE
        files = (_file(patient, made.model, model), _file(patient, made.evaluation, evaluation))
        gone = next((file for file in files if not file.is_file()), None)
        if gone is not None:
            what = f"run {made.run_id}, {made.verdict}, cannot be approved: its files are gone"
            yield Finding(
                "candidate", str(gone), what, "restore them from a backup, or run with --again", Severity.NOTE
            )


def _file(patient: Patient, uri: str, name: str) -> Place:
    return place(uri, name, tree=patient.tree)
