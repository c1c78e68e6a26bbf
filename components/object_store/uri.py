"""What is a URI, and which ones can be used."""

from __future__ import annotations

import re

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

# Two letters at least: `c:/` is a drive. One slash also: what `pathlib` and `os.path` make of two.
_URI = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/")
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")


def is_uri(text: str) -> bool:
    """Whether a place is a URI, and so no path of this machine, also if a slash of it was lost.

    >>> is_uri("gs://bucket/root"), is_uri("gs:/bucket/root"), is_uri("data/a://b"), is_uri("c:/root")
    (True, True, True, False)
    """
    return "://" in text or _URI.match(text) is not None


def is_gs(text: str) -> bool:
    """Whether a place is in Cloud Storage."""
    return text.startswith("gs://")


def split(uri: str) -> tuple[str, str]:
    """Bucket and name of an object, or of what lies below a prefix.

    >>> split("gs://bucket/a/b.json"), split("gs://bucket/a/"), split("gs://bucket")
    (('bucket', 'a/b.json'), ('bucket', 'a'), ('bucket', ''))

    Raises:
        InputError: it is none of Cloud Storage.
    """
    _check_bucket(uri, "this place")
    bucket, _, name = uri[len("gs://") :].partition("/")
    return bucket, name.rstrip("/")


def check_supported(uri: str, what: str) -> None:
    """Whether a URI can be used here.

    Args:
        uri: the place.
        what: it is for, for the message: `the pipeline root`.

    Raises:
        InputError: it cannot; why, and what to give instead.
    """
    _check_bucket(uri, what)
    shown, name = visible_line(uri), uri[len("gs://") :].partition("/")[2]
    if "//" in f"/{name}" or any(part in (".", "..") for part in name.split("/")):
        raise InputError(f"{shown}: {what} has an empty part, . or .. in its name, which object stores take literally")
    if any(mark in name for mark in "*?[]#\r\n"):
        raise InputError(f"{shown}: {what} has one of * ? [ ] # in its name, which Beam takes for a pattern")


def _check_bucket(uri: str, what: str) -> None:
    shown, found = visible_line(uri), _URI.match(uri)
    scheme = found[1].lower() if found else ""
    if scheme == "file":
        raise InputError(f"{shown}: give {what} as a plain path, without file://")
    if scheme != "gs":
        raise InputError(
            f"{shown}: {what} cannot lie there: of object stores, TensorFlow and Beam here open gs:// alone (no s3, "
            "minio, hdfs or http); give gs://BUCKET/..., or a directory that every step has mounted"
        )
    if not is_gs(uri):
        raise InputError(f"{shown}: {what} has to begin with gs:// and the bucket's name: gs://BUCKET/...")
    bucket = uri[len("gs://") :].partition("/")[0]
    if not _BUCKET.match(bucket):
        raise InputError(
            f"{shown}: {visible_line(bucket)!r} is no name of a bucket (lower case letters, digits, - _ .); "
            f"give {what} as gs://BUCKET/..."
        )
