"""What lies in the serving directory and was never recorded: set aside, for TensorFlow Serving may serve it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from components.registry.registry import VERSIONS
from components.registry.storage import STAGED
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from pipeline.doctor.told import read_told
from pipeline.doctor.version_check import told_versions
from schemas.base.files import LOCAL_FILES
from schemas.base.model_digest import model_digest

_ASIDE = "set-aside-"
_LARGEST = 2**63 - 1  # TensorFlow Serving reads the name as an int64


def check_unknown(patient: Patient) -> list[Finding]:
    """Whether every version on the disk has an entry; what was set aside before is mentioned."""
    # A version that something else speaks of was recorded, and is in service rightly: version_check.
    known = {*patient.versions(), *patient.torn(VERSIONS), *told_versions(patient), patient.begun}
    serving = Path(patient.registry.serving_directory)
    unknown = [version for version in patient.registry.versions_on_disk() if version not in known]
    found = [_unknown(patient, serving / version) for version in unknown]
    return [*found, *_others(patient, serving)]


def _unknown(patient: Patient, directory: Path) -> Finding:
    version = directory.name
    is_seen = int(version) <= _LARGEST and version == str(int(version))
    what = f"version {version} was never recorded{_whose(patient, directory)}"
    if is_seen and version == patient.registry.versions_on_disk()[-1]:
        what += "; it is the highest number, so TensorFlow Serving serves it"
    fix = f"sets it aside as {_ASIDE}{version}-N, where TensorFlow Serving does not see it; nothing of it is lost"
    return Finding("unknown", str(directory), what, fix, repair=partial(_set_aside, patient, version))


def _set_aside(patient: Patient, version: str) -> None:
    if version in patient.registry.storage.served():
        patient.registry.storage.set_aside(version)


def _whose(patient: Patient, directory: Path) -> str:
    try:
        digest = model_digest(str(directory), LOCAL_FILES)
    except OSError:
        return ""
    same = next((one for one in patient.versions().values() if one.digest == digest), None)
    if same is not None:
        return f"; its files are those of version {same.version}"
    decision = next((one for one in patient.decisions() if one.model_digest == digest), None)
    if decision is not None:
        return f"; its files are those of run {decision.run_id}, which was {decision.verdict}"
    for run in read_told(patient.root).runs:
        source = run.model / "Format-Serving"
        if source.is_dir() and model_digest(str(source), LOCAL_FILES) == digest:
            return (
                f"; its files are the candidate of run {run.run_id}, which was interrupted before its decision was "
                "recorded: run its span again"
            )
    return ""


def _others(patient: Patient, serving: Path) -> Iterator[Finding]:
    for place in sorted(serving.iterdir()) if serving.is_dir() else []:
        name = place.name
        if name.startswith(_ASIDE):
            what, fix = "was set aside", "nothing; remove it when nobody wants to look at it any more"
            yield Finding("set-aside", str(place), what, fix, Severity.NOTE)
        elif name.isascii() and name.isdigit() and not place.is_dir():
            what, fix = "a file has the name of a version", "move it away: TensorFlow Serving cannot load it"
            yield Finding("unknown", str(place), what, fix)
        elif not (name.isascii() and name.isdigit()) and not name.startswith((STAGED, ".")):
            what, fix = "no version has such a name", "nothing; move it away if it is not yours"
            yield Finding("unknown", str(place), what, fix, Severity.NOTE)
