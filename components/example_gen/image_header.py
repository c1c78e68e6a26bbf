"""The size of a JPEG or PNG from its first bytes, and the sizes that are allowed.

JPEG: ITU-T T.81, B.2 (a frame header is a marker SOF0..SOF15 without DHT, JPG and DAC). PNG: W3C PNG, 11.2.2.
"""

from __future__ import annotations

import struct
from typing import IO

from components.imaging.quality import JPEG_MAGIC, MAX_IMAGE_PIXELS, PNG_MAGIC
from schemas.base.errors import DataError

MAX_SIDE_PX = 65_535  # the largest side a JPEG can have

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_MAX_SEGMENTS = 10_000


def image_size(file: IO[bytes], where: str) -> tuple[int, int]:
    """Reads width and height as the pixels are stored; nothing after the header is read.

    Args:
        file: open at the start of the image.
        where: its place, for messages.

    Returns:
        Width and height in pixels.

    Raises:
        DataError: no JPEG or PNG, truncated or damaged before its size, or larger than allowed.
    """
    start = file.read(len(PNG_MAGIC))
    if start == PNG_MAGIC:
        size = _png_size(file)
    elif start.startswith(JPEG_MAGIC):
        file.seek(2)
        size = _jpeg_size(file)
    else:
        begins = f"its first bytes are {start!r}" if start else "it is empty"
        raise DataError(f"{where}: not a JPEG or PNG file, {begins}; deliver the image in one of these formats")
    if size is None:
        raise DataError(f"{where}: truncated or damaged in its header; copy the file again")
    check_size(*size, where)
    return size


def check_size(width_px: int, height_px: int, where: str) -> None:
    """DataError for a side outside 1..65535 px and for more than 100 megapixels."""
    for side, value in (("width", width_px), ("height", height_px)):
        if not 1 <= value <= MAX_SIDE_PX:
            raise DataError(f"{where}: {side} {value} must be an integer, 1..{MAX_SIDE_PX}; correct it")
    if width_px * height_px > MAX_IMAGE_PIXELS:
        raise DataError(
            f"{where}: width x height {width_px}x{height_px} is {width_px * height_px} pixels, allowed are "
            f"{MAX_IMAGE_PIXELS}; correct them or deliver a smaller image"
        )


def _png_size(file: IO[bytes]) -> tuple[int, int] | None:
    chunk = file.read(16)
    if len(chunk) < 16 or chunk[4:8] != b"IHDR":
        return None
    width, height = struct.unpack(">II", chunk[8:])
    return width, height


def _jpeg_size(file: IO[bytes]) -> tuple[int, int] | None:
    for _ in range(_MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker == 0xDA:  # the pixels begin
            return None
        if marker in _WITHOUT_LENGTH:
            continue
        head = file.read(2)
        length = int.from_bytes(head, "big")
        if len(head) < 2 or length < 2:
            return None
        body = file.read(length - 2)
        if marker in _FRAMES:
            return (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")) if len(body) >= 5 else None
    return None


def _next_marker(file: IO[bytes]) -> int | None:
    # Like the decoders, skip what stands between two segments; a marker may be filled up with 0xFF.
    for _ in range(_MAX_SEGMENTS):
        byte = file.read(1)
        while byte and byte != b"\xff":
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte:
            return None
        if byte != b"\0":
            return byte[0]
    return None
