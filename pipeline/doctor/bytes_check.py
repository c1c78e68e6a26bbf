"""The files of versions: damaged or lost ones are restored from wherever the same bytes are whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from schemas.artifacts.registry_entries import ServedModel
from schemas.base.files import LOCAL_FILES
from schemas.base.model_digest import is_intact

_SERVING = "Format-Serving"


def check_bytes(patient: Patient) -> list[Finding]:
    """Whether the served version and every version that a rollback may take are whole; the highest first.

    In that order TensorFlow Serving never sees a lower one come before the one that is to be served.
    """
    versions, pointer = patient.versions(), patient.pointer()
    served = pointer.served.version if pointer and pointer.served else max(versions, key=int, default=None)
    found = []
    for model in reversed(versions.values()):
        if not patient.registry.storage.holds(model.version, model.digest):
            found += _damaged(patient, model, model.version == served)
    return found


def _damaged(patient: Patient, model: ServedModel, is_served: bool) -> Iterator[Finding]:
    there = Path(model.path).exists()
    how = "are not those that were recorded" if there else "are gone"
    what = f"the files of version {model.version} {how} (content digest {model.digest[:12]})"
    # `ratchet prune` takes the files of versions that no rollback needs: damage is wrong, room that was made is not.
    severity = Severity.WRONG if there or is_served else Severity.WARNING
    if not is_served and (not model.blessed or (not there and _same_elsewhere(patient, model))):
        return
    source = next(_whole(patient, model), None)
    if source is not None:
        fix = f"{'sets the damaged ones aside and ' if there else ''}restores them from {source}"
        yield Finding("files", model.path, what, fix, severity, partial(restore, patient, model, str(source)))
    elif is_served:
        fix = (
            "restore the directory from a backup, or serve another version: ratchet rollback --to VERSION --by NAME "
            "--reason TEXT"
        )
        yield Finding("files", model.path, f"{what}, and nowhere else either", fix)
    else:
        yield _forgotten(patient, model, what, severity)


def _forgotten(patient: Patient, model: ServedModel, what: str, severity: Severity) -> Finding:
    if not patient.may_change(model):
        fix = "restore the directory from a backup; its entry is signed with a key that is not there, so it is left"
        return Finding("files", model.path, what, fix, severity)
    fix = "marks the version as not blessed, so that no rollback takes it; restore the directory first to keep it one"
    writer = patient.registry if model.signature is None else patient.signing
    forget = partial(writer.record_version, replace(model, blessed=False))
    return Finding("files", model.path, f"{what}, and nowhere else either", fix, severity, forget)


def _same_elsewhere(patient: Patient, model: ServedModel) -> bool:
    """Whether another version is the same model, so that a rollback can take that one."""
    same = [one for one in patient.versions().values() if one.digest == model.digest and one.blessed]
    return any(patient.registry.storage.holds(one.version, one.digest) for one in same)


def restore(patient: Patient, model: ServedModel, source: str) -> None:
    """Puts the files of a version back; killed in between, the next time goes on."""
    storage = patient.registry.storage
    if storage.holds(model.version, model.digest):
        return
    staged = storage.stage(source, model.digest)
    if model.version in storage.served():
        storage.set_aside(model.version)
    storage.publish(staged, model.version)


def _whole(patient: Patient, model: ServedModel) -> Iterator[Path]:
    """Directories with the same bytes: the archived candidate, other versions, what was set aside, runs' copies."""
    root, serving = patient.root, Path(patient.registry.serving_directory)
    candidates = [Path(one.model, _SERVING) for one in patient.decisions() if one.model_digest == model.digest]
    others = sorted(serving.iterdir()) if serving.is_dir() else []
    copies = sorted(root.glob(f"artifacts/BaselineReader/baseline/*/{_SERVING}"))
    trained = sorted(root.glob(f"artifacts/DetectorTrainer/model/*/{_SERVING}"))
    pushed = sorted(root.glob("artifacts/Pusher/pushed_model/*"))
    for place in [*candidates, *others, *copies, *trained, *pushed]:
        if place.is_dir() and str(place) != model.path and is_intact(str(place), model.digest, LOCAL_FILES):
            yield place
