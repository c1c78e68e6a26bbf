"""All that a registry has recorded, read in one go: what a step is told of it is computed from this; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ratchet.components.registry.entry_files import relative
from ratchet.components.registry.high_water import high_water_marks
from ratchet.schemas.artifacts.golden_sets import GoldenSets
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel


@dataclass(frozen=True)
class Records:
    """What a registry holds.

    Attributes:
        root: what places are relative to in files.
        served: the model that it says is served; None if none ever was.
        versions: every model that was ever served, by ascending version.
        decisions: every decision, in the order in which they were made.
        overrides: every approval and rollback, in the order in which they were made.
    """

    root: str
    served: ServedModel | None
    versions: tuple[ServedModel, ...]
    decisions: tuple[RecordedDecision, ...]
    overrides: tuple[Override, ...]

    @property
    def golden_uses(self) -> dict[str, int]:
        """How many decisions each golden set has made, by its digest."""
        return dict(Counter(decision.golden_digest for decision in self.decisions))

    @property
    def high_water_marks(self) -> dict[str, HighWaterMark]:
        """The best served model of every golden set, by its digest; see `high_water_marks`."""
        return high_water_marks(self.versions, self.overrides)

    @property
    def golden_sets(self) -> GoldenSets:
        """Both."""
        return GoldenSets(self.golden_uses, self.high_water_marks)

    @property
    def current_override(self) -> Override | None:
        """The approval or rollback by which the served version is served; None if it was pushed, or nothing is."""
        return next((made for made in self.overrides if self.served and made.version == self.served.version), None)

    @property
    def history(self) -> History:
        """Everything that was decided, with places relative to the pipeline root."""
        runs = tuple(relative(made, self.root) for made in self.decisions)
        return History(runs, self.overrides, self.current_override)
