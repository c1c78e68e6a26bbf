from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ratchet.components.imaging.quality import open_image
from ratchet.schemas.base.errors import DataError
from tests.builders import encode, picture

KINDS = {
    "jpeg": encode(picture()),
    "progressive": encode(picture(), progressive=True),
    "grey jpeg": encode(picture().convert("L")),
    "cmyk": encode(picture().convert("CMYK")),
    "png": encode(picture(), "PNG"),
    "transparent": encode(picture().convert("RGBA"), "PNG"),
    "black and white": encode(picture().convert("1"), "PNG"),
}


def png_of_size(width: int, height: int) -> bytes:
    """A picture whose header gives another size, under the right checksum."""
    header = b"IHDR" + struct.pack(">II", width, height) + KINDS["png"][24:29]
    return KINDS["png"][:12] + header + struct.pack(">I", zlib.crc32(header)) + KINDS["png"][33:]


def message_of(encoded: bytes) -> str:
    with pytest.raises(DataError) as caught:
        open_image(io.BytesIO(encoded), "a.jpg")
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_size_is_that_which_pillow_finds(kind: str) -> None:
    assert open_image(io.BytesIO(KINDS[kind]), "a.jpg").size == Image.open(io.BytesIO(KINDS[kind])).size


def test_size_is_as_stored_and_found_behind_long_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to show
    exif[0x010E] = "x" * 50_000
    assert open_image(io.BytesIO(encode(picture(), exif=exif, comment=b"y" * 3_000)), "a.jpg").size == (64, 48)


def test_only_the_header_is_read() -> None:
    file = io.BytesIO(encode(picture(1000, 1000)))
    open_image(file, "a.jpg")
    assert file.tell() < 1000


@pytest.mark.parametrize(
    ("encoded", "part"),
    [
        (b"", "not a JPEG or PNG file, it is empty"),
        (b"BM\0\0", "its first bytes are b'BM\\x00\\x00'"),
        (KINDS["jpeg"][:100], "truncated or damaged in its header"),
        (KINDS["png"][:20], "truncated or damaged in its header"),
        (b"\xff\xd8\xff\xda" + bytes(100), "truncated or damaged in its header"),
        (b"\xff\xd8\xff\xe0\0\1", "truncated or damaged in its header"),
        (b"\xff\xd8\xff" + b"\0" * 1_000_000, "truncated or damaged in its header"),
        (png_of_size(2**31, 4), "width 2147483648 must be an integer, 1..65535"),
        (png_of_size(30_000, 30_000), "is 900000000 pixels, allowed are 100000000"),
    ],
)
def test_file_without_a_usable_size_is_refused(encoded: bytes, part: str) -> None:
    assert part in message_of(encoded)


@given(st.sampled_from(sorted(KINDS)), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6))
def test_damaged_header_gives_a_size_or_a_data_error(kind: str, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(KINDS[kind])
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        width, height = open_image(io.BytesIO(bytes(damaged)), "a.jpg").size
    except DataError:
        return
    assert width * height <= 100_000_000
