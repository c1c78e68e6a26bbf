"""What the data sets of an evaluation say of a candidate beside its baseline; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, GOLDEN, HELD_OUT, TRAIN_SAMPLE, DataSetEvaluation, Delta
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import difference

# What each data set is called in a sentence.
TITLES = {
    GOLDEN: "the golden set",
    HELD_OUT: "images of the new span that were not trained on",
    EARLIER_SPANS: "images of earlier spans that were not trained on",
    TRAIN_SAMPLE: "the images that it was trained on",
}


@dataclass(frozen=True)
class Change:
    """A difference that was measured: candidate minus baseline.

    Attributes:
        value: of mAP.
        std_error: of it.
        clarity: whether it is a difference.
    """

    value: float
    std_error: float
    clarity: Clarity

    @property
    def fell(self) -> bool:
        """Whether mAP fell beyond the noise."""
        return self.clarity is Clarity.CLEAR and self.value < 0

    @property
    def rose(self) -> bool:
        """Whether mAP rose beyond the noise."""
        return self.clarity is Clarity.CLEAR and self.value > 0

    @property
    def shown(self) -> str:
        """In a sentence."""
        return difference(self.value) + ("" if self.clarity is Clarity.CLEAR else " (within the noise)")


def evaluated(bundle: Bundle, name: str) -> DataSetEvaluation | None:
    """A data set over the classes that both models know; None if it was not evaluated."""
    found = bundle.evaluation.data_sets.get(name) if bundle.evaluation else None
    return found.compared if found else None


def change(bundle: Bundle, name: str) -> Change | None:
    """How mAP changed on a data set; None where no difference, or no interval of it, is known."""
    found = evaluated(bundle, name)
    return changed(found.deltas.overall) if found and found.deltas else None


def changed(delta: Delta | None) -> Change | None:
    """A difference with its standard error; None where one of the two is not known."""
    if delta is None or delta.value is None or not delta.std_error or delta.std_error < 0:
        return None
    known = math.isfinite(delta.value) and math.isfinite(delta.std_error)
    return Change(delta.value, delta.std_error, delta.clarity) if known else None


def objects_of_classes(bundle: Bundle, *names: str) -> Mapping[str, int]:
    """Objects of each class in data sets together; empty where none of them was evaluated."""
    counts: dict[str, int] = {}
    for name in names:
        found = evaluated(bundle, name)
        for of, support in (found.class_support if found else {}).items():
            counts[of] = counts.get(of, 0) + support.objects
    return counts
