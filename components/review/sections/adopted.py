"""What is known of an adopted baseline's training, in the words of training records; pure."""

from __future__ import annotations

import re

from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.base.formatting import joined

_OPTIMIZERS = {"adam": "Adam", "sgd": "SGD", "momentum": "SGD"}  # as a training record's entry has them
_SIZE = re.compile(r"^(\d+)x(\d+)$")  # width and height; a model's settings have height and width


def adopted_entries(adoption: Adoption) -> dict[str, str]:
    """Text by the names of a training record's entries, as far as a configuration says it.

    Args:
        adoption: of the baseline.
    """
    plan, entries = adoption.plan, {"classes": ", ".join(adoption.class_names)}
    if plan is None:
        return entries
    augmentations = plan.augmentations
    known = {
        "planned steps": _figure(plan.steps),
        "peak learning rate": plan.rate and f"{plan.rate.peak:.3g}",
        "last learning rate": f"{plan.rate.final:.2g}" if plan.rate and len(plan.rate.points) > 1 else None,
        "augmentation": None if augmentations is None else joined([each.name for each in augmentations]) or "none",
        "batch size": _figure(plan.batch_size),
        "start": "random weights" if plan.starts_from == "" else plan.starts_from,
        "optimizer": plan.optimizer and _OPTIMIZERS.get(plan.optimizer, plan.optimizer),
        "weight decay": _figure(plan.weight_decay),
        "model: input_size": plan.input_size and _SIZE.sub(r"\2, \1", plan.input_size),
    }
    return entries | {name: text for name, text in known.items() if text is not None}


def adopted_sentence(adoption: Adoption) -> str:
    """What the training section says of such a baseline."""
    told = f"The baseline was adopted by {adoption.by} on {adoption.at[:10]}: Ratchet did not train it"
    if adoption.plan is None:
        return f"{told}, and nothing is known of how it was trained."
    return f"{told}. What stands here of its training is what {adoption.plan.source} says ({adoption.plan.toolkit})."


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
