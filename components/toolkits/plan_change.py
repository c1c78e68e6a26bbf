"""What differs between two plans, as values with a sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.components.toolkits.settings_tree import shown
from ratchet.schemas.data.training_plan import Kind


@dataclass(frozen=True)
class PlanChange:
    """One difference.

    Attributes:
        attribute: of TrainingPlan; besides `rate.peak`, `rate.final`, `rate.mean`, `rate.warmup`, `rate.schedule`,
            `passes`, `augmentations.gone`, `augmentations.new`, `augmentations.changed`, `matching.NAME`,
            `losses.NAME`, `post_processing.NAME`; `setting` for one that belongs to none of them.
        name: the setting behind it in the later plan's spelling, its dotted path; plain words where there is none.
        before: its value, as text.
        after: the same of the later plan.
        ratio: after over before, where both are numbers above 0.
        sentence: what differs, in words, without a full stop.
        kind: of an augmentation.
    """

    attribute: str
    name: str
    before: str
    after: str
    ratio: float | None
    sentence: str
    kind: Kind | None = None


@dataclass(frozen=True)
class PlanChanges:
    """All differences between two plans.

    Attributes:
        changes: in the field's terms, the learning rate first.
        others: settings that belong to none of these, of two files of one toolkit; seeds last.
    """

    changes: tuple[PlanChange, ...]
    others: tuple[PlanChange, ...]

    def of(self, attribute: str) -> tuple[PlanChange, ...]:
        """The changes of an attribute, and of those below it: `rate` has `rate.peak`."""
        return tuple(each for each in self.changes if f"{each.attribute}.".startswith(f"{attribute}."))


def ratio_of(before: float | None, after: float | None) -> float | None:
    """After over before; None where one is missing or not above 0."""
    if before is None or after is None or before <= 0 or after <= 0:
        return None
    return after / before


def times(ratio: float | None) -> str:
    """A ratio in words.

    >>> times(2.5), times(0.4), times(None)
    ('2.5 times what it was', '0.4 times what it was', 'another one')
    """
    return "another one" if ratio is None else f"{shown(float(f'{ratio:.3g}'))} times what it was"
