"""Who moved TensorFlow Serving's label `stable` to the canary: `registry/promotions.jsonl`, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ratchet.schemas.base.persisted import PersistedFormat

PROMOTIONS_FILE = "promotions.jsonl"


@dataclass(frozen=True)
class Promotion:
    """One act of a person.

    Attributes:
        at: UTC time, ISO 8601.
        by: who did it.
        reason: why.
        version: that `stable` names from then on.
        previous: that it named before.
        model_config: the file that was changed.
        run_id: the run that made the model.
    """

    at: str
    by: str
    reason: str
    version: str
    previous: str
    model_config: str
    run_id: str

    def to_text(self) -> str:
        """A few lines for a terminal."""
        return (
            f"PROMOTED  stable is version {self.version} now, in {self.model_config}\n"
            f"  by {self.by}: {self.reason}\n"
            f"  it was version {self.previous} before"
        )


PROMOTION_FORMAT = PersistedFormat(Promotion, "a promotion", 1, "restore the file from a backup, or move it away")


def promotion_line(made: Promotion) -> str:
    """The line of a promotion in the log, with its end."""
    return json.dumps({"format": PROMOTION_FORMAT.number, **PROMOTION_FORMAT.values_of(made)}) + "\n"
