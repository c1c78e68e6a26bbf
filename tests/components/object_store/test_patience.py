"""A service that does not answer: a command says that it waits, and then what the system said."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
import requests

from ratchet.components.object_store.client import _reason
from ratchet.components.object_store.patience import Patience
from ratchet.schemas.base.progress import LOGGER


class Told(logging.Handler):
    """What was said, and when first."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.first = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.first.set()


@pytest.fixture
def told() -> Iterator[Told]:
    handler = Told()
    LOGGER.addHandler(handler)
    yield handler
    LOGGER.removeHandler(handler)


def test_a_request_that_takes_long_is_told_while_it_does(told: Told) -> None:
    with Patience(first_s=0.01).waiting("gs://bucket/x"):
        assert told.first.wait(60)
    assert told.lines[0].startswith("gs://bucket/x: the service has not answered for ")


def test_quick_requests_are_not_told(told: Told) -> None:
    patience = Patience(first_s=3600)
    for _ in range(50):
        with patience.waiting("gs://bucket/x"):
            pass
    assert told.lines == []


def test_the_thread_ends_with_the_last_request_and_comes_again(told: Told) -> None:
    patience = Patience(first_s=0.01)
    for _ in range(2):
        with patience.waiting("gs://bucket/x"):
            assert told.first.wait(60)
        told.first.clear()
        thread = patience._thread
        if thread is not None:
            thread.join(60)
            assert not thread.is_alive()


def test_a_connection_that_is_refused_is_told_in_the_systems_words() -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get("http://127.0.0.1:1/storage", timeout=60)
    said = _reason(caught.value)
    assert said == "the service cannot be reached (Connection refused); look at the network and run the same again"
