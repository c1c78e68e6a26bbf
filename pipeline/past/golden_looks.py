"""How often golden sets were asked, of how often they may be: docs/evaluation.md, what a look costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.pipeline.past.run_index import known_runs
from ratchet.pipeline.root.root_file import read_file
from ratchet.schemas.artifacts.decisions import DEFAULT_GOLDEN_BUDGET
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.base.errors import RatchetError


@dataclass(frozen=True)
class GoldenLooks:
    """A golden set and its budget.

    Attributes:
        digest: of the golden set.
        looks: decisions that it has made.
        budget: how many it may make by the settings that the root remembers; None if those cannot be read.
    """

    digest: str
    looks: int
    budget: int | None

    def to_text(self, accepted_on: str) -> str:
        """The end of a line of `ratchet status`.

        Args:
            accepted_on: digest of the golden set on which the served model was accepted.
        """
        of = f" of {self.budget}" if self.budget else ""
        line = f"look {self.looks}{of}"
        if self.digest != accepted_on:
            line += f" at golden set {self.digest[:12]}, on which no served model was accepted yet"
        if self.budget and self.looks >= self.budget:
            line += "; no candidate is pushed any more: renew the golden set, or raise evaluator.golden_budget"
        return line


def read_looks(root: Path, decisions: Sequence[RecordedDecision]) -> GoldenLooks | None:
    """The looks at the golden set of the newest decision; None if there is no decision.

    Args:
        root: pipeline root.
        decisions: of its registry, the oldest first.
    """
    if not decisions:
        return None
    digest = decisions[-1].golden_digest
    return GoldenLooks(digest, looks_at(digest, decisions), _budget(root))


def _budget(root: Path) -> int | None:
    """As the root remembers it, by its name alone: to read all settings would cost the command its start."""
    try:
        there = read_file(root)
    except (RatchetError, OSError):
        return None
    group = there.settings.get("evaluator") if there else None
    budget = group.get("golden_budget") if isinstance(group, Mapping) else None
    return budget if isinstance(budget, int) else DEFAULT_GOLDEN_BUDGET


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
    known = known_runs(root).by_id
    for made in reversed(decisions):
        if made.run_id in known and known[made.run_id].golden == content:
            return made.golden_digest
    return None
