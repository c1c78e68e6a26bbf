"""The fixture `gcs`: an empty bucket on a Cloud Storage of this machine, and an environment in which it is found."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.gcs.requests import Request

_NUMBERS = itertools.count(1)


class Bucket:
    """An empty bucket.

    Args:
        server: what it lies in, a `tests.gcs.server.Gcs`: `server.latency_s`, `server.before` and `server.after` are
            switches.
        name: its name.
    """

    def __init__(self, server, name: str) -> None:
        self.server = server
        self.name = name

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return self.server.environment

    @property
    def requests(self) -> list[Request]:
        """What it was asked since the test began, or since `forget`."""
        return [request for request in self.server.requests if request.bucket == self.name]

    def forget(self) -> None:
        """Forgets requests, latency and faults."""
        self.server.forget()

    def uri(self, path: str = "") -> str:
        """A place in it."""
        return f"gs://{self.name}/{path}".rstrip("/")


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One server for all tests of a process."""
    server = pytest.importorskip("tests.gcs.server", reason="cryptography is not installed: pip install '.[dev]'")
    try:
        running = server.running(tmp_path_factory.mktemp("gcs"))
        gcs = running.__enter__()
    except RuntimeError as error:
        pytest.skip(str(error))
    yield gcs
    running.__exit__(None, None, None)


@pytest.fixture
def gcs(gcs_server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket; this process and those that it starts find it on gs://."""
    for name, value in gcs_server.environment.items():
        monkeypatch.setenv(name, value)
    gcs_server.forget()
    bucket = Bucket(gcs_server, f"bucket-{os.getpid()}-{next(_NUMBERS)}")
    gcs_server.make_bucket(bucket.name)
    yield bucket
    gcs_server.forget()
