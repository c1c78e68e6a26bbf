"""When a training saves its state besides at the ends of its rounds, and when it ends before its time; pure."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Sequence

from ratchet.schemas.base.termination import Terminated, is_told_to_end


class Break(enum.Enum):
    """What is due after a step."""

    NONE = enum.auto()
    SAVE = enum.auto()
    END = enum.auto()


Together = Callable[[Sequence[bool]], Sequence[bool]]  # of what each worker says, what any of them says


class Breaks:
    """Watches the clock and SIGTERM; several workers come to one answer, for all of them must save at the same step.

    Args:
        minutes: between two savings.
        together: of several workers; None for one process.
        clock: seconds that only rise.
        is_told: whether this process is to end.
    """

    def __init__(
        self,
        minutes: float,
        together: Together | None = None,
        clock: Callable[[], float] = time.monotonic,
        is_told: Callable[[], bool] = is_told_to_end,
    ) -> None:
        self._interval_s = 60 * minutes
        self._together = together
        self._clock = clock
        self._is_told = is_told
        self._saved = clock()

    def after_step(self) -> Break:
        """What is due; every worker has to ask after every step."""
        said = (self._is_told(), self._clock() - self._saved >= self._interval_s)
        is_told, is_time = self._together(said) if self._together else said
        return Break.END if is_told else Break.SAVE if is_time else Break.NONE

    def in_between(self) -> None:
        """Called in long work that changes nothing, such as a validation.

        Raises:
            Terminated: the process is to end. Of several none ends there, where the others would wait for it.
        """
        if self._together is None and self._is_told():
            raise Terminated

    def saved(self) -> None:
        """The state was saved, or could not be: the next time is an interval from now."""
        self._saved = self._clock()
