"""Decisions that are torn or lost: made again from what the run left, or set aside."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Iterator
from functools import partial

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.publication import decision_key
from ratchet.components.registry.push import EvaluatedCandidate, decision_on
from ratchet.components.registry.registry import DECISIONS
from ratchet.pipeline.doctor.findings import Finding
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.doctor.told import ToldRun, read_told
from ratchet.pipeline.root.places import Place, modified_s
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.model_digest import is_intact, model_digest

UNKNOWN = "unknown"  # the digest of a candidate of which nothing says what was measured: it cannot be approved
_DECIDED = {verdict.value for verdict in Verdict} - {Verdict.DATA_REJECTED.value}


def check_decisions(patient: Patient) -> list[Finding]:
    """Whether every decision can be read, and every run that ended with one has one."""
    told = read_told(patient.root, patient.tree)
    torn = patient.torn(DECISIONS)
    known = {decision.run_id for decision in patient.decisions()}
    found = [_torn(patient, key, problem, _run_of(key, told.runs)) for key, problem in torn.items()]
    by_key = {_key(run) for run in told.runs if _key(run) in torn}
    lost = [run for run in told.runs if run.run_id not in known and _key(run) not in by_key]
    return [*found, *_lost(patient, lost)]


def rebuilt_decision(patient: Patient, run: ToldRun) -> RecordedDecision | None:
    """The decision on a run, from its evaluation, its model and ML Metadata; None if they do not tell it for sure."""
    try:
        text = (run.evaluation / EVALUATION_FILE).read_text(encoding="utf-8")
        evaluation = EVALUATION_FORMAT.read(text, EVALUATION_FILE)
        directory = run.model / "Format-Serving"
        blessing = _blessing(patient, run, directory)
        final = _publication(run).final(evaluation.decision)
        if blessing.evaluation_digest not in (UNKNOWN, hashlib.sha256(text.encode()).hexdigest()):
            return None
        if final.verdict.value != _verdict(patient, run, final.verdict.value):
            return None
        measured = EvaluatedCandidate(
            run_id=run.run_id,
            model=str(run.model),
            trained_on=read_training_record(str(directory), files_of(str(directory))).data[-1],
            evaluation_uri=str(run.evaluation),
            evaluation=evaluation,
            blessing=blessing,
        )
        return decision_on(measured, final, _decided_at(patient, run))
    except (OSError, ValueError, LookupError, TypeError, RatchetError):
        return None


def _torn(patient: Patient, key: str, problem: str, run: ToldRun | None) -> Finding:
    name = f"{key}.json"
    file = f"{patient.root}/registry/{DECISIONS}/{name}"
    decision = run and rebuilt_decision(patient, run)
    if decision is not None:
        fix = f"makes it again from the evaluation of run {decision.run_id}{_without_digest(decision)}"

        def repair() -> None:
            patient.keep_entry(DECISIONS, name)
            patient.registry.record_decision(key, decision)

        return Finding("decision", file, problem, fix, repair=repair)
    fix = (
        "sets it aside: no run tells that it was its own. What runs tell of their decisions is made again; only a "
        "backup of the file brings back another one"
    )
    return Finding("decision", file, problem, fix, repair=partial(patient.set_aside, DECISIONS, name))


def _lost(patient: Patient, runs: list[ToldRun]) -> Iterator[Finding]:
    """Of runs that ended with a verdict on their candidate; one that was interrupted decides when it goes on."""
    for run in runs:
        result = patient.result(run.run_id)
        if result is None or result["verdict"] not in _DECIDED:
            continue
        decision = rebuilt_decision(patient, run)
        where = f"{patient.root}/registry/{DECISIONS}/{_key(run)}.json"
        what = f"the decision on run {run.run_id} is lost"
        if decision is None:
            fix = "restore it from a backup: what the run left does not tell it for sure"
            yield Finding("decision", where, what, fix)
        else:
            fix = f"makes it again from the evaluation of the run{_without_digest(decision)}"
            record = partial(patient.registry.record_decision, decision_key(decision), decision)
            yield Finding("decision", where, what, fix, repair=record)


def _without_digest(decision: RecordedDecision) -> str:
    known = decision.model_digest != UNKNOWN
    return "" if known else "; nothing says which bytes were measured, so it cannot be approved without a backup of it"


def _run_of(key: str, runs: tuple[ToldRun, ...]) -> ToldRun | None:
    return next((run for run in runs if _key(run) == key), None)


def _blessing(patient: Patient, run: ToldRun, directory: Place) -> Blessing:
    """What was measured; an earlier version of Ratchet did not say, so it is known from a push alone."""
    strings = {name: value for name, value in run.blessing.items() if isinstance(value, str)}
    with contextlib.suppress(RatchetError):
        return Blessing.from_properties(strings)
    known = {
        "model_digest": _pushed_digest(patient, run, directory) or UNKNOWN,
        "baseline_digest": str(run.baseline.get("digest", "")),
        "baseline_version": str(run.baseline.get("version", "")),
        "evaluation": str(run.evaluation),
        "evaluation_digest": UNKNOWN,
    }
    return Blessing.from_properties(known)


def _pushed_digest(patient: Patient, run: ToldRun, directory: Place) -> str | None:
    """Of the candidate, if it has the bytes that were put into service; by the entry of its version, or its files."""
    entry, version = patient.pushed_by(run.run_id), patient.told_version(run.run_id)
    if entry is not None:
        digest = entry.digest
    elif version is not None:
        served = f"{patient.registry.serving_directory}/{version}"
        digest = model_digest(served, files_of(served))
    else:
        return None
    return digest if is_intact(str(directory), digest, files_of(str(directory))) else None


def _publication(run: ToldRun) -> PublicationResult:
    file = run.pushed / PUBLICATION_FILE if run.pushed else None
    return (
        PUBLICATION_FORMAT.read(file.read_text(encoding="utf-8"), str(file))
        if file and file.is_file()
        else PublicationResult()
    )


def _verdict(patient: Patient, run: ToldRun, otherwise: str) -> str:
    result = patient.result(run.run_id)
    return str(result["verdict"]) if result else otherwise


def _decided_at(patient: Patient, run: ToldRun) -> datetime.datetime:
    """When the version was pushed, or the run ended; else when its evaluation was written."""
    pushed, result = patient.pushed_by(run.run_id), patient.result(run.run_id) or {}
    for text in (pushed.pushed_at if pushed else "", str(result.get("ended_at"))):
        with contextlib.suppress(ValueError):
            return datetime.datetime.fromisoformat(text)
    written_s = modified_s(run.evaluation / EVALUATION_FILE)
    return datetime.datetime.fromtimestamp(written_s, datetime.timezone.utc)


def _key(run: ToldRun) -> str:
    """The name that `decision_key` gives."""
    return hashlib.sha256(str(run.evaluation).rpartition("/artifacts/")[2].encode()).hexdigest()[:16]
