from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from ratchet.components.example_gen.dataset import inspect_image
from ratchet.components.imaging.quality import image_quality
from ratchet.pipeline.demo.digit_scenes import Look, draw_scene
from ratchet.schemas.base.errors import DataError
from tests.builders import HEIGHT_PX, WIDTH_PX, encode, picture, record

SOURCE = "span-3/images/17.jpg"
KINDS = {
    "jpeg": encode(picture()),
    "progressive": encode(picture(), progressive=True),
    "grey jpeg": encode(picture().convert("L")),
    "cmyk": encode(picture().convert("CMYK")),
    "png": encode(picture(), "PNG"),
    "transparent": encode(picture().convert("RGBA"), "PNG"),
    "palette": encode(picture().convert("P"), "PNG"),
    "black and white": encode(picture().convert("1"), "PNG"),
    "16 bit": encode(Image.fromarray(np.full((HEIGHT_PX, WIDTH_PX), 100 * 256, np.uint16)), "PNG"),
}


def message_of(encoded: bytes, width: int = WIDTH_PX, height: int = HEIGHT_PX) -> str:
    with pytest.raises(DataError) as caught:
        inspect_image(encoded, record(width, height), SOURCE)
    message = str(caught.value)
    assert message.startswith("span-3/images/17.jpg (image 17): ")
    return message


def png_header_of(width: int, height: int) -> bytes:
    """A PNG of that size by its header, with next to nothing in it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, data)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_jpeg_and_png_passes(kind: str) -> None:
    inspect_image(KINDS[kind], record(), SOURCE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9])
def test_truncated_file_is_refused(kind: str, kept: float) -> None:
    message = message_of(KINDS[kind][: int(kept * len(KINDS[kind]))])
    assert "truncated" in message or "first bytes" in message
    assert message.endswith(("copy the file again", "one of these formats"))


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_file_without_its_last_byte_is_refused(kind: str) -> None:
    assert "truncated" in message_of(KINDS[kind][:-1])


@pytest.mark.parametrize(
    ("encoded", "part"),
    [
        (b"", "not a JPEG or PNG file, it is empty; deliver"),
        (b"<html>404", "not a JPEG or PNG file, its first bytes are b'<html>40'"),
        (encode(picture(), "GIF"), "its first bytes are b'GIF87a"),
        (encode(picture(), "WEBP"), "its first bytes are b'RIFF"),
    ],
)
def test_other_formats_are_refused_with_what_the_file_begins_with(encoded: bytes, part: str) -> None:
    assert part in message_of(encoded)


def test_other_size_than_annotated_is_refused_with_both_sizes() -> None:
    message = message_of(KINDS["jpeg"], 640, 480)
    assert "the file has 64x48 px, the annotation says 640x480; correct one of them" in message


def test_swapped_sides_are_recognised() -> None:
    assert "says 48x64 (width and height swapped)" in message_of(KINDS["jpeg"], HEIGHT_PX, WIDTH_PX)


def test_size_counts_as_stored_not_as_turned_by_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to show
    encoded = encode(picture(), exif=exif)
    inspect_image(encoded, record(), SOURCE)
    assert "swapped by an EXIF orientation, which TensorFlow ignores" in message_of(encoded, HEIGHT_PX, WIDTH_PX)


def test_decompression_bomb_is_refused_by_its_header(recwarn: pytest.WarningsRecorder) -> None:
    message = message_of(png_header_of(20_000, 20_000), 20_000, 20_000)
    assert "20000x20000 is 400000000 pixels, allowed are 100000000" in message
    assert "truncated" in message_of(png_header_of(9_900, 10_000), 9_900, 10_000)
    assert not recwarn.list


@given(
    kind=st.sampled_from(sorted(KINDS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
def test_damaged_file_is_read_or_refused_with_a_data_error(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    damaged = bytearray(KINDS[kind])
    for place, value in changes:
        damaged[int(place**2 * len(damaged))] = value  # more of it in the header
    encoded = bytes(damaged[: max(1, int(kept * len(damaged)))])
    try:
        inspect_image(encoded, record(), SOURCE)
    except DataError as error:
        assert str(error).startswith(SOURCE)  # noqa: PT017 - both outcomes are right
    else:
        image_quality(encoded, SOURCE)


def grey_png(pixels: np.ndarray) -> bytes:
    return encode(Image.fromarray(pixels), "PNG")


def test_flat_image_has_its_grey_level_as_brightness_and_nothing_else() -> None:
    quality = image_quality(grey_png(np.full((40, 30), 77, np.uint8)), SOURCE)
    assert (quality.brightness, quality.contrast, quality.sharpness) == (77.0, 0.0, 0.0)


def test_quality_of_a_checkerboard_is_that_computed_by_hand() -> None:
    board = (np.indices((10, 10)).sum(axis=0) % 2 * 100).astype(np.uint8)
    quality = image_quality(grey_png(board), SOURCE)
    assert (quality.brightness, quality.contrast) == (50.0, 50.0)
    assert quality.sharpness == pytest.approx(np.log1p(400.0**2))  # every Laplacian is +400 or -400


def test_figures_of_noise_are_those_of_numpys_floats() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    quality = image_quality(grey_png(pixels), SOURCE)
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float64)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    red, green, blue = pixels.reshape(-1, 3).mean(axis=0)
    assert (quality.brightness, quality.contrast) == pytest.approx((grey.mean(), grey.std()), rel=1e-13)
    assert quality.sharpness == pytest.approx(np.log1p((around - 4 * grey[1:-1, 1:-1]).var()), rel=1e-13)
    casts = np.log((red + 1) / (green + 1)), np.log((blue + 1) / (green + 1))
    assert (quality.red_cast, quality.blue_cast) == pytest.approx(casts, rel=1e-12)


def test_colours_are_weighted_as_grey() -> None:
    green = np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 200
    assert image_quality(grey_png(green), SOURCE).brightness == pytest.approx(0.587 * 200, abs=1)


def test_sixteen_bit_image_is_measured_on_the_scale_of_eight_bits() -> None:
    assert image_quality(KINDS["16 bit"], SOURCE).brightness == 100.0


def test_image_too_small_for_a_laplacian_has_no_sharpness() -> None:
    assert image_quality(grey_png(np.array([[0, 255]], np.uint8)), SOURCE).sharpness == 0.0


def test_same_picture_at_twice_the_resolution_measures_the_same() -> None:
    small = picture(32, 24).resize((320, 240), Image.Resampling.BICUBIC)
    large = small.resize((640, 480), Image.Resampling.BICUBIC)
    for form, options in (("PNG", {}), ("JPEG", {"quality": 95})):
        one, two = (image_quality(encode(image, form, **options), SOURCE) for image in (small, large))
        assert one.brightness == pytest.approx(two.brightness, abs=1)
        assert one.contrast == pytest.approx(two.contrast, rel=0.03)
        assert one.sharpness == pytest.approx(two.sharpness, rel=0.03)


def test_blur_lowers_sharpness_and_darkness_lowers_brightness() -> None:
    sharp = picture(32, 24).resize((256, 192), Image.Resampling.NEAREST)
    blurred = sharp.resize((32, 24)).resize((256, 192), Image.Resampling.BICUBIC)
    dark = sharp.point([value // 3 for value in range(256)] * 3)
    original = image_quality(encode(sharp), SOURCE)
    assert image_quality(encode(blurred), SOURCE).sharpness < original.sharpness - 1
    assert image_quality(encode(dark), SOURCE).brightness == pytest.approx(original.brightness / 3, abs=2)


def test_quality_of_an_undecodable_image_is_a_data_error() -> None:
    with pytest.raises(DataError, match="not a JPEG or PNG"):
        image_quality(b"nothing", SOURCE)


def scene(seed: int) -> Image.Image:
    """A digit scene, drawn as `ratchet digits` does."""
    return draw_scene(lambda use: np.random.default_rng([seed, *use.encode()]), Look(), golden=False).image


def different_bits(one: Image.Image, other: Image.Image, **options: Any) -> int:
    first, second = (image_quality(encode(image, **options), SOURCE).hash_bits for image in (one, other))
    assert first.shape == (256,)
    return int(np.count_nonzero(first != second))


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_an_image_have_nearly_the_same_hash(seed: int) -> None:
    original = scene(seed)
    half = original.resize((original.width // 2, original.height // 2))
    darker = ImageEnhance.Brightness(original).enhance(0.7)
    assert different_bits(original, original, quality=30) <= 12
    assert different_bits(original, half) <= 12
    assert different_bits(original, darker) <= 12


def test_two_scenes_of_one_world_have_different_hashes() -> None:
    assert min(different_bits(scene(0), scene(seed)) for seed in range(1, 20)) > 24


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("light", [1.0, 0.5])
def test_a_colour_cast_is_the_ratio_of_mean_colours_in_any_light(form: str, light: float) -> None:
    pixels = np.random.default_rng(0).integers(60, 120, (96, 128, 1)) * np.array([1.5, 1.0, 0.7]) * light
    quality = image_quality(encode(Image.fromarray(pixels.astype(np.uint8)), form), SOURCE)
    assert quality.red_cast == pytest.approx(np.log(1.5), abs=0.03)
    assert quality.blue_cast == pytest.approx(np.log(0.7), abs=0.03)


@pytest.mark.parametrize("kind", ["grey jpeg", "black and white", "16 bit"])
def test_a_grey_image_has_no_cast(kind: str) -> None:
    quality = image_quality(KINDS[kind], SOURCE)
    assert (quality.red_cast, quality.blue_cast) == (0.0, 0.0)
    assert quality.file_bytes == len(KINDS[kind])
