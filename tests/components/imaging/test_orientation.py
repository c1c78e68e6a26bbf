"""Orientations are read as browsers read them, from the header, and damage is no orientation."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from ratchet.components.imaging.orientation import (
    orientation_in,
    read_orientation,
    stored_orientation,
    upright_size,
)
from tests.components.imaging.oriented import ORIENTATIONS, stored, upright_picture


def tiff(value: int, kind: int = 3, count: int = 1, order: str = ">", tag: int = 0x0112, entries: int = 1) -> bytes:
    """An EXIF block with one entry, which says that there are some."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    number = struct.pack(f"{order}I" if kind == 4 else f"{order}Hxx", value)
    return mark + struct.pack(f"{order}IHHHI", 8, entries, tag, kind, count) + number + bytes(4)


def jpeg_with(*segments: bytes) -> bytes:
    """A JPEG with APP1 segments before all others."""
    written = io.BytesIO()
    upright_picture().save(written, "JPEG")
    added = b"".join(b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content for content in segments)
    return b"\xff\xd8" + added + written.getvalue()[2:]


def png_with(content: bytes, behind_pixels: bool = False) -> bytes:
    written = io.BytesIO()
    upright_picture().save(written, "PNG")
    encoded = written.getvalue()
    chunk = struct.pack(">I", len(content)) + b"eXIf" + content + struct.pack(">I", zlib.crc32(b"eXIf" + content))
    place = encoded.index(b"IEND") - 4 if behind_pixels else encoded.index(b"IDAT") - 4
    return encoded[:place] + chunk + encoded[place:]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_is_read_as_pillow_reads_it(form: str, orientation: int) -> None:
    encoded = stored(orientation, form=form)
    assert stored_orientation(encoded) == orientation
    assert Image.open(io.BytesIO(encoded)).getexif()[0x0112] == orientation


@pytest.mark.parametrize("order", [">", "<"])
def test_both_byte_orders_are_read(order: str) -> None:
    assert stored_orientation(jpeg_with(b"Exif\0\0" + tiff(6, order=order))) == 6
    assert stored_orientation(png_with(tiff(8, order=order))) == 8


def test_a_png_may_say_it_behind_its_pixels() -> None:
    assert stored_orientation(png_with(tiff(6), behind_pixels=True)) == 6


@pytest.mark.parametrize(
    "block",
    [
        tiff(0),
        tiff(9),
        tiff(6, kind=4),
        tiff(6, kind=4, order="<"),  # a LONG, whose first bytes are those of a SHORT: Pillow takes it, browsers do not
        tiff(6, count=2),
        tiff(6, tag=0x0113),
        tiff(6)[:19],
        tiff(6)[:9],
        b"MM\0+" + tiff(6)[4:],
        b"MM\0*" + struct.pack(">I", 1 << 31) + tiff(6)[8:],
        b"",
    ],
)
def test_what_browsers_take_for_no_orientation_is_upright(block: bytes) -> None:
    assert read_orientation(block) is None
    assert stored_orientation(jpeg_with(b"Exif\0\0" + block)) == 1
    assert stored_orientation(png_with(block)) == 1


def test_an_orientation_in_xmp_is_none() -> None:
    xmp = b'http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation="6"/>'
    encoded = jpeg_with(xmp)
    assert Image.open(io.BytesIO(encoded)).getexif()[0x0112] == 6  # which is why Pillow is not asked
    assert stored_orientation(encoded) == 1


def test_a_block_that_claims_more_entries_than_it_has_still_says_its_first() -> None:
    assert stored_orientation(jpeg_with(b"Exif\0\0" + tiff(6, entries=60_000))) == 6


def test_behind_a_broken_block_the_next_one_counts() -> None:
    assert stored_orientation(jpeg_with(b"Exif\0\0" + tiff(0), b"Exif\0\0" + tiff(3))) == 3


def test_filling_bytes_and_other_segments_before_it_are_passed() -> None:
    encoded = jpeg_with(b"other" * 10_000, b"Exif\0\0" + tiff(5))
    assert stored_orientation(b"\xff\xd8\xff\xff\xff" + encoded[3:]) == 5


@pytest.mark.parametrize("encoded", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_whole_image_is_upright(encoded: bytes) -> None:
    assert stored_orientation(encoded) == 1


def test_damage_raises_nothing_and_ends() -> None:
    rng = random.Random(0)
    for encoded in (stored(6), stored(6, form="PNG")):
        for _ in range(1500):
            damaged = bytearray(encoded[: rng.randrange(len(encoded))] if rng.random() < 0.3 else encoded)
            for _ in range(rng.randrange(1, 6)):
                if damaged:
                    damaged[rng.randrange(min(len(damaged), 200))] = rng.choice((0, 0xFF, rng.randrange(256)))
            assert 1 <= stored_orientation(bytes(damaged)) <= 8


def test_only_the_header_of_a_jpeg_is_read() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            Counting.taken += len(content)
            return content

    encoded = stored(8, upright_picture((960, 640)), quality=100) + bytes(1_000_000)
    assert orientation_in(Counting(encoded)) == 8
    assert Counting.taken < 1000


def test_sideways_pictures_exchange_their_sides() -> None:
    assert [upright_size((4, 3), orientation) for orientation in ORIENTATIONS] == [(4, 3)] * 4 + [(3, 4)] * 4
