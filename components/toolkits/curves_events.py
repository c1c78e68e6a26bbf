"""Scalars of TensorBoard's event files -> series, without TensorFlow; pure.

An event file is a TFRecord file of Event messages. Summaries are of two kinds: `simple_value`, which TensorFlow 1 and
torch's SummaryWriter write, and a tensor without dimensions, which TensorFlow 2 writes. Framing:
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from typing import IO, Any

import google_crc32c
from google.protobuf.message import DecodeError

from ratchet.components.toolkits.curves_protos import Event
from ratchet.components.toolkits.curves_series import Series
from ratchet.components.toolkits.curves_tags import is_known
from ratchet.schemas.base.errors import DataError

_MASK_DELTA = 0xA282EAD8
HEAD_BYTES = 12  # of a record, before its content
_TAIL_BYTES = 4
_MOST_TAGS = 100  # with those that are not known, which are kept for messages alone
# Of TensorFlow's types.proto, the real numbers: what they are to struct, and where else than in `content` they may be.
_TYPES = {
    1: ("<f", "float_val"),
    2: ("<d", "double_val"),
    3: ("<i", "int_val"),
    9: ("<q", "int64_val"),
    19: ("<e", ""),
}


def read_events(file: IO[bytes], source: str, prefix: str = "") -> Series:
    """Reads one event file up to its end, or to the record that a running or killed training has left torn.

    Args:
        file: open at its start; of its records one at a time is in memory.
        source: its path, for messages.
        prefix: of the tags.

    Returns:
        The points of tags that are known, in the order of the file; none for others.

    Raises:
        DataError: it is no event file, or a record within is damaged.
    """
    series: Series = {}
    with warnings.catch_warnings(record=True) as told:  # by protobuf, of bytes behind the end of a message
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuntimeWarning)
        for number, record in enumerate(_records(file, source)):
            try:
                event = Event.FromString(record)
                if told:
                    raise DecodeError(str(told[0].message))
            except DecodeError as error:
                raise DataError(f"{source}: record {number} is no event ({error}); copy the file again") from error
            for tag, value in _scalars(event):
                if value is not None:
                    series.setdefault(f"{prefix}{tag}", []).append((float(event.step), value))
                elif len(series) < _MOST_TAGS:
                    series.setdefault(f"{prefix}{tag}", [])
    return series


def _scalars(event: Any) -> Iterator[tuple[str, float | None]]:
    """The tags of an event, and their numbers where the tags are known."""
    for value in event.summary.value:
        tag = value.tag.decode("utf-8", "replace")
        yield tag, _scalar(value) if event.step >= 0 and is_known(tag) else None


def is_event_file(content: bytes) -> bool:
    """Whether bytes begin with a sound head of a record."""
    head = content[:HEAD_BYTES]
    return len(head) == HEAD_BYTES and _masked_crc(head[:8]) == int.from_bytes(head[8:], "little")


def _records(file: IO[bytes], source: str) -> Iterator[bytes]:
    size, start, number = file.seek(0, os.SEEK_END), 0, 0
    file.seek(0)
    while len(head := file.read(HEAD_BYTES)) == HEAD_BYTES:
        if not any(head) and _is_blank(file):  # what a file system that was cut off fills up with
            return
        if not is_event_file(head):
            raise DataError(f"{source}: {_damage(number)}")
        length = struct.unpack("<Q", head[:8])[0]
        if start + HEAD_BYTES + length + _TAIL_BYTES > size:
            return
        record = file.read(length)
        if _masked_crc(record) != int.from_bytes(file.read(_TAIL_BYTES), "little"):
            raise DataError(f"{source}: {_damage(number)}")
        yield record
        start, number = start + HEAD_BYTES + length + _TAIL_BYTES, number + 1


def _is_blank(file: IO[bytes]) -> bool:
    """Whether the rest of a file is zeros; where it is not, the file is damaged and not read on."""
    while block := file.read(1 << 20):
        if any(block):
            return False
    return True


def _damage(number: int) -> str:
    if not number:
        return "no event file of TensorBoard: the checksum of its first record is wrong; give another file"
    return f"record {number} is damaged: another checksum than was written; copy the file again"


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _scalar(value: Any) -> float | None:
    """The number of a summary; None for images, histograms and texts."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    tensor = value.tensor
    if not value.HasField("tensor") or tensor.dtype not in _TYPES or any(dim.size != 1 for dim in tensor.shape.dim):
        return None
    form, field = _TYPES[tensor.dtype]
    if len(tensor.content) == struct.calcsize(form):
        return float(struct.unpack(form, tensor.content)[0])
    numbers = getattr(tensor, field) if field else ()
    return float(numbers[0]) if len(numbers) == 1 else None
