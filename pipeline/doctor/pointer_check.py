"""`served.json`: lost, torn or behind, it is made again from what was recorded, and from nothing else."""

from __future__ import annotations

import contextlib
from functools import partial

from components.registry.entry_files import pointer_json
from components.registry.storage import Token
from pipeline.doctor.finding import Finding
from pipeline.doctor.patient import Patient, put_aside
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.registry_entries import POINTER_FILE, Pointer, ServedModel
from schemas.base.errors import StateError

_PUSHING = {verdict.value for verdict in Verdict if verdict.pushes}
_SERVE = "serve one on your responsibility: ratchet rollback --to VERSION --by NAME --reason TEXT"


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
        fix = f"names version {model.version} of run {model.run_id} in it, which is what TensorFlow Serving serves"
        return Finding("pointer", path, what, fix, repair=partial(_point, patient, model))
    fix = f"nothing tells for sure which version was served ({model}); {_SERVE}"
    if not torn:
        return Finding("pointer", path, what, fix)
    aside = partial(put_aside, patient.root / "registry" / POINTER_FILE, "torn")
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
    content = patient.registry.storage.read(POINTER_FILE)
    token = Token.ABSENT if content is None else content.token
    patient.registry.storage.write(POINTER_FILE, pointer_json(Pointer(model), str(patient.root)), token)


def _why_torn(patient: Patient) -> str:
    with contextlib.suppress(StateError):
        patient.registry.pointer()
        return ""
    content = patient.registry.storage.read(POINTER_FILE)
    return "it is empty" if content and not content.text.strip() else "it is torn, or not a pointer"
