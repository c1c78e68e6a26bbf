"""TFRecord files and tf.train.Examples without TensorFlow; of any input only a record is ever in memory.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. Wire format:
https://protobuf.dev/programming-guides/encoding; messages: tensorflow/core/example/{example,feature}.proto.
A key that an Example has twice is an error here; protobuf takes the last.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple, cast

import google_crc32c

from components.example_gen.file_names import unreadable
from schemas.base.errors import DataError
from schemas.base.files import Files, refuse_irregular

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
        with files.open(path, "rb") as raw:
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
        for example_part in _messages(data, 1):
            for entry in _messages(example_part, 1):
                [*_, key] = [b"", *_messages(entry, 1)]
                [*_, value] = [b"", *_messages(entry, 2)]
                name = key.decode()
                if name in features:
                    raise DataError(f"{where}: the feature {name[:80]!r} is there twice; write the record again")
                features[name] = _feature(value)
    except (ValueError, IndexError, struct.error) as error:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{where}: no tf.train.Example ({error}); write the record again") from error
    return features


def _feature(message: bytes) -> Feature:
    for number, kind in ((1, "bytes"), (2, "float"), (3, "int")):
        for values in _messages(message, number):
            return Feature(kind, _VALUES[kind](values))
    return Feature("", [])


def _floats(message: bytes) -> list[float]:
    values: list[float] = []
    for number, _, value in _fields(message):
        if number == 1 and isinstance(value, bytes):  # packed, or one of them
            values += struct.unpack(f"<{len(value) // 4}f", value)
    return values


def _ints(message: bytes) -> list[int]:
    values: list[int] = []
    for number, wire_type, value in _fields(message):
        if number != 1:
            continue
        if isinstance(value, int):
            values.append(value)
        elif wire_type == _LENGTH:
            position = 0
            while position < len(value):
                one, position = _varint(value, position)
                values.append(one)
    return [value - (1 << 64) if value >> 63 else value for value in values]


def _messages(data: bytes, wanted: int) -> list[bytes]:
    found: list[bytes] = []
    for number, wire_type, value in _fields(data):
        if number == wanted:
            if wire_type != _LENGTH or isinstance(value, int):
                raise ValueError(f"field {number} is of wire type {wire_type}")
            found.append(value)
    return found


_VALUES = {"bytes": lambda message: _messages(message, 1), "float": _floats, "int": _ints}
_LENGTH = 2  # wire type of strings, messages and packed numbers
_FIXED = {1: 8, 5: 4}


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Field number, wire type and value of everything in a message."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(data, position)
            yield number, wire_type, value
            continue
        if wire_type == _LENGTH:
            length, position = _varint(data, position)
        else:
            length = _FIXED.get(wire_type, -1)
        if not 0 <= length <= len(data) - position or not number:
            raise ValueError(f"at byte {position} of {len(data)}")
        yield number, wire_type, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise ValueError(f"a number without end at byte {position}")
