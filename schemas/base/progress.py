"""Progress of long work, said through logging so that a terminal, a file and a container all get it."""

from __future__ import annotations

import logging
import time

from ratchet.schemas.base.formatting import duration

LOGGER = logging.getLogger("ratchet")


class Progress:
    """Reports at most once an interval, and always the last time.

    Args:
        title: what is being done: `training`.
        total: number of units of work.
        unit_size: how many `unit_name` one unit of work is, for the rate that is shown.
        unit_name: `images`.
        interval_s: seconds between reports.
        only_if_long: whether nothing is said of what takes less than that.
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit_size: int = 1,
        unit_name: str = "images",
        interval_s: float = 1.0,
        only_if_long: bool = False,
    ) -> None:
        self._title = title
        self._total = total
        self._unit_size = unit_size
        self._unit_name = unit_name
        self._interval_s = interval_s
        self._reported = time.monotonic() if only_if_long else 0.0
        self._says_end = not only_if_long
        self._first: tuple[int, float] | None = None

    def update(self, done: int, figures: str = "") -> None:
        """Says how far it is.

        Args:
            done: units finished, 1..total.
            figures: what else to show: `loss 0.31`.
        """
        now = time.monotonic()
        if self._first is None:  # the first unit pays for compiling and filling buffers: the rate starts after it
            self._first = (done, now)
        if now - self._reported < self._interval_s and not (done == self._total and self._says_end):
            return
        self._reported, self._says_end = now, True
        text = f"{self._title} {done}/{self._total}" + (f"  {figures}" if figures else "") + self._rate(done, now)
        LOGGER.info(text, extra={"transient": done < self._total})

    def _rate(self, done: int, now: float) -> str:
        first_done, first_time = self._first or (done, now)
        elapsed = now - first_time
        if done == first_done or elapsed <= 0:
            return ""
        speed = (done - first_done) / elapsed
        text = f"  {speed * self._unit_size:.0f} {self._unit_name}/s"
        return text if done == self._total else f"{text}  {duration((self._total - done) / speed)} left"
