"""Is it really served? A server that speaks TensorFlow Serving's published API, built of its own protos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from ratchet.components.registry.serving_status import Clock, VersionStatus, await_available, version_status
from ratchet.components.registry.settings import ServingSettings
from ratchet.components.services.rest import Call, ServiceError, sender
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.artifacts.publication import SERVING_AVAILABLE, PublicationResult
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, load, to_json
from tests.components.services.http_fake import Asked, RefusedError, serving


class Passing(Clock):
    """Time that passes when somebody waits, and not otherwise."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__(lambda: self.at, self._pass)

    def _pass(self, seconds: float) -> None:
        object.__setattr__(self, "at", self.at + seconds)

    __setattr__ = object.__setattr__


def settings(**more: Any) -> ServingSettings:
    return ServingSettings(**{"status_url": "http://serving:8501", "status_pause_s": 10.0, **more})


def answer(state: str, code: str = "OK", words: str = "", version: str = "7") -> dict[str, Any]:
    status = {"error_code": code, "error_message": words}
    return {"model_version_status": [{"version": version, "state": state, "status": status}]}


def asked(answers: Sequence[Any], **more: Any) -> tuple[Reason, list[str]]:
    """What comes of answers that follow each other, the last of them for ever."""
    urls: list[str] = []

    def send(call: Call) -> dict[str, Any]:
        urls.append(f"{call.method} {call.url}")
        found = answers[min(len(urls), len(answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    return await_available(settings(**more), "digits", "7", send, Passing()), urls


NOT_YET = ServiceError("GET http://x: 404 Could not find version 7 of model digits; check", 404)


def test_it_waits_until_the_version_is_available() -> None:
    reason, urls = asked([NOT_YET, answer("START"), answer("LOADING"), answer("AVAILABLE")])
    assert reason.state is State.PASSED
    assert reason.actual == "AVAILABLE after 30 s"
    assert set(urls) == {"GET http://serving:8501/v1/models/digits/versions/7"}
    assert len(urls) == 4


def test_a_version_that_could_not_be_loaded_is_told_with_the_servers_words_and_undoes_nothing() -> None:
    reason, urls = asked([answer("LOADING"), answer("END", "INVALID_ARGUMENT", "Op type\nnot registered")])
    assert reason.state is State.WARNING  # it passed: a push is not taken back
    assert "END (INVALID_ARGUMENT: Op type not registered)" in reason.actual
    assert "ratchet rollback" in reason.actual
    assert len(urls) == 2


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (answer("LOADING"), "LOADING after 30 s"),
        (NOT_YET, "UNKNOWN (404 Could not find version 7"),
        (ServiceError("GET http://x: connection refused; check"), "UNKNOWN (connection refused"),
        (answer("AVAILABLE", version="6"), "UNKNOWN (the answer does not name the version)"),
        ({}, "does not name the version"),
        ({"model_version_status": [7]}, "does not name the version"),
        ({"model_version_status": {"version": "7"}}, "does not name the version"),
    ],
)
def test_after_the_limit_it_says_how_far_the_server_came(last: Any, said: str) -> None:
    reason, urls = asked([last], status_limit_s=30.0)
    assert reason.state is State.WARNING
    assert said in reason.actual
    assert len(urls) == 4


def test_a_limit_of_0_asks_once() -> None:
    assert len(asked([answer("LOADING")], status_limit_s=0)[1]) == 1


def test_a_server_may_call_the_model_otherwise() -> None:
    assert asked([answer("AVAILABLE")], model_name="other")[1] == ["GET http://serving:8501/v1/models/other/versions/7"]


def test_what_a_server_says_cannot_break_a_line() -> None:
    status = version_status(answer("EN\u202eD", "X", "a\x1b[2Jb" + "c" * 5000), "7")
    assert status.state == "EN\\u202eD"
    assert "\x1b" not in status.error
    assert len(status.error) < 400


@pytest.mark.parametrize(
    "url", ["serving:8501", "grpc://serving:8500", "http://", "http://a:b", "http://u:p@h", "http://h?x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"http://HOST:8501"):
        load(ServingSettings, {"status_url": url}, "config")


def test_settings_travel_as_json() -> None:
    assert from_json(ServingSettings, to_json(settings())) == settings()
    assert settings(status_url="http://h:1/").status_url == "http://h:1"


@pytest.mark.tensorflow
@pytest.mark.parametrize(("ends_as", "state"), [("AVAILABLE", State.PASSED), ("END", State.WARNING)])
def test_the_pusher_asks_a_server_that_speaks_the_published_api(ends_as: str, state: State) -> None:
    from google.protobuf import json_format
    from tensorflow_serving.apis import get_model_status_pb2

    from ratchet.components.registry.executor import _seen_in_service

    protos: Any = get_model_status_pb2
    states = ["LOADING", ends_as]

    def status(asked: Asked) -> dict[str, Any]:
        match = re.fullmatch(r"/v1/models/([^/:]+)/versions/(\d+)", asked.target)
        assert match
        assert asked.method == "GET"
        if match[2] != "7":
            raise RefusedError(404, f"Could not find version {match[2]} of model {match[1]}")
        response = protos.GetModelStatusResponse()
        one = response.model_version_status.add(version=7, state=states.pop(0))
        if one.state == protos.ModelVersionStatus.END:
            one.status.error_code, one.status.error_message = 3, "no such op"
        return json_format.MessageToDict(response, preserving_proto_field_name=True)

    with serving(status) as running:
        given = {"name": "digits", "serving": to_json(settings(status_url=running.url, status_pause_s=0.1))}
        result = _seen_in_service(PublicationResult("7"), given)
        [told] = result.told
        assert (told.rule, told.state, result.version) == (SERVING_AVAILABLE, state, "7")
        assert running.broken == []
        assert states == []
        assert _seen_in_service(PublicationResult(None), given) == PublicationResult(None)  # nothing was pushed
        assert _seen_in_service(PublicationResult("7"), {}) == PublicationResult("7")
    assert sender(dict)


def test_a_status_is_compared_by_what_it_says() -> None:
    assert VersionStatus("END", "x").text == "END (x)"
    assert VersionStatus("LOADING").text == "LOADING"
