"""TFRecord files and tf.train.Examples without TensorFlow; of any input only a record is ever in memory.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. A key that an Example has
twice is an error here; protobuf takes the last.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple, cast

import google_crc32c
from google.protobuf.message import DecodeError

from ratchet.components.example_gen.file_names import unreadable
from ratchet.components.example_gen.protos import Example
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.components.object_store.objects import stream
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files, refuse_irregular

TFRECORD_NAME = re.compile(
    r"(?P<stem>.+)\.(tfrecords?|record)(-(?P<shard>[0-9]{5})-of-(?P<shards>[0-9]{5}))?(\.gz)?"
    r"|(?P<beam>.+[._]tfrecords?)-(?P<beam_shard>[0-9]{5})-of-(?P<beam_shards>[0-9]{5})(\.gz)?"
)
MAX_RECORD_BYTES = 1 << 28  # 256 MiB; an encoded image is far smaller

_READ_BYTES = 1 << 20  # a damaged length must not make us ask for more memory than the file has bytes
_MASK_DELTA = 0xA282EAD8
_DAMAGE = (OSError, EOFError, zlib.error)


class Feature(NamedTuple):
    """A feature's values: `bytes`, `float` or `int`; no kind when it has none."""

    kind: str
    values: list[bytes] | list[float] | list[int]


def read_records(path: str, files: Files) -> Iterator[bytes]:
    """Streams the records of a file.

    Args:
        path: the file; gzipped if it ends in `.gz`.
        files: the file system.

    Yields:
        Each record's content, its checksums verified.

    Raises:
        DataError: missing, unreadable, truncated or damaged; names the record.
    """
    try:
        refuse_irregular(path)
        with stream(path) if files is OBJECT_FILES else files.open(path, "rb") as raw:
            if path.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as file:
                    yield from _records(cast(IO[bytes], file), path)  # it reads like any file
            else:
                yield from _records(raw, path)
    except DataError:
        raise
    except _DAMAGE as error:
        raise unreadable(error, path, files, path) from error
    except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
        raise unreadable(error, path, files, path) from error


def _records(file: IO[bytes], path: str) -> Iterator[bytes]:
    index = 0
    while head := file.read(12):
        where = f"{path}: record {index}"
        if len(head) < 12:
            raise DataError(f"{where}: truncated: {len(head)} of its first 12 bytes; copy the file again")
        length, length_crc = struct.unpack("<QI", head)
        if _masked_crc(head[:8]) != length_crc:
            hint = "" if index else " (or no TFRecord file, or gzipped without .gz in its name)"
            raise DataError(f"{where}: damaged: its length has another checksum{hint}; copy the file again")
        if length > MAX_RECORD_BYTES:
            raise DataError(f"{where}: {length} bytes long, allowed are {MAX_RECORD_BYTES}; deliver smaller images")
        data, tail = _read_exactly(file, length), file.read(4)
        if len(data) < length or len(tail) < 4:
            raise DataError(f"{where}: truncated: {len(data)} of {length} bytes; copy the file again")
        if _masked_crc(data) != struct.unpack("<I", tail)[0]:
            raise DataError(f"{where}: damaged: its content has another checksum; copy the file again")
        yield data
        index += 1


def _read_exactly(file: IO[bytes], length: int) -> bytes:
    parts: list[bytes] = []
    while length > 0 and (part := file.read(min(length, _READ_BYTES))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def framed(data: bytes) -> bytes:
    """A record as it stands in a file.

    >>> import io
    >>> list(_records(io.BytesIO(framed(b"one") + framed(b"")), "a"))
    [b'one', b'']
    """
    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", _masked_crc(length)), data, struct.pack("<I", _masked_crc(data))))


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def parse_example(data: bytes, where: str) -> dict[str, Feature]:
    """Reads a serialised tf.train.Example.

    Args:
        data: its bytes.
        where: its place, for messages.

    Returns:
        Features by key.

    Raises:
        DataError: no tf.train.Example, or a key twice.
    """
    features: dict[str, Feature] = {}
    try:
        for entry in Example.FromString(data).features.feature:
            key = entry.key.decode()
            if key in features:
                raise DataError(f"{where}: the feature {key[:80]!r} is there twice; write the record again")
            kind = entry.value.WhichOneof("kind")
            features[key] = Feature(kind or "", list(getattr(entry.value, kind).value) if kind else [])
    except (DecodeError, ValueError) as error:
        raise DataError(f"{where}: no tf.train.Example ({error}); write the record again") from error
    return features
