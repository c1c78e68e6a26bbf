"""A service on loopback: what it is asked is noted, and answered by a function."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request, as it arrived."""

    method: str
    target: str
    body: dict[str, Any] | None
    authorization: str | None


class RefusedError(Exception):
    """What a service answers instead of doing what it was asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Running:
    url: str
    asked: list[Asked] = field(default_factory=list)
    fail: dict[str, RefusedError] = field(default_factory=dict)  # by method
    broken: list[str] = field(default_factory=list)  # what was wrong with requests

    def shown(self) -> list[dict[str, Any]]:
        return [{"method": one.method, "url": self.url + one.target, "body": one.body} for one in self.asked]


@contextlib.contextmanager
def serving(answer: Callable[[Asked], dict[str, Any]]) -> Iterator[Running]:
    """A server that answers by a function, which raises RefusedError, or AssertionError for a malformed request."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            asked = Asked(
                self.command, self.path, json.loads(text) if text else None, self.headers.get("Authorization")
            )
            running.asked.append(asked)
            try:
                if asked.method in running.fail:
                    raise running.fail[asked.method]
                self._send(200, answer(asked))
            except RefusedError as error:
                self._send(error.status, {"error": {"code": error.status, "message": str(error)}})
            except Exception as error:  # whatever is wrong with a request fails the test that made it
                running.broken.append(f"{asked.method} {asked.target}: {type(error).__name__}: {error}")
                self._send(400, {"error": {"code": 400, "message": f"{type(error).__name__}: {error}"}})

        do_GET = do_POST = do_DELETE = do_PATCH = _any  # noqa: N815 - its names

        def _send(self, status: int, values: dict[str, Any]) -> None:
            data = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Running(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
