from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.components.trainer.breaks import Break, Breaks
from ratchet.schemas.base.termination import Terminated


class Clock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_the_state_is_saved_every_so_many_minutes() -> None:
    clock = Clock()
    breaks = Breaks(10, clock=clock, is_told=lambda: False)
    due = []
    for _ in range(30):
        clock.seconds += 120
        due.append(breaks.after_step())
        if due[-1] is Break.SAVE:
            breaks.saved()
    assert [i for i, one in enumerate(due, 1) if one is Break.SAVE] == [5, 10, 15, 20, 25, 30]
    assert set(due) == {Break.SAVE, Break.NONE}


def test_to_end_goes_before_to_save() -> None:
    clock = Clock()
    breaks = Breaks(1, clock=clock, is_told=lambda: True)
    clock.seconds += 60
    assert breaks.after_step() is Break.END


def test_one_worker_speaks_for_all() -> None:
    clock, other = Clock(), [False, False]

    def together(said: Sequence[bool]) -> Sequence[bool]:
        return [own or its for own, its in zip(said, other)]

    breaks = Breaks(10, together, clock, lambda: False)
    assert breaks.after_step() is Break.NONE
    other[1] = True
    assert breaks.after_step() is Break.SAVE
    other[0] = True
    assert breaks.after_step() is Break.END


def test_in_a_validation_one_process_ends_at_once_and_several_wait_for_each_other() -> None:
    told = [False]
    alone = Breaks(10, is_told=lambda: told[0])
    several = Breaks(10, lambda said: said, is_told=lambda: told[0])
    alone.in_between()
    told[0] = True
    with pytest.raises(Terminated):
        alone.in_between()
    several.in_between()
