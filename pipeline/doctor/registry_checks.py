"""The registry: log, versions and pointer that are torn or lost are made again from what the others recorded."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from functools import partial

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.entry_files import pointer_json
from ratchet.components.registry.entry_index import index_text, salvaged
from ratchet.components.registry.override_log import OVERRIDES_FILE, LoggedOverride, check_named, read_log
from ratchet.components.registry.registry import DECISIONS, VERSIONS
from ratchet.components.registry.storage import Token
from ratchet.pipeline.doctor.aside import keep_copy, put_aside
from ratchet.pipeline.doctor.findings import Finding
from ratchet.pipeline.doctor.patient import Patient, evaluation_behind
from ratchet.pipeline.doctor.told import read_told
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.overrides import OverrideKind
from ratchet.schemas.artifacts.registry_entries import APPROVED, POINTER_FILE, Pointer, RecordedDecision, ServedModel
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.model_digest import model_digest

_PUSHING = {verdict.value for verdict in Verdict if verdict.pushes}
_SERVE = "serve one on your responsibility: ratchet rollback --to VERSION --by NAME --reason TEXT"


def check_overrides(patient: Patient) -> list[Finding]:
    """Whether every line follows the one before, every line that a version names is there, and none is cut off."""
    path = f"{patient.root}/registry/{OVERRIDES_FILE}"
    content = patient.registry.storage.read(OVERRIDES_FILE)
    text = content.text if content else ""
    told = read_told(patient.root, patient.tree).lines
    problem = _log_problem(text, told, patient.named_overrides())
    if problem is None:
        return []
    whole = _restored(text, told, patient.named_overrides())
    if whole is None:
        fix = "restore it from a backup: ML Metadata does not have its lines either"
        return [Finding("overrides", path, problem, fix)]

    def repair() -> None:
        if text:
            put_aside(patient.tree / "registry" / OVERRIDES_FILE, "damaged")
        patient.registry.storage.write(OVERRIDES_FILE, whole)

    fix = f"restores its {len(whole.splitlines())} lines from ML Metadata; the damaged file is kept beside it"
    return [Finding("overrides", path, problem, fix, repair=repair)]


def _log_problem(text: str, told: tuple[str, ...], named: dict[str, str]) -> str | None:
    try:
        logged = read_log(text, "it")
        check_named(logged, named, "it")
    except StateError as error:
        return str(error).partition("; approvals and rollbacks are only")[0]
    lost = [line for line in told if line not in {entry.line for entry in logged}]
    return f"{len(lost)} lines that ML Metadata has are missing or were changed in it" if lost else None


def _restored(text: str, told: tuple[str, ...], named: dict[str, str]) -> str | None:
    """The told lines, and those of the file that follow them; None if that is no whole log."""
    try:
        logged = read_log("\n".join(told), "ML Metadata")
        for line in text.splitlines():
            if line not in told:
                logged = _followed(logged, line)
        check_named(logged, named, "ML Metadata")
    except StateError:
        return None
    return "".join(f"{entry.line}\n" for entry in logged) if told else None


def _followed(logged: list[LoggedOverride], line: str) -> list[LoggedOverride]:
    """With one more line, if it follows the last one; an edited line does not, for its original is there."""
    try:
        previous = json.loads(line)["previous"]
    except (ValueError, LookupError, TypeError):
        return logged
    if logged and previous != logged[-1].digest:
        return logged
    return read_log("\n".join([*(entry.line for entry in logged), line]), "it")


def check_indexes(patient: Patient) -> list[Finding]:
    """Whether the two files that hold all entries can be read; of a torn one, the lines that are whole are kept."""
    return [finding for directory in (VERSIONS, DECISIONS) for finding in _torn_index(patient, directory)]


def _torn_index(patient: Patient, directory: str) -> list[Finding]:
    index = patient.registry.entries(directory)
    try:
        index.all()
        return []
    except StateError as error:
        problem = str(error).removeprefix(f"{index.path}: ").partition("; `ratchet")[0]
    file = patient.tree / "registry" / index.name
    content = patient.registry.storage.read(index.name)
    whole = salvaged(content.text) if content else {}

    def repair() -> None:
        keep_copy(file, "torn")
        patient.registry.storage.write(index.name, index_text(whole), content.token if content else Token.ABSENT)

    fix = f"keeps {many(len(whole), 'entry')} that can be read, and makes the others again as far as runs"
    return [Finding("index", f"{patient.root}/registry/{index.name}", problem, f"{fix} tell them", repair=repair)]


def check_versions(patient: Patient) -> list[Finding]:
    """Whether every version that was served has an entry that can be read."""
    torn, known = patient.torn(VERSIONS), patient.versions()
    wanted = {*(name for name in torn if _is_number(name)), *told_versions(patient), *patient.on_disk()}
    missing = sorted(wanted - set(known) - {patient.begun}, key=int)
    found = [finding for version in missing for finding in _missing(patient, version, torn.get(version))]
    return [*found, *(_no_version(patient, name, problem) for name, problem in torn.items() if not _is_number(name))]


def _missing(patient: Patient, version: str, problem: str | None) -> list[Finding]:
    name = f"{version}.json"
    file = f"{patient.root}/registry/{VERSIONS}/{name}"
    what = problem or f"the entry of version {version} is lost"
    found = _rebuilt(patient, version)
    if found is not None:
        model, source = found
        fix = f"makes it again from {source}"
        return [Finding("version", file, what, fix, repair=partial(patient.registry.record_version, model))]
    if problem is None:
        # A directory without an entry that nothing speaks of is none: unknown_check.
        lost = version in told_versions(patient)
        fix = "restore it from a backup: neither pointer nor log nor a decision tells it for sure"
        return [Finding("version", file, what, fix)] if lost else []
    fix = "sets it aside: neither pointer nor log nor a decision tells it for sure; its files are set aside, too"
    return [Finding("version", file, what, fix, repair=partial(patient.set_aside, VERSIONS, name))]


def _no_version(patient: Patient, name: str, problem: str) -> Finding:
    file = f"{patient.root}/registry/{VERSIONS}/{name}.json"
    repair = partial(patient.set_aside, VERSIONS, f"{name}.json")
    return Finding("version", file, problem, "sets it aside", repair=repair)


def _rebuilt(patient: Patient, version: str) -> tuple[ServedModel, str] | None:
    """The entry of a version, and where it is from."""
    if patient.served and patient.served.version == version:
        return patient.served, "registry/served.json"
    logged = next((one for one in patient.log() or [] if one.override.version == version), None)
    if logged is not None:
        model = _overridden(patient, logged)
        return (model, "the log of approvals and rollbacks, and the decision on its run") if model else None
    decision = _decision(patient, version)
    return (_pushed(patient, version, decision), f"the decision on run {decision.run_id}") if decision else None


def _overridden(patient: Patient, logged: LoggedOverride) -> ServedModel | None:
    made = logged.override
    decision = patient.decision_on(made.run_id)
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
    told = [one for one in pushing if patient.told_version(one.run_id) == version]
    if told:
        return told[-1]
    entered = {one.run_id for one in patient.versions().values() if one.restores is None and one.verdict != APPROVED}
    elsewhere = [one for one in pushing if one.run_id not in entered and not patient.told_version(one.run_id)]
    if not elsewhere or version not in patient.registry.storage.served():
        return None
    directory = f"{patient.registry.serving_directory}/{version}"
    digest = model_digest(directory, files_of(directory))
    return next((one for one in elsewhere if one.model_digest == digest), None)


def told_versions(patient: Patient) -> set[str]:
    """The versions that something else speaks of."""
    served = {patient.served.version} if patient.served else set()
    runs = {patient.told_version(run.name) for run in patient.runs()}
    logged = {one.override.version for one in patient.log() or []}
    return {version for version in served | runs | logged if version and _is_number(version)}


def _is_blessed(patient: Patient, version: str, digest: str) -> bool:
    """Whether no later rollback went back behind it, to another model."""
    rollbacks = [one.override for one in patient.log() or [] if one.override.restored]
    return not any(
        int(made.restored or 0) < int(version) < int(made.version) and made.model_digest != digest for made in rollbacks
    )


def _map(decision: RecordedDecision) -> float:
    """Over all classes where the evaluation is there; the decision's is over those that the baseline knows too."""
    evaluation = evaluation_behind(decision)
    return evaluation.golden.candidate.coco.get("AP", decision.map) if evaluation else decision.map


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def check_pointer(patient: Patient) -> list[Finding]:
    """Whether it names the version that is served."""
    path, pointer = f"{patient.root}/registry/{POINTER_FILE}", patient.pointer()
    versions, on_disk = patient.versions(), patient.on_disk()
    if pointer is None:
        return [_mended(patient, path, _why_torn(patient), torn=True)]
    if pointer.served is None:
        if not versions and not on_disk:
            return []
        lost = patient.registry.storage.read(POINTER_FILE) is None
        return [_mended(patient, path, "it is lost" if lost else "it names no version", torn=False)]
    return _disagreeing(patient, path, pointer.served)


def rightful(patient: Patient) -> ServedModel | str:
    """The version that was served last, as far as everything that was recorded agrees on it; else why not.

    That is the highest number, on the disk and in the registry alike: blessed, its bytes whole, decided by its run or
    by a person, and no line of the log speaks of a later one.
    """
    versions, on_disk, logged = patient.versions(), patient.on_disk(), patient.log()
    if logged is None:
        return "the log of approvals and rollbacks was changed"
    if not versions:
        return "the registry knows no version"
    model = versions[max(versions, key=int)]
    if not on_disk or on_disk[-1] != model.version:
        return (
            f"the highest version on the disk is {on_disk[-1] if on_disk else 'none'}, in the registry {model.version}"
        )
    if not model.blessed:
        return f"version {model.version} was left behind by a rollback"
    if not patient.registry.storage.holds(model.version, model.digest):
        return f"the files of version {model.version} are not those that were recorded"
    if any(int(one.override.version) > int(model.version) for one in logged):
        return f"the log speaks of version {logged[-1].override.version}, which is lost"
    override = next((one for one in logged if one.override.version == model.version), None)
    if (override.digest if override else None) != model.override:
        return f"the log and the entry of version {model.version} disagree"
    if override is None and not _was_pushed(patient, model):
        return f"there is no decision by which version {model.version} was pushed"
    # An unsigned one may be named: nothing believes it before a person has answered for it.
    if model.signature is not None and not patient.is_trusted(model):
        return f"the entry of version {model.version} is not as it was signed"
    return model


def _was_pushed(patient: Patient, model: ServedModel) -> bool:
    decided = [one for one in patient.decisions() if one.verdict in _PUSHING]
    return any((one.run_id, one.model_digest) == (model.run_id, model.digest) for one in decided)


def _mended(patient: Patient, path: str, what: str, torn: bool) -> Finding:
    model = rightful(patient)
    if isinstance(model, ServedModel):
        fix = f"names {model.words} in it, which is what TensorFlow Serving serves"
        return Finding("pointer", path, what, fix, repair=partial(_point, patient, model))
    fix = f"nothing tells for sure which version was served ({model}); {_SERVE}"
    if not torn:
        return Finding("pointer", path, what, fix)
    aside = partial(put_aside, patient.tree / "registry" / POINTER_FILE, "torn")
    return Finding(
        "pointer", path, what, f"sets the torn file aside, so that a rollback is possible: {fix}", repair=aside
    )


def _disagreeing(patient: Patient, path: str, served: ServedModel) -> list[Finding]:
    entry = patient.versions().get(served.version)
    if entry is not None and entry.digest != served.digest:
        what = f"it and the entry of version {served.version} name other bytes"
        return [Finding("pointer", path, what, f"restore one of them from a backup, or {_SERVE}")]
    highest = patient.on_disk()[-1:] or [served.version]
    if int(highest[0]) <= int(served.version) or highest[0] not in patient.versions():
        return []  # bytes_check and unknown_check
    what = f"it names version {served.version}, but TensorFlow Serving serves version {highest[0]}, the highest number"
    model = rightful(patient)
    if isinstance(model, ServedModel):
        fix = f"names version {model.version} in it, which was recorded after it"
        return [Finding("pointer", path, what, fix, repair=partial(_point, patient, model))]
    return [Finding("pointer", path, what, f"nothing tells which of the two is right ({model}); {_SERVE}")]


def _point(patient: Patient, model: ServedModel) -> None:
    """Over what was found: torn, lost or behind."""
    keep_copy(patient.tree / "registry" / POINTER_FILE, "torn")
    content = patient.registry.storage.read(POINTER_FILE)
    token = Token.ABSENT if content is None else content.token
    patient.registry.storage.write(POINTER_FILE, pointer_json(Pointer(model), patient.registry.storage.root), token)


def _why_torn(patient: Patient) -> str:
    with contextlib.suppress(StateError):
        patient.registry.pointer()
        return ""
    content = patient.registry.storage.read(POINTER_FILE)
    return "it is empty" if content and not content.text.strip() else "it is torn, or not a pointer"
