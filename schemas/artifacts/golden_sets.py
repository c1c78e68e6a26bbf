"""What was known of golden sets before a run, as BaselineReader found it: `golden_sets.json` beside the baseline.

A file, for it grows with the years, and what is a property of an artifact may not: Vertex AI takes 200 kB of an
artifact's properties, older stores of ML Metadata 64 kB of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.base.persisted import PersistedFormat

GOLDEN_SETS_FILE = "golden_sets.json"


@dataclass(frozen=True)
class GoldenSets:
    """Golden sets by their digests.

    Attributes:
        uses: how many decisions each has made.
        marks: the best model that was served on each.
    """

    uses: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[str, HighWaterMark] = field(default_factory=dict)


GOLDEN_SETS_FORMAT = PersistedFormat(GoldenSets, "a file of golden sets", 1, "give the command with --anew")
