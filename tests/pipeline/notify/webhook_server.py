"""A real web server on this machine that records what it is sent and answers as a test wants it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebhookServer:
    """What came, and where it listens.

    Attributes:
        url: of a webhook with a secret in its path.
        answers: one an attempt, the last one for all that follow: an HTTP status, `close`, `silence` or `drip`.
        requests: path, headers and parsed body of each attempt.
        on_request: called when a request came, before the answer.
    """

    url: str = ""
    answers: list[Any] = field(default_factory=lambda: [200])
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None
    ended: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def webhook_server(*answers: Any) -> Iterator[WebhookServer]:
    """Listens until the block ends."""
    record = WebhookServer(answers=list(answers) or [200])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            record.requests.append((self.path, dict(self.headers), json.loads(body) if body else None))
            record.on_request()
            self._answer(record.answers[min(len(record.requests), len(record.answers)) - 1])

        def _answer(self, answer: Any) -> None:
            if answer == "close":
                return
            if answer == "silence":
                record.ended.wait()
                return
            if answer == "drip":  # every byte comes in time, the whole never
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not record.ended.is_set():
                    self.wfile.write(b"X-More: 1\r\n")
                    time.sleep(0.05)
                return
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            body = f"no such path: {self.path}".encode()  # as many servers say it
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that gave up, as these tests want it

    server = Server(("127.0.0.1", 0), Handler)
    record.url = f"http://127.0.0.1:{server.server_port}/services/T0/secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield record
    finally:
        record.ended.set()
        server.shutdown()
        server.server_close()
