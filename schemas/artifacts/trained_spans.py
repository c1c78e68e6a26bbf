"""Which spans were trained on before: what has changed since under the same name is not the same data."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainedSpan:
    """A span that a candidate was trained on.

    Attributes:
        span: its number.
        version: its version.
        digest: its content digest.
        run_id: the run that trained.
        verdict: how that run ended.
    """

    span: int
    version: int
    digest: str
    run_id: str
    verdict: str


@dataclass(frozen=True)
class TrainedSpans:
    """All of them, in the order of the runs."""

    entries: tuple[TrainedSpan, ...] = ()

    def of(self, span: int, version: int) -> TrainedSpan | None:
        """The last training on a version of a span; None if there was none."""
        return next((entry for entry in reversed(self.entries) if (entry.span, entry.version) == (span, version)), None)

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps([dataclasses.asdict(entry) for entry in self.entries])

    @classmethod
    def from_json(cls, text: str) -> TrainedSpans:
        """The inverse of `to_json`."""
        return cls(tuple(TrainedSpan(**entry) for entry in json.loads(text)))
