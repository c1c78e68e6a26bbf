"""Tells people how a run ended. Whatever happens in here, the run ends as it would have ended without."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ratchet.pipeline.config.pipeline_settings import CRASHED, NotifySettings
from ratchet.pipeline.notify.deliver import DeliveryError, deliver
from ratchet.pipeline.notify.message import Notice, notice_of_crash, notice_of_result, notice_of_stop
from ratchet.pipeline.notify.target import Target, parse_targets
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.progress import LOGGER

TIMEOUT_S = 10.0  # for one target, second attempt included


class Notifier:
    """Sends the notices of one run.

    Args:
        settings: whom to tell, and of what.
        name: of the pipeline.
        root: pipeline root.
        environment: where `env:NAME` is looked up.
        timeout_s: for one target; they are sent to at the same time.

    Raises:
        ConfigError: a URL cannot be used.
    """

    def __init__(
        self,
        settings: NotifySettings,
        name: str,
        root: Path,
        environment: Mapping[str, str] = os.environ,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._targets = parse_targets(settings.urls, environment)
        self._on = settings.on
        self._name = name
        self._root = root
        self._timeout_s = timeout_s

    def ended(self, result: RunResult) -> None:
        """Tells how a run ended; its page and `result.json` are written by then."""
        self._tell(result.verdict.value, lambda: notice_of_result(result, self._name, self._root))

    @contextlib.contextmanager
    def starting(self, span: int | None) -> Iterator[None]:
        """Tells of a `StateError` that keeps a run from starting; a wrong setting is seen by who typed it."""
        try:
            yield
        except StateError as error:
            stopped = error  # the lambda outlives the name in the eyes of a type checker
            self._tell(CRASHED, lambda: notice_of_stop(stopped, self._name, self._root, span))
            raise

    @contextlib.contextmanager
    def running(self, run_id: str, span: int) -> Iterator[None]:
        """Tells of any error that ends a run before its result is written."""
        try:
            yield
        except Exception as error:
            crash = error
            self._tell(CRASHED, lambda: notice_of_crash(crash, self._name, self._root, run_id, span))
            raise

    def _tell(self, event: str, notice: Callable[[], Notice]) -> None:
        if event not in self._on or not self._targets:
            return
        stands = "the run's error stands" if event == CRASHED else "the verdict stands"
        try:
            for host, problem in self._undelivered(notice()):
                LOGGER.warning("notify: %s did not take the message (%s); %s", host, problem, stands)
        except Exception as error:  # a bug in here must not become the run's
            LOGGER.warning("notify: no message was made (%s); %s", type(error).__name__, stands)

    def _undelivered(self, notice: Notice) -> list[tuple[str, str]]:
        """Sends to all targets at once; the hosts of those that did not take it, and why."""
        problems: list[str | None] = [f"no answer within {self._timeout_s:g} s"] * len(self._targets)

        def send(position: int, target: Target) -> None:
            try:
                deliver(target, notice, self._timeout_s)
                problems[position] = None
            except DeliveryError as error:
                problems[position] = str(error)

        # Threads: no timeout of a socket covers a name server or an answer in small pieces. They keep no process alive.
        threads = [threading.Thread(target=send, args=each, daemon=True) for each in enumerate(self._targets)]
        deadline = time.monotonic() + self._timeout_s
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [(target.host, problem) for target, problem in zip(self._targets, problems) if problem is not None]
