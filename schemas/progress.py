"""Progress of long work, said through logging so that a terminal, a file and a container all get it."""

from __future__ import annotations

import logging
import time

LOGGER = logging.getLogger("ratchet")


class Progress:
    """Reports at most once an interval, and always the last time.

    Args:
        title: what is being done: `training`.
        total: number of units of work.
        interval_s: seconds between reports.
    """

    def __init__(self, title: str, total: int, interval_s: float = 1.0) -> None:
        self._title = title
        self._total = total
        self._interval_s = interval_s
        self._start = self._last = time.monotonic()

    def update(self, done: int, figures: str = "") -> None:
        """Says how far it is.

        Args:
            done: units finished, 1..total.
            figures: what else to show: `loss 0.31`.
        """
        now = time.monotonic()
        if done < self._total and now - self._last < self._interval_s:
            return
        self._last = now
        elapsed = now - self._start
        left = elapsed / max(1, done) * (self._total - done)
        text = f"{self._title} {done}/{self._total}"
        if figures:
            text += f"  {figures}"
        text += f"  {_duration(elapsed)} taken, {_duration(left)} left" if done < self._total else "  done"
        LOGGER.info(text, extra={"transient": done < self._total})

    def per_second(self, done: int, size: int = 1) -> float:
        """Rate so far: `done` units of `size` each, over the seconds since the start."""
        return done * size / max(1e-9, time.monotonic() - self._start)


def _duration(seconds: float) -> str:
    """Short text of a duration.

    >>> _duration(7.2), _duration(75), _duration(3700)
    ('7 s', '1:15', '1:01:40')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
