"""The best model that was served: the approval of a worse one lowers the baseline, which must not go without a word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HighWaterMark:
    """The best model that came into service on a golden set.

    Attributes:
        version: under which it was served first.
        map: its mAP there, over all classes of the golden set, as it was measured before it was served.
        digest: `model_digest` of its bytes.
        golden_digest: the golden set; figures of another cannot be held against it.
        lowered_by: what put a worse one in service after it, by the largest fall, such as `the approval of Ada on
            2030-01-03`; None: nothing did.
        taken_back: the version of a better one that a person took back by a rollback, which does not count; None if
            there is none.
    """

    version: str
    map: float
    digest: str
    golden_digest: str
    lowered_by: str | None = None
    taken_back: str | None = None

    def above(self, digest: str | None, mean_ap: float) -> float | None:
        """How far a model is below the mark; None for the best model itself, and for one that is not below it.

        Args:
            digest: of the model's bytes.
            mean_ap: its mAP on the same golden set, over the same classes.
        """
        return self.map - mean_ap if digest != self.digest and mean_ap < self.map else None
