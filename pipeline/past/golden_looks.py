"""How often golden sets were asked, of how often they may be: docs/evaluation.md, what a look costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.past.run_record import read_record
from schemas.artifacts.registry_entries import RecordedDecision


def looks_at(golden_digest: str, decisions: Sequence[RecordedDecision]) -> int:
    """How many decisions a golden set has made, whatever they were, and whatever people made of them.

    Args:
        golden_digest: of the golden set.
        decisions: of the registry.
    """
    return sum(made.golden_digest == golden_digest for made in decisions)


def known_golden_set(root: Path, content: str, decisions: Sequence[RecordedDecision]) -> str | None:
    """The digest of a golden set that is not stored yet, as the decisions with it have it; None if there are none.

    Args:
        root: pipeline root.
        content: what runs were asked for, `RunRecord.asked["golden"]`.
        decisions: of the registry, the oldest first.
    """
    for made in reversed(decisions):
        record = read_record(root, made.run_id)
        if record is not None and record.asked.get("golden") == content:
            return made.golden_digest
    return None
