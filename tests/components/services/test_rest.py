"""Calls that are sent, and what is said when they are not taken."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ratchet.components.services.rest import Call, Recorder, ServiceError, check_base, sender, with_query
from ratchet.components.services.tokens import token_file
from ratchet.schemas.base.errors import InputError
from tests.components.services.http_fake import RefusedError, serving


def test_what_is_recorded_is_what_is_sent() -> None:
    with serving(lambda asked: {"answer": asked.method}) as running:
        calls = [
            Call("GET", with_query(f"{running.url}/a", filter='x="é&b"', page=None)),
            Call("POST", f"{running.url}/b", {"a": [1, "é"]}),
            Call("PATCH", f"{running.url}/c", {}),
            Call("DELETE", f"{running.url}/d"),
        ]
        record, send = Recorder(), sender(dict)
        assert [send(call)["answer"] for call in calls] == ["GET", "POST", "PATCH", "DELETE"]
        for call in calls:
            record(call)
        assert record.to_json() == running.shown()


def test_a_dry_run_goes_on_with_what_a_call_assumes() -> None:
    assert Recorder()(Call("GET", "http://h", assumed={"id": "ID"})) == {"id": "ID"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
def test_a_refusal_is_one_line_with_address_status_and_the_services_words(status: int) -> None:
    def refuse(asked: Any) -> dict[str, Any]:
        raise RefusedError(status, "a\nb\x1b[2J" + "c" * 5000)

    with serving(refuse) as running, pytest.raises(ServiceError) as error:
        sender(dict)(Call("POST", f"{running.url}/x?secret=1", {}, fix="the role r"))
    text = str(error.value)
    assert error.value.status == status
    assert f"POST {running.url}/x: {status} a b\\x1b[2Jccc" in text
    assert "secret" not in text
    assert "\n" not in text
    assert len(text) < 700
    assert ("the role r" in text) == (status in (403, 404))


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_answer_is_no_answer(body: bytes) -> None:
    with raw(b"HTTP/1.0 200 OK\r\n\r\n" + body) as url, pytest.raises(ServiceError, match="not with a JSON object"):
        sender(dict)(Call("GET", url))


def test_an_empty_answer_is_an_empty_object() -> None:
    with raw(b"HTTP/1.0 200 OK\r\n\r\n") as url:
        assert sender(dict)(Call("DELETE", url)) == {}


def test_a_redirect_is_not_followed_for_a_token_would_go_along() -> None:
    with (
        raw(b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/login\r\n\r\n") as url,
        pytest.raises(ServiceError, match=r"302 .*it redirects, to a login"),
    ):
        sender(lambda: {"Authorization": "Bearer x"})(Call("GET", url))


def test_nobody_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match=r"(?i)connection refused; check the address"):
        sender(dict)(Call("GET", f"http://127.0.0.1:{port}/"))
    with raw(b"nonsense") as url, pytest.raises(ServiceError, match="check the address"):
        sender(dict)(Call("GET", url))


@pytest.mark.parametrize("url", ["http://example.org/x", "http://10.0.0.1:8888/x"])
def test_a_token_goes_nowhere_unencrypted(url: str) -> None:
    with pytest.raises(InputError, match="unencrypted"):
        sender(lambda: {"Authorization": "Bearer x"})(Call("GET", url))


@pytest.mark.parametrize(
    "url", ["", "h", "ftp://h", "http://", "http://h:x", "http://h:0", "http://h/?a", "http://h/ü"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="--host"):
        check_base("--host", url)


@pytest.mark.parametrize("content", [b"", b"two words", b"a\nb", b"\xff", b"a" * 100_000, None])
def test_a_file_without_a_token_is_refused_and_not_shown(tmp_path: Any, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as error:
        token_file(str(file))()
    assert str(file) in str(error.value)
    assert "words" not in str(error.value)


def raw(answer: bytes) -> Any:
    """A server that answers one request with given bytes."""
    import contextlib
    import threading

    @contextlib.contextmanager
    def running() -> Any:
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def serve() -> None:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
            thread.join(timeout=5)

    return running()
