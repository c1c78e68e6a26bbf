"""A call of a service's REST interface: a value first, that can be printed and compared, then sent.

What builds calls never sends them: it is given a `Send`. `sender` sends over the network, `Recorder` answers with what
a call assumes, so that a dry run goes the same way as the real one.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line

_TIMEOUT_S = 60.0
_LONGEST = 300  # characters of a service's own words
_LARGEST = 64 << 20  # bytes of an answer that are read
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_IN_CLUSTER = (".svc", ".svc.cluster.local")  # plain HTTP is usual between the pods of a cluster


class ServiceError(RatchetError):
    """A service did not do what it was asked; the text names URL, status and what to do.

    Attributes:
        status: of HTTP; 0 where there was no answer.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        method: of HTTP.
        url: where it goes, with what is asked for.
        body: sent as JSON; None: nothing.
        assumed: the answer that a dry run goes on with; names of what only the service knows stand in capitals.
        fix: what to do if it is refused: roles, as a rule.
    """

    method: str
    url: str
    body: dict[str, Any] | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    fix: str = ""

    def shown(self) -> dict[str, Any]:
        """What is printed of it, which is what is sent of it."""
        return {"method": self.method, "url": self.url, "body": self.body}


Send = Callable[[Call], dict[str, Any]]


class Recorder:
    """A `Send` that sends nothing.

    Attributes:
        calls: what would have been sent, in order.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> dict[str, Any]:
        """Notes a call; what it assumes as its answer."""
        self.calls.append(call)
        return dict(call.assumed)

    def to_json(self) -> list[dict[str, Any]]:
        """All of it, for a person or a program to read."""
        return [call.shown() for call in self.calls]


def with_query(url: str, **query: str | None) -> str:
    """A URL with what is asked for; what is None is left out.

    >>> with_query("http://host/runs", page_size="10", filter=None)
    'http://host/runs?page_size=10'
    """
    given = {name: value for name, value in query.items() if value is not None}
    return f"{url}?{urllib.parse.urlencode(given)}" if given else url


def check_base(option: str, url: str) -> str:
    """The address of a service, without what is at its end.

    Args:
        option: where it was given, for errors.
        url: what was given.

    Raises:
        InputError: it is none.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_one = False
    if not is_one or not url.isascii() or not url.isprintable() or " " in url or "?" in url or "#" in url:
        raise InputError(f"{option} {visible_line(url)!r}: not an address; give it as https://HOST[:PORT][/PATH]")
    return url.rstrip("/")


def sender(headers: Callable[[], Mapping[str, str]]) -> Send:
    """What sends calls over the network.

    Args:
        headers: who asks, such as `Authorization`; asked before every call, for a token runs out.
    """

    def send(call: Call) -> dict[str, Any]:
        LOGGER.debug("%s %s", call.method, call.url)  # what --verbose shows; who asks stands in the headers
        return _sent(call, headers())

    return send


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the error that it is: a login page is no answer, and a token goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _sent(call: Call, headers: Mapping[str, str]) -> dict[str, Any]:
    _check_secret(call, headers)
    data = None if call.body is None else json.dumps(call.body).encode()
    request = urllib.request.Request(
        call.url, data, {"Content-Type": "application/json", **headers}, method=call.method
    )
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_S) as answer:
            text = answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            raise ServiceError(_refused(call, error.code, _words(error)), error.code) from None
    except (OSError, ssl.SSLError, http.client.HTTPException, ValueError) as error:
        raise ServiceError(f"{_where(call)}: {_why(error)}; check the address, the network and any proxy") from error
    return _answer(call, text)


def _check_secret(call: Call, headers: Mapping[str, str]) -> None:
    parts = urllib.parse.urlsplit(call.url)
    host = parts.hostname or ""
    is_near = host in _LOOPBACK or host.endswith(_IN_CLUSTER) or "." not in host
    if parts.scheme == "http" and not is_near and "Authorization" in headers:
        raise InputError(f"{_where(call)}: a token would go over the network unencrypted; give an https:// address")


def _answer(call: Call, text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ServiceError(
            f"{_where(call)}: answered, but not with a JSON object; this is another service, or a login page before it"
        )
    return values


def _words(error: urllib.error.HTTPError) -> str:
    """What the service says itself, in whichever of the usual places."""
    try:
        text = error.read(_LARGEST)
        values = json.loads(text)
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return error.reason if isinstance(error.reason, str) else ""
    if isinstance(values, dict):
        inner = values.get("error_message") or values.get("error") or values.get("message") or ""
        if isinstance(inner, dict):
            inner = inner.get("message") or ""
        return str(inner) if isinstance(inner, str) else ""
    return ""


def _refused(call: Call, status: int, words: str) -> str:
    said = visible_line(" ".join(words.split())[:_LONGEST])
    return f"{_where(call)}: {status}{f' {said}' if said else ''}; {_what_to_do(call, status)}"


def _what_to_do(call: Call, status: int) -> str:
    if status in (301, 302, 303, 307, 308):
        return "it redirects, to a login as a rule: give the address of the service itself, and a token"
    if status == 401:
        return "the service does not know who asks: sign in (`gcloud auth application-default login`), or give a token"
    if status == 403:
        return call.fix or "whoever asks lacks a role"
    if status == 404:
        return f"check project, location, address and name{f'; {call.fix}' if call.fix else ''}"
    if status == 429 or status >= 500:
        return "the service is busy or broken: give the same command again later"
    return "correct what is named"


def _where(call: Call) -> str:
    return f"{call.method} {visible_line(call.url.partition('?')[0])}"


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"no answer within {_TIMEOUT_S:g} s"
    return visible_line(" ".join(str(getattr(reason, "strerror", None) or reason).split())[:_LONGEST])
