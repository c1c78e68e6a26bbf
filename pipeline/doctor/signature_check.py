"""Signatures: which records are unsigned, altered, or signed with a key that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.registry.entry_files import signed_values
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from schemas.base.errors import StateError
from schemas.base.signing import KEY_FILE_VARIABLE, Signer


@dataclass(frozen=True)
class Record:
    """A signed record, or one that should be.

    Attributes:
        file: its name in the registry.
        kind: what a signature says that it is.
        entry: what it holds.
        signature: of it; None if it is unsigned.
    """

    file: str
    kind: str
    entry: ServedModel | RecordedDecision
    signature: str | None

    @property
    def digest(self) -> str:
        """Of the model that it speaks of."""
        return self.entry.digest if isinstance(self.entry, ServedModel) else self.entry.model_digest


def records(patient: Patient) -> Iterator[Record]:
    """All of a root: versions, decisions, and the copy of the served version's in the pointer."""
    for model in patient.versions().values():
        yield Record(f"versions/{model.version}.json", "served", model, model.signature)
    for key, decision in patient.keyed_decisions():
        yield Record(f"decisions/{key}.json", "decision", decision, decision.signature)
    pointer = patient.pointer()
    if pointer and pointer.served:
        yield Record("served.json", "served", pointer.served, pointer.served.signature)


def _fix(root: Path, record: Record, problem: str) -> str:
    if record.signature is None:
        signing = f"ratchet doctor --root {root} --repair --sign-existing --by NAME --reason TEXT"
        return f"look at docs/security.md, then: {signing}"
    if "another key" in problem:
        return "add a line with the key that signed it to the file of keys"
    return "restore it from a backup: it is not what was signed"


def check_signatures(patient: Patient) -> list[Finding]:
    """Whether every record is signed as it is; without a key, whether any is signed at all."""
    signer = patient.signer
    if signer is None:
        return _without_key(patient)
    found = [(one, problem_of(patient, signer, one)) for one in records(patient)]
    return [
        Finding(
            "signature",
            f"{patient.root}/registry/{one.file}",
            problem,
            _fix(patient.root, one, problem),
        )
        for one, problem in found
        if problem is not None
    ]


def problem_of(patient: Patient, signer: Signer, record: Record) -> str | None:
    """Why a record cannot be believed; None if it can."""
    values = signed_values(record.entry, str(patient.root))
    try:
        signer.check(record.kind, values, record.signature, "it")
    except StateError as error:
        return "it is unsigned" if record.signature is None else str(error).removeprefix("it: ").partition(";")[0]
    return None


def _without_key(patient: Patient) -> list[Finding]:
    signed = [one for one in records(patient) if one.signature is not None]
    if not signed:
        return []
    what = f"{len(signed)} records are signed, and {KEY_FILE_VARIABLE} is not set, so none was checked"
    return [Finding("signature", f"{patient.root}/registry", what, f"set {KEY_FILE_VARIABLE}", Severity.WARNING)]
