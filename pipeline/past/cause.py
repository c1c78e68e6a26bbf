"""Why mAP fell, as a run left it beside its log, and in the words of terminal, mail and table; pure."""

from __future__ import annotations

from pathlib import Path

from ratchet.pipeline.terminal.plain_text import one_line
from ratchet.schemas.artifacts.cause_words import in_words
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, NOTHING, UNKNOWN, Cause, DiagnosisState
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import read_regular


def read_cause(file: Path) -> Cause | None:
    """What a diagnosis says in short; None where there is none that can be read."""
    try:
        return DIAGNOSIS_FORMAT.read(read_regular(file), str(file)).cause
    except (OSError, ValueError, StateError):
        return None


def cause_line(cause: Cause | None) -> str:
    """Whether a cause is known, which one, and its sentence; empty where there is nothing to explain."""
    if cause is None or cause.state is DiagnosisState.NOTHING:
        return ""
    return f"{in_words(cause)}: {one_line(cause.sentence)}"


def cause_name(cause: Cause | None) -> str:
    """For a table: `annotation:loose_boxes`, `unknown`; a dash where there is nothing to explain."""
    if cause is None:
        return ""
    return {NOTHING: "-", UNKNOWN: UNKNOWN}.get(cause.name, one_line(cause.title))
