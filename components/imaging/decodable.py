"""What Pillow reads and TensorFlow refuses, or reads otherwise: found without TensorFlow, and nearly for nothing.

TensorFlow reads PNGs with libpng, which checks what Pillow passes over. What it refuses was found by asking
`tf.io.decode_image` for a few hundred altered files; a test does so again.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, JpegImagePlugin

from ratchet.schemas.base.errors import DataError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PALETTE = 3  # colour type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_END_OF_IMAGE = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # of a segment with a length, or the end (ITU-T T.81, annex B)
_COPY = "copy the file again"
_STORE = "store the image anew"


def check_png(encoded: bytes, where: str) -> None:
    """Looks at the chunks of a PNG: their order, and the checksum of each.

    Args:
        encoded: the file.
        where: what to call it in messages.

    Raises:
        DataError: truncated, damaged, or not as the PNG specification wants it (ISO/IEC 15948, clauses 5 and 11).
    """
    seen: list[bytes] = []
    for kind, start, length in _chunks(encoded, where):
        content = memoryview(encoded)[start - 4 : start + length]
        (checksum,) = struct.unpack_from(">I", encoded, start + length)
        if zlib.crc32(content) != checksum:
            raise DataError(f"{where}: damaged: the checksum of its chunk {_name(kind)} is wrong; {_COPY}")
        problem = _order_problem(kind, length, seen, encoded)
        if problem:
            raise DataError(f"{where}: not a sound PNG, {problem}; {_STORE}")
        seen.append(kind)
    if b"IDAT" not in seen:
        raise DataError(f"{where}: truncated: it holds no image data; {_COPY}")


def _chunks(encoded: bytes, where: str) -> Iterator[tuple[bytes, int, int]]:
    """Type, start of the content and its length, up to the end mark."""
    position = len(PNG_MAGIC)
    while True:
        if position + 12 > len(encoded):
            raise DataError(f"{where}: truncated: its end mark is missing; {_COPY}")
        length, kind = struct.unpack_from(">I4s", encoded, position)
        if position + 12 + length > len(encoded):
            raise DataError(f"{where}: truncated: its chunk {_name(kind)} is not all there; {_COPY}")
        yield kind, position + 8, length
        if kind == b"IEND":
            return
        position += 12 + length


def _order_problem(kind: bytes, length: int, seen: list[bytes], encoded: bytes) -> str:
    if (kind == b"IHDR") != (not seen) or (kind == b"IHDR" and length != 13):
        return "its header is not the first chunk, of 13 bytes"
    if not kind.isalpha():
        return f"it holds a chunk of the impossible name {_name(kind)}"
    if kind[:1].isupper() and kind not in _CRITICAL:
        return f"it holds the critical chunk {_name(kind)}, which no reader knows"
    if kind == b"IHDR" and (encoded[26] or encoded[27] or encoded[28] > 1):
        return "its header asks for a way of compressing that does not exist"
    if kind == b"PLTE" and (length % 3 or not length or b"PLTE" in seen or b"IDAT" in seen):
        return "its palette is not one of three bytes a colour, once and before the image data"
    if kind == b"IDAT" and encoded[25] == _PALETTE and b"PLTE" not in seen:
        return "its pixels are numbers of a palette that is not there"
    if kind == b"IDAT" and b"IDAT" in seen and seen[-1] != b"IDAT":
        return "its image data is interrupted by another chunk"
    return ""


def check_last_row(image: Image.Image, encoded: bytes, where: str) -> None:
    """Looks for rows that are missing at the end of a PNG, which Pillow leaves black.

    Args:
        image: the decoded PNG.
        encoded: its file, of sound chunks.
        where: what to call it in messages.

    Raises:
        DataError: its data ends before its last row.
    """
    interlaced = bool(encoded[28])
    if not interlaced and any(np.asarray(image.crop((0, image.height - 1, *image.size))).ravel().tolist()):
        return
    parts = [encoded[start : start + length] for kind, start, length in _chunks(encoded, where) if kind == b"IDAT"]
    inflate = zlib.decompressobj()
    needed = _bytes_of(image.size, encoded[24] * _CHANNELS[encoded[25]], interlaced)
    try:
        given = len(inflate.decompress(b"".join(parts), needed))
    except zlib.error as error:
        raise DataError(f"{where}: damaged ({error}); {_COPY}") from error
    if given < needed:
        raise DataError(f"{where}: truncated: it holds {given} of {needed} bytes of pixels; {_COPY}")


def _bytes_of(size: tuple[int, int], bits: int, interlaced: bool) -> int:
    """Bytes of all rows, each with the byte that names its filter."""
    width, height = size
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for x, y, step_x, step_y in _ADAM7:
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total


def check_jpeg(image: Image.Image, where: str) -> None:
    """DataError for four inks without the mark that says how they are stored: TensorFlow takes them for inverted."""
    if image.mode == "CMYK" and "adobe_transform" not in image.info:
        raise DataError(f"{where}: a CMYK JPEG without Adobe's mark: some readers invert it; store it as RGB")


def check_jpeg_end(encoded: bytes, where: str) -> None:
    """Looks for the end mark of a JPEG, without which TensorFlow refuses it; Pillow reads no further than the last row.

    So end files of which the tail is zeros, as after a power cut: zeros are pixels, too.

    Args:
        encoded: the file, which Pillow decodes.
        where: what to call it in messages.

    Raises:
        DataError: there is none, but for those of thumbnails within segments.
    """
    position = 2
    while found := _MARKER.search(encoded, position):
        if found[0] == _END_OF_IMAGE:
            return
        position = found.end() + int.from_bytes(encoded[found.end() : found.end() + 2], "big")
    raise DataError(f"{where}: truncated: its end mark is missing; {_COPY}")


def stores_rgb(image: Image.Image) -> bool:
    """Whether an image is a JPEG of red, green and blue, which no reader can give as brightness and colour."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or image.mode != "RGB" or "jfif" in image.info:
        return False
    return image.info.get("adobe_transform") == 0 or bytes(int(layer[0]) for layer in image.layer) == b"RGB"


def _name(kind: bytes) -> str:
    return repr(kind)[2:-1]
