"""Entries of versions that are torn or lost: made again from the pointer, the log, or the decision on their run."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

from components.registry.override_log import LoggedOverride
from components.registry.registry import VERSIONS
from pipeline.doctor.finding import Finding
from pipeline.doctor.patient import Patient, put_aside
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from schemas.artifacts.overrides import OverrideKind
from schemas.artifacts.registry_entries import APPROVED, RecordedDecision, ServedModel
from schemas.base.errors import StateError
from schemas.base.files import LOCAL_FILES
from schemas.base.model_digest import model_digest

_PUSHING = {verdict.value for verdict in Verdict if verdict.pushes}


def check_versions(patient: Patient) -> list[Finding]:
    """Whether every version that was served has an entry that can be read."""
    torn, known = patient.torn(VERSIONS), patient.versions()
    wanted = {*(name for name in torn if _is_number(name)), *told_versions(patient), *patient.on_disk()}
    missing = sorted(wanted - set(known) - {patient.begun}, key=int)
    found = [finding for version in missing for finding in _missing(patient, version, torn.get(version))]
    return [*found, *(_no_version(patient, name, problem) for name, problem in torn.items() if not _is_number(name))]


def _missing(patient: Patient, version: str, problem: str | None) -> list[Finding]:
    file = patient.root / "registry" / VERSIONS / f"{version}.json"
    what = problem or f"the entry of version {version} is lost"
    found = _rebuilt(patient, version)
    if found is not None:
        model, source = found
        fix = f"makes it again from {source}"
        return [Finding("version", str(file), what, fix, repair=partial(patient.registry.record_version, model))]
    if problem is None:
        # A directory without an entry that nothing speaks of is none: unknown_check.
        lost = version in told_versions(patient)
        fix = "restore it from a backup: neither pointer nor log nor a decision tells it for sure"
        return [Finding("version", str(file), what, fix)] if lost else []
    fix = "sets it aside: neither pointer nor log nor a decision tells it for sure; its files are set aside, too"
    return [Finding("version", str(file), what, fix, repair=partial(put_aside, file, "torn"))]


def _no_version(patient: Patient, name: str, problem: str) -> Finding:
    file = patient.root / "registry" / VERSIONS / f"{name}.json"
    return Finding("version", str(file), problem, "sets it aside", repair=partial(put_aside, file, "torn"))


def _rebuilt(patient: Patient, version: str) -> tuple[ServedModel, str] | None:
    """The entry of a version, and where it is from."""
    pointer = patient.pointer()
    if pointer and pointer.served and pointer.served.version == version:
        return pointer.served, "registry/served.json"
    logged = next((one for one in patient.log() or [] if one.override.version == version), None)
    if logged is not None:
        model = _overridden(patient, logged)
        return (model, "the log of approvals and rollbacks, and the decision on its run") if model else None
    decision = _decision(patient, version)
    return (_pushed(patient, version, decision), f"the decision on run {decision.run_id}") if decision else None


def _overridden(patient: Patient, logged: LoggedOverride) -> ServedModel | None:
    made = logged.override
    decision = next((one for one in reversed(patient.decisions()) if one.run_id == made.run_id), None)
    if decision is None or decision.model_digest != made.model_digest:
        return None
    restored = patient.versions().get(made.restored or "")
    approved = made.kind is OverrideKind.APPROVED or made.expires is not None
    model = restored or _pushed(patient, made.version, decision)
    return dataclasses.replace(
        model,
        version=made.version,
        path=f"{patient.registry.serving_directory}/{made.version}",
        verdict=restored.verdict if restored else APPROVED if approved else decision.verdict,
        pushed_at=made.at,
        blessed=_is_blessed(patient, made.version, made.model_digest),
        restores=made.restored,
        override=logged.digest,
        signature=None,
    )


def _pushed(patient: Patient, version: str, decision: RecordedDecision) -> ServedModel:
    return ServedModel(
        version=version,
        path=f"{patient.registry.serving_directory}/{version}",
        digest=decision.model_digest,
        span=decision.span,
        golden_digest=decision.golden_digest,
        map=_map(decision),
        verdict=decision.verdict,
        run_id=decision.run_id,
        pushed_at=decision.decided_at,
        blessed=_is_blessed(patient, version, decision.model_digest),
    )


def _decision(patient: Patient, version: str) -> RecordedDecision | None:
    """That by which a version was pushed: its run says so, or its files do and no other version is of this run."""
    pushing = [one for one in patient.decisions() if one.verdict in _PUSHING]
    told = [one for one in pushing if _pushed_version(patient, one.run_id) == version]
    if told:
        return told[-1]
    entered = {one.run_id for one in patient.versions().values() if one.restores is None and one.verdict != APPROVED}
    elsewhere = [one for one in pushing if one.run_id not in entered and not _pushed_version(patient, one.run_id)]
    directory = Path(patient.registry.serving_directory, version)
    if not elsewhere or not directory.is_dir():
        return None
    digest = model_digest(str(directory), LOCAL_FILES)
    return next((one for one in elsewhere if one.model_digest == digest), None)


def told_versions(patient: Patient) -> set[str]:
    """The versions that something else speaks of."""
    pointer = patient.pointer()
    served = {pointer.served.version} if pointer and pointer.served else set()
    runs = {_pushed_version(patient, run.name) for run in patient.runs()}
    logged = {one.override.version for one in patient.log() or []}
    return {version for version in served | runs | logged if version and _is_number(version)}


def _pushed_version(patient: Patient, run_id: str) -> str | None:
    version = (patient.result(run_id) or {}).get("pushed_version")
    return version if isinstance(version, str) else None


def _is_blessed(patient: Patient, version: str, digest: str) -> bool:
    """Whether no later rollback went back behind it, to another model."""
    rollbacks = [one.override for one in patient.log() or [] if one.override.restored]
    return not any(
        int(made.restored or 0) < int(version) < int(made.version) and made.model_digest != digest for made in rollbacks
    )


def _map(decision: RecordedDecision) -> float:
    """Over all classes where the evaluation is there; the decision's is over those that the baseline knows too."""
    try:
        text = Path(decision.evaluation, EVALUATION_FILE).read_text(encoding="utf-8")
        return EVALUATION_FORMAT.read(text, EVALUATION_FILE).golden.candidate.coco["AP"]
    except (OSError, ValueError, LookupError, StateError):
        return decision.map


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
