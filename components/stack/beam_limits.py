"""What the steps that use Beam are told besides Beam's own options; nothing of Beam is imported."""

from __future__ import annotations

from collections.abc import Sequence

STEP_TIME_LIMIT_MINUTES = 2880
_OPTION = "--ratchet_step_time_limit_minutes="


def with_limit(args: Sequence[str], minutes: int | None) -> list[str]:
    """Beam's options, with the time limit of a step where it is not the usual one; 0 stands for none.

    Args:
        args: Beam's options.
        minutes: the limit; None: there is none.

    >>> with_limit(["--runner=DirectRunner"], None)
    ['--runner=DirectRunner', '--ratchet_step_time_limit_minutes=0']
    """
    return [*args, *([] if minutes == STEP_TIME_LIMIT_MINUTES else [f"{_OPTION}{minutes or 0}"])]


def parted(args: Sequence[str]) -> tuple[list[str], int | None]:
    """The inverse of `with_limit`: Beam's options, and the time limit of a step in minutes, None for none.

    >>> parted(["--ratchet_step_time_limit_minutes=5", "--runner=DirectRunner"])
    (['--runner=DirectRunner'], 5)
    """
    own = [arg.removeprefix(_OPTION) for arg in args if arg.startswith(_OPTION)]
    minutes = int(own[-1]) if own else STEP_TIME_LIMIT_MINUTES
    return [arg for arg in args if not arg.startswith(_OPTION)], minutes or None
