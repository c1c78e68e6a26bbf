"""How many records a TFRecord file holds, without reading what is in them.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

from __future__ import annotations

import struct
from typing import IO

_HEAD, _TAIL = 12, 4  # bytes: a length and its checksum; the checksum of the content


def count_records(file: IO[bytes]) -> int:
    """How many whole records there are up to the end, or to where the framing breaks.

    >>> import io
    >>> record = struct.pack("<QI", 3, 0) + b"abc" + bytes(4)
    >>> [count_records(io.BytesIO(content)) for content in (b"", record * 2, record * 2 + record[:-1])]
    [0, 2, 2]
    """
    size = file.seek(0, 2) or file.tell()  # TensorFlow's file systems return nothing
    records, place = 0, 0
    while place + _HEAD + _TAIL <= size:
        file.seek(place)
        (length,) = struct.unpack("<Q", file.read(_HEAD)[:8])
        place += _HEAD + length + _TAIL
        if place > size:
            break
        records += 1
    return records
