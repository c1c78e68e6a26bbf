"""Faults of training that no setting shows, for a blind bench: the code below the policy does another thing.

The Trainer has no such switches. Its functions are exchanged in this process as long as a run is inside `injected`, so
that the plan, and with it all that the record says of what was asked for, is that of an honest training.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ratchet.schemas.base.errors import ConfigError

Edit = Callable[[float], AbstractContextManager[None]]  # of a strength; holds as long as it is entered
_SCHEDULE = ("ratchet.components.trainer.learner", "keras_schedule")
_AUGMENT = ("ratchet.components.trainer.images.batches", "augment")


def _edit(place: tuple[str, str], wrap: str) -> Edit:
    """Exchanges a function of the Trainer.

    Args:
        place: its module, and its name there.
        wrap: the function of `other_training` that makes the other one, from it and a strength.
    """

    @contextlib.contextmanager
    def edited(strength: float) -> Iterator[None]:
        module, (_, name) = importlib.import_module(place[0]), place
        other: Any = getattr(importlib.import_module("ratchet.pipeline.bench.other_training"), wrap)
        honest = getattr(module, name)
        setattr(module, name, other(honest, strength))
        try:
            yield
        finally:
            setattr(module, name, honest)

    return edited


# What a strength is: the fraction of the lineage's first peak; the steps after which the rate is 0; the share of
# images; RandAugment's magnitude, 0..10.
EDITS: Mapping[str, Edit] = {
    "learning_rate_fraction": _edit(_SCHEDULE, "at_another_rate"),
    "steps": _edit(_SCHEDULE, "for_fewer_steps"),
    "mirrored": _edit(_AUGMENT, "mirroring"),
    "rand_augment": _edit(_AUGMENT, "distorting"),
}


@contextlib.contextmanager
def injected(below: Mapping[str, float]) -> Iterator[None]:
    """Lets a run train with edits below its policy.

    Args:
        below: strengths by the names of EDITS.

    Raises:
        ConfigError: there is no such edit.
    """
    with contextlib.ExitStack() as stack:
        for name, strength in below.items():
            if name not in EDITS:
                known = ", ".join(sorted(EDITS)) or "none"
                raise ConfigError(f"below: {name!r} is no edit below the policy; known are {known}")
            stack.enter_context(EDITS[name](strength))
        yield
