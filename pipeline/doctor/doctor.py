"""The order in which a root is looked at and mended: registry, bytes, pointer, ML Metadata, then the rest.

Each repair may be done twice, and a kill in between leaves nothing that the next time does not go on with. What was
mended is looked at again: only what is not found any more counts as mended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path

from ratchet.pipeline.doctor.decision_check import check_decisions
from ratchet.pipeline.doctor.findings import Finding, Report
from ratchet.pipeline.doctor.ml_metadata_check import check_ml_metadata
from ratchet.pipeline.doctor.patient import Patient, admit
from ratchet.pipeline.doctor.registry_checks import check_indexes, check_overrides, check_pointer, check_versions
from ratchet.pipeline.doctor.root_checks import (
    check_clock,
    check_leftovers,
    check_locks,
    check_place,
    check_places,
    check_root_file,
)
from ratchet.pipeline.doctor.run_checks import check_artifacts, check_runs
from ratchet.pipeline.doctor.serving_checks import check_bytes, check_intent, check_unknown
from ratchet.pipeline.doctor.signing import Voucher, check_signatures, sign, to_sign
from ratchet.pipeline.doctor.store_change import WantedStore, change_store
from ratchet.pipeline.doctor.unrecorded import check_unrecorded
from ratchet.pipeline.past.run_index import forget_all
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.holding import hold_root, with_ml_metadata
from ratchet.pipeline.root.places import is_remote
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE
from ratchet.schemas.base.errors import RatchetError, StateError

_ROUNDS = 3  # what was mended may show what was hidden behind it
_LOOKS = 5  # at a root in which others publish
_PLACES = "files and directories are what they should be, and ours"

Check = Callable[[Patient], list[Finding]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("locks", check_locks),
    ("the indexes of entries", check_indexes),
    ("the log of approvals and rollbacks", check_overrides),
    ("decisions", check_decisions),
    ("the first model is recorded", check_unrecorded),
    ("entries of versions", check_versions),
    ("publications", check_intent),
    ("files of served versions", check_bytes),
    ("only recorded versions are served", check_unknown),
    ("the pointer to the served version", check_pointer),
    ("ratchet.json", check_root_file),
    ("the root's place", check_place),
    ("ML Metadata", check_ml_metadata),
    ("runs", check_runs),
    ("artifacts that later runs read", check_artifacts),
    ("half-written files", check_leftovers),
    ("the clock", check_clock),
    ("signatures", check_signatures),
)

Found = list[tuple[str, Finding]]


def doctor(
    root: Path,
    repair: bool,
    now: datetime.datetime,
    voucher: Voucher | None = None,
    store: WantedStore | None = None,
) -> Report:
    """Looks at a root, and mends what can be mended without loss.

    Args:
        root: pipeline root.
        repair: whether to mend; else nothing is written.
        now: the present, UTC.
        voucher: who answers for what is unsigned, if that is to be signed.
        store: where its ML Metadata is to go on, with `repair`; None: where it is.

    Raises:
        InputError: it is no root.
        StateError: another process works in it, or a newer version of Ratchet wrote it.
    """
    in_the_way = check_places(root) if root.is_dir() and not is_remote(root) else []
    if in_the_way:
        return Report(str(root), (_PLACES,), tuple((_PLACES, finding) for finding in in_the_way), repair)
    with_ml_metadata(root)
    patient = admit(root, now)
    if not repair:
        return _report(patient, _look(patient), repair)
    with contextlib.ExitStack() as stack:
        patient = _taken(patient, stack)
        if store is not None:
            change_store(patient, store)
        mended = _mend(patient)
        left = _look(patient)
        signed = []
        if voucher is not None:
            signed = to_sign(patient, [finding for _, finding in left])
            sign(patient, signed, voucher)
            left = _look(patient)
        with contextlib.suppress(OSError):  # of a disk that refuses this too, the findings say it
            forget_all(patient.root)
        show_runs(patient.root)
        still = {_key(finding) for _, finding in left}
        found = [*(one for one in mended if _key(one[1]) not in still), *left]
        return _report(patient, found, repair, tuple((record.file, record.digest) for record in signed))


def _taken(patient: Patient, stack: contextlib.ExitStack) -> Patient:
    """The root as it is once nobody else works in it: a retraining reads and writes all of it."""
    for finding in check_locks(patient):  # a torn lease would keep this command out, too
        if finding.repair is not None:
            finding.repair()
    try:
        stack.enter_context(hold_root(patient.root, "retraining"))
        if is_remote(patient.root):
            patient = admit(patient.root, patient.now)
        stack.enter_context(patient.registry.exclusive())
        return patient
    except OSError as error:
        raise StateError(
            f"{patient.root}: cannot be written ({error.strerror}), so nothing can be mended; make it writable"
        ) from error


def _mend(patient: Patient) -> Found:
    mended: dict[tuple[str, str, str], tuple[str, Finding]] = {}
    patient.storage.forget()
    for _ in range(_ROUNDS):
        before = len(mended)
        for subject, check in CHECKS:
            for finding in _checked(patient, check):
                if finding.repair is not None and _done(patient, finding):
                    mended.setdefault(_key(finding), (subject, dataclasses.replace(finding, mended=True)))
        if len(mended) == before:
            break
    return list(mended.values())


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.kind, finding.where, finding.what


def _done(patient: Patient, finding: Finding) -> bool:
    try:
        if finding.repair is not None:
            finding.repair()
    except (RatchetError, OSError):  # it is found again, with what is in the way
        return False
    finally:
        patient.storage.forget()  # not all of a repair goes through it
    return True


def _look(patient: Patient) -> Found:
    """All that is found; looked at again if a publication came in between, of which one half would look like damage."""
    found: Found = []
    for _ in range(_LOOKS):
        patient.storage.forget()
        found = [(subject, finding) for subject, check in CHECKS for finding in _checked(patient, check)]
        if patient.storage.is_as_seen(POINTER_FILE):
            break
    return found


def _checked(patient: Patient, check: Check) -> list[Finding]:
    try:
        with patient.storage.look():
            return check(patient)
    except OSError as error:
        what = f"it cannot be looked at ({error.strerror or error})"
        return [Finding("access", str(error.filename or patient.root), what, "make it readable")]
    except RatchetError as error:
        what, _, fix = str(error).partition("; ")
        return [Finding("access", str(patient.root), f"it cannot be looked at ({what})", fix or "mend that by hand")]


def _report(patient: Patient, found: Found, repair: bool, signed: tuple[tuple[str, str], ...] = ()) -> Report:
    looked_at = (_PLACES, *(subject for subject, _ in CHECKS))
    return Report(str(patient.root), looked_at, tuple(found), repair, signed)
