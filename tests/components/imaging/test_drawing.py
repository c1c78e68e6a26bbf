from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ratchet.components.imaging.drawing import thumbnail
from tests.builders import encode

GREY = Image.new("RGB", (100, 50), (128, 128, 128))


def small(encoded: bytes, side: int = 300) -> Image.Image:
    return Image.open(io.BytesIO(thumbnail(encoded, side)))


def test_the_thumbnail_is_a_jpeg_with_the_longest_side_asked_for() -> None:
    assert [small(encode(GREY, "PNG"), side).size for side in (300, 60)] == [(300, 150), (60, 30)]
    assert small(encode(GREY, "PNG")).format == "JPEG"


def test_a_large_jpeg_that_is_decoded_smaller_keeps_its_parts_in_place() -> None:
    halves = Image.new("RGB", (2000, 1000), "black")
    halves.paste("white", (1000, 0, 2000, 1000))
    pixels = np.asarray(small(encode(halves)).convert("L"))
    assert (pixels[:, :145].max(), pixels[:, 155:].min()) == pytest.approx((0, 255), abs=12)


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("JPEG", "CMYK"), ("JPEG", "L")]
)
def test_every_kind_of_image_is_shown(form: str, mode: str) -> None:
    picture = small(encode(Image.new("RGB", (100, 50), "white").convert(mode), form))
    assert (picture.mode, int(np.asarray(picture).min())) == ("RGB", pytest.approx(255, abs=5))


def test_16_bits_a_pixel_keep_their_brightness() -> None:
    deep = Image.fromarray(np.full((50, 100), 0x4080, np.uint16))
    assert abs(int(np.asarray(small(encode(deep, "PNG")))[75, 150, 0]) - 0x40) <= 2
