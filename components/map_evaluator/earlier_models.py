"""The earlier models of the second opinion, from where they are served: usable as they were recorded, or left out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx.dsl.io import fileio

from components.detector.served import load_detector
from schemas.artifacts.references import REFERENCES_FILE, REFERENCES_FORMAT, Reference
from schemas.artifacts.training_record import LABELS_FILE
from schemas.base.errors import StateError
from schemas.base.model_digest import model_digest


def read_references(baseline: str) -> tuple[Reference, ...]:
    """What BaselineReader wrote beside a baseline; none in an artifact of an older version."""
    path = f"{baseline}/{REFERENCES_FILE}"
    if not fileio.exists(path):
        return ()
    with fileio.open(path) as file:
        return REFERENCES_FORMAT.read(file.read(), path).models


def usable(
    references: Sequence[Reference], golden: Sequence[str]
) -> tuple[dict[Reference, tuple[str, ...]], list[str]]:
    """Those that can be measured.

    Args:
        references: the models.
        golden: the classes of the golden set.

    Returns:
        The label map of each, and in words why the others are left out.
    """
    found: dict[Reference, tuple[str, ...]] = {}
    missing: list[str] = []
    for reference in references:
        reason = changed(reference)
        if reason is None:
            try:
                load_detector(reference.name, reference.path, reference.digest)
                found[reference] = _class_names(reference, golden)
            except StateError as error:
                reason = str(error)
        if reason is not None:
            missing.append(reason)
    return found, missing


def changed(reference: Reference) -> str | None:
    """In words what became of a model that is no longer as it was recorded; None if it is."""
    try:
        digest = model_digest(reference.path, fileio) if fileio.isdir(reference.path) else None
    except Exception:  # each file system has errors of its own
        digest = None
    if digest == reference.digest:
        return None
    state = "is gone" if digest is None else f"has other files than were recorded (content digest {digest[:12]})"
    return (
        f"version {reference.version} ({reference.path}) {state}, so nothing was compared with it; `ratchet doctor "
        "--repair` restores what can be restored"
    )


def _class_names(reference: Reference, golden: Sequence[str]) -> tuple[str, ...]:
    path = f"{reference.path}/{LABELS_FILE}"
    if not fileio.exists(path):
        return tuple(golden)
    with fileio.open(path) as file:
        return tuple(json.loads(file.read()))
