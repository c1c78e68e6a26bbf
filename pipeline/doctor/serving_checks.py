"""What TensorFlow Serving sees: interrupted publications, damaged files, and what was never recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.consistency import way_out
from ratchet.components.registry.publication import settle
from ratchet.components.registry.registry import VERSIONS
from ratchet.components.registry.storage import STAGED
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.doctor.registry_checks import told_versions
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.root.places import Place, place
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, ServedModel, is_version
from ratchet.schemas.base.model_digest import is_intact, model_digest

_SERVING = "Format-Serving"
_ASIDE = "set-aside-"
_LARGEST = 2**63 - 1  # TensorFlow Serving reads the name as an int64


def check_intent(patient: Patient) -> list[Finding]:
    """Whether served.json holds a publication, and what waits beside the served versions."""
    pointer = patient.pointer()
    if pointer is None:
        return []  # pointer_check
    found = []
    repair = partial(settle, patient.signing)
    if pointer.pushing is not None:
        model = pointer.pushing.model
        what = f"the publication of {model.words} was interrupted"
        fix = "completes it, or takes it back if its files are gone"
        found.append(Finding("publication", f"{patient.root}/registry/{POINTER_FILE}", what, fix, repair=repair))
    storage, begun = patient.registry.storage, pointer.pushing.staged if pointer.pushing else None
    dead = set(storage.orphans())
    for name in sorted({*storage.served(), *dead}):
        place = f"{patient.registry.serving_directory}/{name}"
        if name in dead and name != begun:
            what, fix = "staged by a process that died; TensorFlow Serving passes over it", "removes it"
            found.append(Finding("staged", place, what, fix, repair=repair))
        elif name.startswith(STAGED) and name != begun:
            what = "staged by a process that works, or of another machine"
            fix = "nothing; remove it by hand if that machine no longer works on this root"
            found.append(Finding("staged", place, what, fix, Severity.NOTE))
    return found


def check_bytes(patient: Patient) -> list[Finding]:
    """Whether the served version and every version that a rollback may take are whole; the highest first.

    In that order TensorFlow Serving never sees a lower one come before the one that is to be served.
    """
    versions = patient.versions()
    served = patient.served.version if patient.served else max(versions, key=int, default=None)
    found = []
    for model in reversed(versions.values()):
        if not patient.registry.storage.holds(model.version, model.digest):
            found += _damaged(patient, model, model.version == served)
    return found


def _damaged(patient: Patient, model: ServedModel, is_served: bool) -> Iterator[Finding]:
    there = model.version in patient.registry.storage.served()
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
        fix = way_out(patient.registry.storage, model, list(patient.versions().values()))
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


def _whole(patient: Patient, model: ServedModel) -> Iterator[Place]:
    """Directories with the same bytes: the archived candidate, other versions, what was set aside, runs' copies."""
    tree, serving = patient.tree, patient.registry.serving_directory
    decided = [one.model for one in patient.decisions() if one.model_digest == model.digest]
    candidates = [place(uri, _SERVING, tree=tree) for uri in decided]
    others = [place(f"{serving}/{name}") for name in patient.registry.storage.served()]
    copies = sorted(tree.glob(f"artifacts/BaselineReader/baseline/*/{_SERVING}"))
    trained = sorted(tree.glob(f"artifacts/DetectorTrainer/model/*/{_SERVING}"))
    pushed = sorted(tree.glob("artifacts/Pusher/pushed_model/*"))
    for found in [*candidates, *others, *copies, *trained, *pushed]:
        if found.is_dir() and str(found) != model.path and is_intact(str(found), model.digest, files_of(str(found))):
            yield found


def check_unknown(patient: Patient) -> list[Finding]:
    """Whether every version on the disk has an entry; what was set aside before is mentioned."""
    # A version that something else speaks of was recorded, and is in service rightly: version_check.
    known = {*patient.versions(), *patient.torn(VERSIONS), *told_versions(patient), patient.begun}
    unknown = [version for version in patient.registry.versions_on_disk() if version not in known]
    found = [_unknown(patient, version) for version in unknown]
    return [*found, *_others(patient)]


def _unknown(patient: Patient, version: str) -> Finding:
    directory = f"{patient.registry.serving_directory}/{version}"
    is_seen = int(version) <= _LARGEST and version == str(int(version))
    what = f"version {version} was never recorded{_whose(patient, directory)}"
    if is_seen and version == patient.registry.versions_on_disk()[-1]:
        what += "; it is the highest number, so TensorFlow Serving serves it"
    fix = f"sets it aside as {_ASIDE}{version}-N, where TensorFlow Serving does not see it; nothing of it is lost"
    return Finding("unknown", directory, what, fix, repair=partial(_set_aside, patient, version))


def _set_aside(patient: Patient, version: str) -> None:
    if version in patient.registry.storage.served():
        patient.registry.storage.set_aside(version)


def _whose(patient: Patient, directory: str) -> str:
    try:
        digest = model_digest(directory, files_of(directory))
    except OSError:
        return ""
    same = next((one for one in patient.versions().values() if one.digest == digest), None)
    if same is not None:
        return f"; its files are those of version {same.version}"
    decision = next((one for one in patient.decisions() if one.model_digest == digest), None)
    if decision is not None:
        return f"; its files are those of run {decision.run_id}, which was {decision.verdict}"
    for run in read_told(patient.root, patient.tree).runs:
        source = run.model / "Format-Serving"
        if source.is_dir() and model_digest(str(source), files_of(str(source))) == digest:
            return (
                f"; its files are the candidate of run {run.run_id}, which was interrupted before its decision was "
                "recorded: run its span again"
            )
    return ""


def _others(patient: Patient) -> Iterator[Finding]:
    served = {*patient.registry.storage.served(), *patient.registry.storage.orphans()}
    for found in _in_serving(patient):
        name = found.name
        if is_version(name) and found.is_dir() and name not in served:
            what = "half a version, without saved_model.pb: it is being published, or its process died"
            fix = "nothing; when it is some hours old, --repair removes it"
            yield Finding("half-version", str(found), what, fix, Severity.NOTE)
        elif name.startswith(_ASIDE):
            what, fix = "was set aside", "nothing; remove it when nobody wants to look at it any more"
            yield Finding("set-aside", str(found), what, fix, Severity.NOTE)
        elif name.isascii() and name.isdigit() and not found.is_dir():
            what, fix = "a file has the name of a version", "move it away: TensorFlow Serving cannot load it"
            yield Finding("unknown", str(found), what, fix)
        elif not (name.isascii() and name.isdigit()) and not name.startswith((STAGED, ".")):
            what, fix = "no version has such a name", "nothing; move it away if it is not yours"
            yield Finding("unknown", str(found), what, fix, Severity.NOTE)


def _in_serving(patient: Patient) -> list[Place]:
    """Everything in the serving directory as it is now."""
    serving = place(patient.registry.serving_directory)
    return sorted(serving.iterdir(), key=str) if serving.is_dir() else []
