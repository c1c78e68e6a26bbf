"""Signatures: which records lack one, are altered or signed with another key; and a person who answers for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ratchet.components.registry.entry_files import signed_values
from ratchet.pipeline.doctor.findings import Finding, Severity
from ratchet.pipeline.doctor.patient import Patient
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.serving.change import one_line
from ratchet.schemas.artifacts.registry_entries import Pointer, RecordedDecision, ServedModel
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.signing import KEY_FILE_VARIABLE, Signer

SIGNINGS_FILE = "signings.jsonl"
FORMAT = 1
_NEEDS_NO_KEY = {"index", "overrides", "version", "decision", "files", "unknown", "pointer", "publication"}


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
    if patient.served:
        yield Record("served.json", "served", patient.served, patient.served.signature)


def _fix(root: str, record: Record, problem: str) -> str:
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
            _fix(uri_of(patient.root), one, problem),
        )
        for one, problem in found
        if problem is not None
    ]


def problem_of(patient: Patient, signer: Signer, record: Record) -> str | None:
    """Why a record cannot be believed; None if it can."""
    values = signed_values(record.entry, patient.registry.storage.root)
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


@dataclass(frozen=True)
class Voucher:
    """Who answers for what was never signed.

    Attributes:
        by: who.
        reason: why, such as what it was compared with.
    """

    by: str
    reason: str

    @classmethod
    def of(cls, by: str, reason: str) -> Voucher:
        """Checks both.

        Raises:
            InputError: one is empty, of several lines or too long.
        """
        return cls(one_line("--by", by), one_line("--reason", reason))


def to_sign(patient: Patient, found: Sequence[Finding]) -> list[Record]:
    """The records that would be signed: the unsigned ones, and those that an older key of the file signed.

    Args:
        patient: the root.
        found: what is wrong with it.

    Raises:
        InputError: there is no key.
        StateError: what needs no key to be checked is wrong, or a signature is; nothing is signed over that.
    """
    signer = _signer(patient)
    wrong = next((one for one in found if one.is_left and one.kind in _NEEDS_NO_KEY), None)
    if wrong is not None:
        raise StateError(f"{wrong.where}: {wrong.what}; nothing was signed: mend that first ({wrong.fix})")
    chosen = []
    for record in records(patient):
        problem = record.signature and problem_of(patient, signer, record)
        if problem:
            raise StateError(
                f"{patient.root}/registry/{record.file}: {problem}; nothing was signed: that is never signed over"
            )
        if not signer.is_current(record.signature):
            chosen.append(record)
    return chosen


def sign(patient: Patient, chosen: Sequence[Record], voucher: Voucher) -> None:
    """Writes down who answers for the records, then signs them; killed in between, the same again signs the rest.

    Args:
        patient: the root; its registry is held.
        chosen: of `to_sign`.
        voucher: who answers for them.
    """
    if not chosen:
        return
    _write_down(patient, chosen, voucher)
    for record in chosen:
        if isinstance(record.entry, ServedModel) and record.file != "served.json":
            patient.signing.record_version(record.entry)
        elif not isinstance(record.entry, ServedModel):
            key = record.file.removeprefix("decisions/").removesuffix(".json")
            patient.signing.record_decision(key, record.entry)
    pointer = patient.signing.pointer()
    if pointer.served is not None and any(record.file == "served.json" for record in chosen):
        patient.signing.swap(pointer, Pointer(patient.versions()[pointer.served.version], pointer.pushing))


def _write_down(patient: Patient, chosen: Sequence[Record], voucher: Voucher) -> None:
    signer, storage = _signer(patient), patient.registry.storage
    there = storage.read(SIGNINGS_FILE)
    values = {
        "format": FORMAT,
        "at": patient.now.isoformat(timespec="seconds"),
        "by": voucher.by,
        "reason": voucher.reason,
        "records": {record.file: record.digest for record in chosen},
    }
    line = json.dumps({**values, "signature": signer.sign("signing", values)})
    storage.write(SIGNINGS_FILE, f"{there.text if there else ''}{line}\n")


def _signer(patient: Patient) -> Signer:
    if patient.signer is None:
        raise InputError(f"--sign-existing: there is no key; name a file of keys in {KEY_FILE_VARIABLE}")
    return patient.signer
