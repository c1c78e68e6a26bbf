"""The log of approvals and rollbacks: edited, cut or torn, it is restored from ML Metadata, which has its lines."""

from __future__ import annotations

import json

from components.registry.override_log import OVERRIDES_FILE, LoggedOverride, check_named, read_log
from pipeline.doctor.finding import Finding
from pipeline.doctor.patient import Patient, put_aside
from pipeline.doctor.told import read_told
from schemas.base.errors import StateError


def check_overrides(patient: Patient) -> list[Finding]:
    """Whether every line follows the one before, every line that a version names is there, and none is cut off."""
    path = f"{patient.root}/registry/{OVERRIDES_FILE}"
    content = patient.registry.storage.read(OVERRIDES_FILE)
    text = content.text if content else ""
    told = read_told(patient.root).lines
    problem = _problem(text, told, patient.named_overrides())
    if problem is None:
        return []
    whole = _restored(text, told, patient.named_overrides())
    if whole is None:
        fix = "restore it from a backup: ML Metadata does not have its lines either"
        return [Finding("overrides", path, problem, fix)]

    def repair() -> None:
        if text:
            put_aside(patient.root / "registry" / OVERRIDES_FILE, "damaged")
        patient.registry.storage.write(OVERRIDES_FILE, whole)

    fix = f"restores its {len(whole.splitlines())} lines from ML Metadata; the damaged file is kept beside it"
    return [Finding("overrides", path, problem, fix, repair=repair)]


def _problem(text: str, told: tuple[str, ...], named: dict[str, str]) -> str | None:
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
