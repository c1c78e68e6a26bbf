"""Who is told of what; and that nothing that happens on the way changes anything for the run."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import Event, NotifySettings
from ratchet.pipeline.notify.notifier import TIMEOUT_S, Notifier
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import ConfigError, InputError, RatchetError, StateError
from ratchet.schemas.base.progress import LOGGER
from tests.pipeline.notify.notices import RUN_ID, result
from tests.pipeline.notify.webhook_server import WebhookServer, webhook_server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(LOGGER, "propagate", True)
    caplog.set_level(logging.WARNING)
    return caplog


def notifier(*urls: str, on: tuple[Event, ...] | None = None, timeout_s: float = 5) -> Notifier:
    settings = NotifySettings(urls=urls) if on is None else NotifySettings(urls=urls, on=on)
    return Notifier(settings, "digits", Path("root"), {}, timeout_s)


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict.BLOCKED, True),
        (Verdict.INCONCLUSIVE, True),
        (Verdict.DATA_REJECTED, True),
        (Verdict.PUSHED, False),
        (Verdict.BOOTSTRAPPED, False),
    ],
)
def test_by_default_what_a_person_has_to_look_at_is_told(verdict: Verdict, told: bool) -> None:
    with webhook_server() as server:
        notifier(server.url).ended(result(verdict=verdict))
    assert [body["text"].split()[0] for _, _, body in server.requests] == [verdict.value] * told


def test_pushes_can_be_told_too() -> None:
    with webhook_server() as server:
        teller = notifier(server.url, on=("PUSHED",))
        teller.ended(result(verdict=Verdict.PUSHED))
        teller.ended(result(verdict=Verdict.BLOCKED))
    assert [body["text"].split()[0] for _, _, body in server.requests] == ["PUSHED"]


def test_a_crash_is_told_and_goes_on_as_the_same_error() -> None:
    crash = RatchetError("ValueError: broken\nThe log is there")
    with webhook_server() as server:
        with pytest.raises(RatchetError) as raised, notifier(server.url).running(RUN_ID, 3):
            raise crash
        assert raised.value is crash
    assert server.requests[0][2]["text"].startswith("CRASHED digits span 3: ValueError: broken\n")


def test_a_root_that_contradicts_itself_is_told() -> None:
    with webhook_server() as server, pytest.raises(StateError), notifier(server.url).starting(None):
        raise StateError("what is served is not what was pushed")
    assert "not started, what is served is not what was pushed" in server.requests[0][2]["text"]


@pytest.mark.parametrize("error", [InputError("a typo"), KeyboardInterrupt()])
def test_what_the_user_does_at_the_keyboard_is_not_told(error: BaseException) -> None:
    with webhook_server() as server, pytest.raises(type(error)), notifier(server.url).starting(1):
        raise error
    assert server.requests == []


def test_crashes_are_silent_where_they_were_left_out() -> None:
    with webhook_server() as server, pytest.raises(RatchetError), notifier(server.url, on=("BLOCKED",)).running("r", 3):
        raise RatchetError("broken")
    assert server.requests == []


def test_a_refusal_is_one_line_with_the_host_and_without_the_secret(warnings: pytest.LogCaptureFixture) -> None:
    with webhook_server(404) as server:
        notifier(server.url).ended(result())
    assert warnings.messages == ["notify: 127.0.0.1 did not take the message (HTTP 404); the verdict stands"]


def test_one_that_fails_does_not_keep_the_others_from_it(warnings: pytest.LogCaptureFixture) -> None:
    with webhook_server(500) as broken, webhook_server() as sound:
        notifier(broken.url, sound.url).ended(result())
    assert len(sound.requests) == 1
    assert len(warnings.messages) == 1


def test_a_failure_leaves_the_crash_as_it_is(warnings: pytest.LogCaptureFixture) -> None:
    raises = pytest.raises(RatchetError, match="broken")
    with webhook_server(404) as server, raises, notifier(server.url).running("r", 3):
        raise RatchetError("broken")
    assert warnings.messages == ["notify: 127.0.0.1 did not take the message (HTTP 404); the run's error stands"]


@pytest.mark.parametrize("answer", ["silence", "drip"])
def test_no_server_can_hold_a_run_up(warnings: pytest.LogCaptureFixture, answer: str) -> None:
    started = time.monotonic()
    with webhook_server(answer) as one, webhook_server(answer) as other:
        notifier(one.url, other.url, timeout_s=0.5).ended(result())
        assert time.monotonic() - started < 3
    assert (
        warnings.messages
        == ["notify: 127.0.0.1 did not take the message (no answer within 0.5 s); the verdict stands"] * 2
    )


def test_the_limit_is_ten_seconds_for_a_target() -> None:
    assert TIMEOUT_S == 10


def test_not_even_a_result_that_cannot_be_told_reaches_the_run(warnings: pytest.LogCaptureFixture) -> None:
    unexpected: Any = "no number"
    with webhook_server() as server:
        notifier(server.url).ended(result(map=unexpected))
    assert server.requests == []
    assert warnings.messages == ["notify: no message was made (TypeError); the verdict stands"]


def test_a_url_that_cannot_work_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"notify\.urls\[0\]"):
        notifier("gopher://hole")


def test_the_server_of_these_tests_does_record() -> None:
    with webhook_server() as server:
        assert isinstance(server, WebhookServer)
        notifier(server.url).ended(result())
        assert len(server.requests) == 1
