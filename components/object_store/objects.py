"""Read, write, list, copy and delete objects, each change with the generation that it depends on.

A generation is the number of one content of one object: every write makes another one, so it tells the writer whether
what it has seen is still there (`if_generation_match`). Reads are strongly consistent: no cache lies in between.

Requests are repeated where the service stumbles. A write may then have been done although its answer was lost, and the
repetition finds a generation that is its own: objects carry the mark of the writing that made them, which tells.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import mimetypes
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from ratchet.components.object_store.client import client, explained, in_pool, is_bucket_missing
from ratchet.components.object_store.uri import split
from ratchet.schemas.base.errors import StateError

if TYPE_CHECKING:
    from google.cloud.storage import Blob

_MARK = "ratchet-write"  # names the writing that made an object
_FIELDS = "items(name,size,generation,crc32c,updated),nextPageToken"
_STREAMED_BYTES = 8 << 20
_DELAY_S, _LONGEST_DELAY_S, _GIVE_UP_S = 0.3, 20.0, 120.0


class GenerationError(StateError):
    """An object is not the one that was seen: somebody else changed it."""


@dataclass(frozen=True)
class ObjectInfo:
    """An object of a listing.

    Attributes:
        name: below the prefix that was listed.
        uri: the whole.
        size: bytes.
        generation: of its content.
        crc32c: of its content, base64.
        updated: when it was written, by the clock of the service.
    """

    name: str
    uri: str
    size: int
    generation: int
    crc32c: str
    updated: datetime.datetime


@dataclass(frozen=True)
class Read:
    """An object's content."""

    data: bytes
    generation: int


def read(uri: str) -> Read | None:
    """An object's content and generation, in one request; None if there is none."""
    from google.api_core.exceptions import NotFound

    with explained(uri, "read"):
        blob = _blob(uri)
        try:
            data = blob.download_as_bytes(raw_download=True, checksum="crc32c", retry=_retry())
        except NotFound as error:
            if is_bucket_missing(error):
                raise
            return None
        return Read(data, _generation(blob))


def read_many(uris: Sequence[str]) -> list[Read | None]:
    """The contents of many objects, in order, read at once."""
    return in_pool(read, uris)


def info(uri: str) -> ObjectInfo | None:
    """What a listing says of one object; None if there is none."""
    from google.api_core.exceptions import NotFound

    with explained(uri, "read"):
        blob = _blob(uri)
        try:
            blob.reload(retry=_retry())
        except NotFound as error:
            if is_bucket_missing(error):
                raise
            return None
        return _info(blob, blob.name or "", uri)


def write(uri: str, data: bytes, generation: int | None = None) -> int:
    """Writes an object whole; nobody ever reads half of it.

    Args:
        uri: the object.
        data: its content.
        generation: None: over whatever is there; 0: only if nothing is there; otherwise only over that content.

    Returns:
        The generation of the new content.

    Raises:
        GenerationError: something else is there; nothing was changed.
    """
    from google.api_core.exceptions import PreconditionFailed

    mark = uuid.uuid4().hex
    with explained(uri, "written"):
        blob = _blob(uri)
        blob.metadata = {_MARK: mark}
        blob.cache_control = "no-store"  # public objects would be served from caches for an hour
        kind = mimetypes.guess_type(uri)[0] or "application/octet-stream"
        try:
            blob.upload_from_string(data, kind, if_generation_match=generation, checksum="crc32c", retry=_retry())
        except PreconditionFailed as error:
            there = _written(uri, mark)
            if there is None:
                raise GenerationError(f"{uri}: somebody else has changed it") from error
            return there
        return _generation(blob)


def list_below(uri: str) -> list[ObjectInfo]:
    """All objects below a prefix, by name; without the empty ones that stand for directories.

    Raises:
        StateError: there is no such bucket, or no right to list it.
    """
    start = _prefix(uri)
    return [_info(blob, blob.name[len(start) :], uri) for blob in _listed(uri) if not blob.name.endswith("/")]


def children(uri: str) -> list[str]:
    """The names of objects right below a prefix, and of what objects lie below, with "/" at their end."""
    bucket, _ = split(uri)
    start = _prefix(uri)
    with explained(uri, "listed"):
        found: Any = client().list_blobs(  # what its iterator has besides is not typed
            bucket, prefix=start, delimiter="/", fields="items(name),prefixes,nextPageToken", retry=_retry()
        )
        names = {blob.name for blob in found} | set(found.prefixes)
    return sorted(name[len(start) :] for name in names if name != start)


def copy(source: str, target: str, generation: int | None = None, source_generation: int | None = None) -> ObjectInfo:
    """Copies an object within the service.

    Args:
        source: what is copied.
        target: where to.
        generation: of the target, as for `write`.
        source_generation: None: whatever the source holds by then.

    Returns:
        The copy.

    Raises:
        FileNotFoundError: there is no source.
        GenerationError: source or target is another one, and they differ; nothing was changed.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed

    with explained(target, "written"):
        old, new, token = _blob(source), _blob(target), None
        try:
            while True:  # a large object between buckets takes several requests
                token, _, _ = new.rewrite(
                    old,
                    token,
                    if_generation_match=generation,
                    if_source_generation_match=source_generation,
                    retry=_retry(),
                )
                if token is None:
                    return _info(new, split(target)[1], target)
        except NotFound as error:
            if is_bucket_missing(error):
                raise
            raise FileNotFoundError(source) from error
        except PreconditionFailed as error:
            there, asked = info(target), info(source)
            # Also where the answer to this very copy was lost and it was asked for again.
            if not there or not asked or _content(there) != _content(asked):
                raise GenerationError(f"{target}: it or its source was changed by somebody else") from error
            return there


def delete(uri: str, generation: int | None = None) -> None:
    """Deletes an object; that there is none is no error.

    Raises:
        GenerationError: it is another one than that of the generation; nothing was changed.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed

    with explained(uri, "deleted"):
        try:
            _blob(uri).delete(if_generation_match=generation, retry=_retry())
        except NotFound as error:
            if is_bucket_missing(error):
                raise
        except PreconditionFailed as error:
            raise GenerationError(f"{uri}: somebody else has changed it") from error


def delete_below(uri: str) -> None:
    """Deletes all objects below a prefix, also those that stand for directories."""
    bucket, _ = split(uri)
    in_pool(_delete_raw, [(bucket, blob.name) for blob in _listed(uri)])


def stream(uri: str) -> IO[bytes]:
    """An object to read bit by bit, all of one generation; what it raises is Google's.

    It takes a request more than `read`, and a few megabytes of memory however large the object is.
    """
    return cast("IO[bytes]", _blob(uri).open("rb", chunk_size=_STREAMED_BYTES, raw_download=True))


def sha256(uri: str, generation: int | None = None) -> str | None:
    """SHA-256 of an object's content, which is never in memory as a whole; None if it is not there.

    Args:
        uri: the object.
        generation: of the content; None: whatever is there.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed

    content = _Hash()
    with explained(uri, "read"):
        try:
            _blob(uri).download_to_file(
                content, raw_download=True, checksum="crc32c", if_generation_match=generation, retry=_retry()
            )
        except PreconditionFailed:
            return None
        except NotFound as error:
            if is_bucket_missing(error):
                raise
            return None
    return content.digest.hexdigest()


class _Hash(io.RawIOBase):
    """A file that keeps nothing but the hash of what is written into it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.digest.update(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """To the beginning, where Google's client starts anew."""
        assert offset == whence == 0
        self.digest = hashlib.sha256()
        return 0


def _blob(uri: str) -> Blob:
    bucket, name = split(uri)
    return client().bucket(bucket).blob(name)


def _delete_raw(place: tuple[str, str]) -> None:
    from google.api_core.exceptions import NotFound

    bucket, name = place
    with explained(f"gs://{bucket}/{name}", "deleted"):
        try:
            client().bucket(bucket).blob(name).delete(retry=_retry())
        except NotFound:
            return


def _prefix(uri: str) -> str:
    name = split(uri)[1]
    return f"{name}/" if name else ""


def _listed(uri: str) -> Iterator[Any]:
    with explained(uri, "listed"):
        yield from client().list_blobs(split(uri)[0], prefix=_prefix(uri), fields=_FIELDS, retry=_retry())


def _info(blob: Blob, name: str, uri: str) -> ObjectInfo:
    """Of an object that was listed, loaded or made."""
    whole = f"gs://{blob.bucket.name}/{blob.name}"
    updated = blob.updated or datetime.datetime.now(datetime.timezone.utc)
    return ObjectInfo(name, whole, int(blob.size or 0), _generation(blob), blob.crc32c or "", updated)


def _content(there: ObjectInfo) -> tuple[int, str]:
    return there.size, there.crc32c


def _generation(blob: Blob) -> int:
    if blob.generation is None:
        raise StateError(f"gs://{blob.bucket.name}/{blob.name}: the service did not say which generation this is")
    return int(blob.generation)


def _written(uri: str, mark: str) -> int | None:
    """The generation of an object if it was made by the writing with this mark."""
    from google.api_core.exceptions import NotFound

    blob = _blob(uri)
    try:
        blob.reload(retry=_retry())
    except NotFound:
        return None
    return _generation(blob) if (blob.metadata or {}).get(_MARK) == mark else None


def _retry() -> Any:  # the client's methods take two kinds, and say one of them
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_delay(_DELAY_S, _LONGEST_DELAY_S, 2.0).with_timeout(_GIVE_UP_S)
