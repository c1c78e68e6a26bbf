"""Webhooks against a real server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.notify.deliver import DeliveryError, deliver
from ratchet.pipeline.notify.message import notice_of_result, slack_message
from ratchet.pipeline.notify.target import Webhook
from tests.pipeline.notify.notices import result
from tests.pipeline.notify.webhook_server import webhook_server

NOTICE = notice_of_result(result(), "digits", Path("root"))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def post(url: str, timeout_s: float = 5) -> None:
    deliver(Webhook("127.0.0.1", url), NOTICE, timeout_s)


def test_the_message_is_posted_as_json() -> None:
    with webhook_server() as server:
        post(server.url)
    [(path, headers, body)] = server.requests
    assert path == "/services/T0/secret"
    assert headers["Content-Type"].startswith("application/json")
    assert body == slack_message(NOTICE)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_said_by_its_number_and_not_repeated(status: int) -> None:
    with webhook_server(status) as server, pytest.raises(DeliveryError, match=f"^HTTP {status}$"):
        post(server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with webhook_server(status, 200) as server, pytest.raises(DeliveryError, match=f"^HTTP {status}, a redirect"):
        post(server.url)
    assert len(server.requests) == 1


def test_a_lost_connection_is_tried_once_more() -> None:
    with webhook_server("close", 200) as server:
        post(server.url)
    assert [body for _, _, body in server.requests] == [slack_message(NOTICE)] * 2


def test_and_only_once() -> None:
    with webhook_server("close") as server, pytest.raises(DeliveryError, match=r"^the connection was closed$"):
        post(server.url)
    assert len(server.requests) == 2


def test_a_server_that_never_answers_is_given_up() -> None:
    started = time.monotonic()
    with webhook_server("silence") as server, pytest.raises(DeliveryError, match=r"^no answer within 0\.3 s$"):
        post(server.url, timeout_s=0.3)
    assert time.monotonic() - started < 3
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/secret", "connection refused"),
        ("http://no-such-host.invalid/secret", "its name cannot be resolved"),
    ],
)
def test_what_is_not_there_is_said_without_the_path(url: str, why: Any) -> None:
    with pytest.raises(DeliveryError, match=f"^{why}$"):
        post(url)
