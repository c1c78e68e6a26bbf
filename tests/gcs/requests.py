"""What a request to Cloud Storage asks for, read from its first line and body."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass, field

_OBJECT = re.compile(r"^/(?:download/)?storage/v1/b/([^/]+)/o(?:/(.+))?$")
_SHORT = re.compile(r"^/(?!storage/|upload/|resumable/|download/|batch/|token|oauth2)([^/]+)/(.+)$")  # TensorFlow's
_UPLOAD = re.compile(r"^/(?:upload|resumable/upload)/(?:resumable/)?storage/v1/b/([^/]+)/o$")
_TO = re.compile(r"^(.+)/(?:rewriteTo|copyTo)/b/([^/]+)/o/(.+)$")


@dataclass
class Request:
    """One request.

    Attributes:
        kind: `read` (content), `stat` (metadata), `list`, `write`, `copy`, `delete`, or `other`.
        method: of HTTP.
        path: as it came, with the query.
        bucket: of what is read or written.
        name: of the object that is read or written; "" for a listing.
        source: of a copy, the object that is copied.
        query: the query's values.
        began: seconds since the server was started.
        ended: likewise; 0: it is under way.
        status: of the answer; 0: the connection was cut.
    """

    kind: str
    method: str
    path: str
    bucket: str = ""
    name: str = ""
    source: tuple[str, str] | None = None
    query: dict[str, str] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    status: int = 0

    @property
    def changes(self) -> bool:
        """Whether it writes, copies or deletes."""
        return self.kind in ("write", "copy", "delete")


def parse_request(method: str, path: str, body: bytes) -> Request:
    """What a request asks for."""
    parts = urllib.parse.urlsplit(path)
    query = {name: values[-1] for name, values in urllib.parse.parse_qs(parts.query, keep_blank_values=True).items()}
    upload = _UPLOAD.match(parts.path)
    if upload and "upload_id" not in query:
        return Request("write", method, path, upload[1], query.get("name") or _name_in(body), query=query)
    if upload:
        return Request("write", method, path, upload[1], query=query)
    found = _OBJECT.match(parts.path)
    short = _SHORT.match(parts.path)
    if short and not found and method in ("GET", "HEAD"):
        return Request("read", method, path, short[1], urllib.parse.unquote(short[2]), query=query)
    if not found:
        return Request("other", method, path, query=query)
    bucket, name = found[1], found[2] or ""
    to = _TO.match(name)
    if to:
        source = (bucket, urllib.parse.unquote(to[1]))
        return Request("copy", method, path, to[2], urllib.parse.unquote(to[3]), source, query)
    return Request(
        _kind(method, name, parts.path, query), method, path, bucket, urllib.parse.unquote(name), None, query
    )


def _kind(method: str, name: str, path: str, query: dict[str, str]) -> str:
    if method == "DELETE":
        return "delete"
    if method not in ("GET", "HEAD"):
        return "other"
    if not name:
        return "list"
    return "read" if query.get("alt") == "media" or path.startswith("/download/") else "stat"


def _name_in(body: bytes) -> str:
    """The object's name in the first part of a multipart upload, or in the body that opens a resumable one."""
    start = body.find(b"{")
    try:
        return str(json.JSONDecoder().raw_decode(body[start:].decode("utf-8", errors="ignore"))[0].get("name", ""))
    except ValueError:
        return ""
