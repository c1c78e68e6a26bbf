"""The EXIF orientation of a JPEG or PNG: read from its header as browsers read it, without decoding anything.

What browsers take for an orientation (Firefox's `EXIFParser`, Blink's `ReadExifDirectory`): tag 0x0112 in the first
directory of an EXIF block, one SHORT of 1..8. Everything else, and a block that is broken, is 1. An orientation in XMP
is none for them; Pillow's `getexif` takes one from there, and any type of number, which is why it is not asked.

Format: Exif 2.32 (CIPA DC-008), sections 4.5 and 4.6; PNG, ISO/IEC 15948, chunk eXIf.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from ratchet.components.imaging.decodable import PNG_MAGIC

UPRIGHT = 1
_TAG, _SHORT = 0x0112, 3
_EXIF_HEADER = b"Exif\0\0"
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset((0x01, 0xD8, *range(0xD0, 0xD8)))
_ENTRY_BYTES = 12
_MOST_BLOCKS = 4096  # of a file: nothing real has as many before its pixels


class ExifBlock(NamedTuple):
    """A block that says an orientation.

    Attributes:
        tiff: its bytes, from the byte order mark on.
        orientation: 1..8.
        place: of the orientation's two bytes in it.
        next_directory: place of the four bytes that say where the next directory is, that of the thumbnail.
    """

    tiff: bytes
    orientation: int
    place: int
    next_directory: int

    def without_orientation(self) -> bytes:
        """The block of the turned image: the orientation is 1, and its thumbnail, which is not turned, is not found."""
        changed = bytearray(self.tiff)
        struct.pack_into(">H" if self.tiff[:2] == b"MM" else "<H", changed, self.place, UPRIGHT)
        changed[self.next_directory : self.next_directory + 4] = bytes(len(self.tiff[self.next_directory :][:4]))
        return bytes(changed)


def stored_orientation(encoded: bytes) -> int:
    """The orientation of an image file, 1..8; see `orientation_in`."""
    return orientation_in(io.BytesIO(encoded))


def orientation_in(file: IO[bytes]) -> int:
    """The orientation of an open image file; of what is neither JPEG nor PNG, or is damaged, 1.

    Args:
        file: can be moved in; read from its start, up to the pixels.
    """
    block = exif_in(file)
    return block.orientation if block else UPRIGHT


def exif_in(file: IO[bytes]) -> ExifBlock | None:
    """The first EXIF block of an image file that says an orientation; None if none does."""
    file.seek(0)
    start = file.read(len(PNG_MAGIC))
    if start == PNG_MAGIC:
        blocks = png_chunks(file, b"eXIf")
    elif start[:2] == b"\xff\xd8":
        blocks = _jpeg_blocks(file)
    else:
        return None
    found = (read_orientation(tiff) for tiff in blocks)
    return next((block for block in found if block), None)


def swaps_sides(orientation: int) -> bool:
    """Whether width and height of the upright picture are height and width of the stored pixels."""
    return orientation >= 5


def upright_size(size_px: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of the upright picture.

    Args:
        size_px: width and height as stored.
        orientation: 1..8.

    >>> upright_size((96, 64), 6), upright_size((96, 64), 3)
    ((64, 96), (96, 64))
    """
    return (size_px[1], size_px[0]) if swaps_sides(orientation) else size_px


def read_orientation(tiff: bytes) -> ExifBlock | None:
    """Finds the orientation in the bytes of an EXIF block; None where it says none that counts.

    Args:
        tiff: from the byte order mark on.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    if directory + 2 > len(tiff):
        return None
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    first, end = directory + 2, directory + 2 + entries * _ENTRY_BYTES
    for place in range(first, min(end, len(tiff) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, place)
        if tag == _TAG:
            is_sound = kind == _SHORT and count == 1 and 1 <= value <= 8
            return ExifBlock(tiff, value, place + 8, end) if is_sound else None
    return None


def _jpeg_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The EXIF blocks before the pixels."""
    file.seek(2)
    for _ in range(_MOST_BLOCKS):
        marker = _next_marker(file)
        if marker in (None, _START_OF_SCAN, _END_OF_IMAGE):
            return
        if marker in _WITHOUT_LENGTH:
            continue
        length = file.read(2)
        if len(length) < 2 or (size := int.from_bytes(length, "big") - 2) < 0:
            return
        if marker != _APP1:
            file.seek(size, io.SEEK_CUR)
        elif (content := file.read(size)).startswith(_EXIF_HEADER):
            yield content[len(_EXIF_HEADER) :]


def _next_marker(file: IO[bytes]) -> int | None:
    """The marker that comes next, behind as many filling bytes 0xFF as there are; None at the end or in the middle."""
    if file.read(1) != b"\xff":
        return None
    for _ in range(_MOST_BLOCKS):
        byte = file.read(1)
        if byte != b"\xff":
            return byte[0] if byte and byte[0] else None
    return None


def png_chunks(file: IO[bytes], *kinds: bytes) -> Iterator[bytes]:
    """The contents of a PNG's chunks of some kinds, wherever they are; stops without a word where it is damaged."""
    file.seek(len(PNG_MAGIC))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND" or length > 0x7FFFFFFF:
            return
        if kind in kinds:
            content = file.read(length)
            if len(content) == length:
                yield content
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
