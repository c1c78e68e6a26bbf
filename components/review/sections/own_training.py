"""What a trainer of one's own says of its training, under the names that the page has for Ratchet's."""

from __future__ import annotations

from typing import Any

from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.training_plan import Augmentation, TrainingPlan

NOT_SAID = "not said"


def own_values(record: TrainingRecord) -> dict[str, Any]:
    """How it trained, by name; what it does not say is said to be so.

    Args:
        record: one with a `trainer`.
    """
    plan = record.plan or TrainingPlan(record.trainer, record.trainer)
    rate, size = plan.rate, plan.input_size
    return {
        "trainer": record.trainer,
        "steps taken": _number(plan.steps),
        "peak learning rate": NOT_SAID if rate is None else f"{rate.peak:.3g}",
        "last learning rate": NOT_SAID if rate is None or len(rate.points) < 2 else f"{rate.final:.2g}",
        "augmentation": _augmentations(plan.augmentations),
        "batch size": _number(plan.batch_size),
        "replay of earlier spans": NOT_SAID if plan.replay is None else f"{percent(plan.replay)} of a batch",
        "start": _start(record, plan),
        "optimizer": plan.optimizer or NOT_SAID,
        "weight decay": _number(plan.weight_decay),
        "not trained": _listed(plan.frozen),
        "model": plan.model or NOT_SAID,
        "input size": f"{size} px" if size else NOT_SAID,
        **{name.removeprefix("training."): value for name, value in sorted(plan.settings.items())},
    }


def own_rates(record: TrainingRecord) -> list[tuple[float, float]]:
    """(step, learning rate) points; none where it does not say them, or how many steps there were."""
    rate = record.plan.rate if record.plan else None
    if rate is None or not record.steps:
        return []
    points = rate.points if len(rate.points) > 1 else ()
    return [(share * record.steps, value) for share, value in points]


def _number(value: float | None) -> str:
    return NOT_SAID if value is None else f"{value:g}"


def _augmentations(found: tuple[Augmentation, ...] | None) -> str:
    return _listed(None if found is None else tuple(each.name for each in found))


def _listed(names: tuple[str, ...] | None) -> str:
    return NOT_SAID if names is None else ", ".join(names) or "none"


def _start(record: TrainingRecord, plan: TrainingPlan) -> str:
    if record.baseline_digest and plan.starts_from == f"the served model {record.baseline_digest[:12]}":
        return "the served model"  # as the page calls it of Ratchet's own trainings
    return NOT_SAID if plan.starts_from is None else plan.starts_from or "random weights"
