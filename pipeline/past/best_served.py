"""The served model beside the best that was served on the same golden set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.terminal.plain_text import one_line
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.formatting import score


@dataclass(frozen=True)
class BestServed:
    """The high-water mark of what is served.

    Attributes:
        mark: the best model on the golden set on which the served one was accepted.
        served: the served one.
    """

    mark: HighWaterMark
    served: ServedModel

    @property
    def below(self) -> float | None:
        """How far the served model is below the mark; None if it is not."""
        return self.mark.above(self.served.digest, self.served.map)

    def to_json(self) -> dict[str, Any]:
        """The mark, and under `above_served` the distance, 0 where the served model is no worse."""
        return {**dataclasses.asdict(self.mark), "above_served": self.below or 0.0}

    def to_lines(self) -> list[str]:
        """One or two lines, without a label."""
        lines = ["no better one was served on this golden set"]
        if self.below is not None:
            best = f"version {self.mark.version}, mAP {score(self.mark.map)} on this golden set"
            since = f" since {one_line(self.mark.lowered_by)}" if self.mark.lowered_by else ""
            lines = [f"{best}; the served one is {score(self.below)} below it{since}"]
        if self.mark.taken_back:
            lines.append(f"version {self.mark.taken_back}, which was better, was taken back and does not count")
        return lines


def read_best(registry: Registry, served: ServedModel | None) -> BestServed | None:
    """The high-water mark of a served model; None if no model came into service with a sound figure on its golden set.

    Args:
        registry: of the root.
        served: what is served.

    Raises:
        StateError: the registry contradicts itself.
    """
    mark = registry.high_water_marks().get(served.golden_digest) if served else None
    return BestServed(mark, served) if mark and served else None
