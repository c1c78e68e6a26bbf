"""A person answers for records that were never signed: they are signed, and it is written down who said so, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.doctor.finding import Finding
from pipeline.doctor.patient import Patient
from pipeline.doctor.signature_check import Record, problem_of, records
from pipeline.serving.person import one_line
from schemas.artifacts.registry_entries import Pointer, ServedModel
from schemas.base.errors import InputError, StateError
from schemas.base.signing import KEY_FILE_VARIABLE, Signer

SIGNINGS_FILE = "signings.jsonl"
FORMAT = 1
_NEEDS_NO_KEY = {"overrides", "version", "decision", "files", "unknown", "pointer", "publication"}


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
