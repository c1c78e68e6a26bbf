"""Says that a service keeps a command waiting: requests are repeated for minutes, and silence looks like a hang."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from ratchet.schemas.base.progress import LOGGER

_FIRST_S = 10.0
_AGAIN_S = 60.0


class Patience:
    """Watches the requests of a process; one thread, which is there only while some are under way.

    Args:
        first_s: how long one is under way before it is told.
        again_s: how long until it is told once more.
    """

    def __init__(self, first_s: float = _FIRST_S, again_s: float = _AGAIN_S) -> None:
        self._first_s = first_s
        self._again_s = again_s
        self._since: dict[object, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def waiting(self, uri: str) -> Iterator[None]:
        """For as long as a request is under way.

        Args:
            uri: what it is about.
        """
        key = object()
        with self._lock:
            self._since[key] = (time.monotonic(), uri)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="object-store-patience", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._since[key]

    def _watch(self) -> None:
        next_s = self._first_s
        while True:
            time.sleep(min(self._first_s, 1.0))
            with self._lock:
                if not self._since:
                    self._thread = None
                    return
                since, uri = min(self._since.values(), key=lambda one: one[0])
            elapsed_s = time.monotonic() - since
            if elapsed_s < self._first_s:
                next_s = self._first_s
            elif elapsed_s >= next_s:
                LOGGER.warning("%s: the service has not answered for %.0f s; it is asked again", uri, elapsed_s)
                next_s = elapsed_s + self._again_s
