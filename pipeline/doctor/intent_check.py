"""A publication that was interrupted, and what processes that died had staged."""

from __future__ import annotations

from functools import partial

from components.registry.publication import settle
from components.registry.storage import STAGED
from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from schemas.artifacts.registry_entries import POINTER_FILE


def check_intent(patient: Patient) -> list[Finding]:
    """Whether served.json holds a publication, and what waits beside the served versions."""
    pointer = patient.pointer()
    if pointer is None:
        return []  # pointer_check
    found = []
    repair = partial(settle, patient.signing)
    if pointer.pushing is not None:
        model = pointer.pushing.model
        what = f"the publication of version {model.version} of run {model.run_id} was interrupted"
        fix = "completes it, or takes it back if its files are gone"
        found.append(Finding("publication", f"{patient.root}/registry/{POINTER_FILE}", what, fix, repair=repair))
    storage, begun = patient.registry.storage, pointer.pushing.staged if pointer.pushing else None
    dead = set(storage.orphans())
    for name in storage.served():
        place = f"{patient.registry.serving_directory}/{name}"
        if name.startswith(STAGED) and name in dead and name != begun:
            what, fix = "staged by a process that died; TensorFlow Serving passes over it", "removes it"
            found.append(Finding("staged", place, what, fix, repair=repair))
        elif name.startswith(STAGED) and name != begun:
            what = "staged by a process that works, or of another machine"
            fix = "nothing; remove it by hand if that machine no longer works on this root"
            found.append(Finding("staged", place, what, fix, Severity.NOTE))
    return found
