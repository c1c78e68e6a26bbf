"""Faults of training that no setting shows, for a blind bench: the code below the policy does another thing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from schemas.base.errors import ConfigError

Edit = Callable[[float], AbstractContextManager[None]]  # of a strength; holds as long as it is entered
EDITS: Mapping[str, Edit] = {}


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
