"""What is turned shows the same picture upright, says so, and has lost nothing that was cheap to keep."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from ratchet.components.imaging.orientation import stored_orientation
from ratchet.components.imaging.upright import turned_upright
from ratchet.schemas.base.errors import DataError
from tests.components.imaging.oriented import ORIENTATIONS, decoded, stored, upright_picture
from tests.components.imaging.test_orientation import jpeg_with, tiff

TURNED = ORIENTATIONS[1:]
MODES_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA")


def noisy(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Like a photograph: smooth, with grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: size[1], : size[0]]
    waves = [128 + 80 * np.sin(x / (7 + n)) * np.cos(y / (9 + n)) for n in range(3)]
    return Image.fromarray(np.clip(np.stack(waves, axis=2) + rng.normal(0, 4, (*x.shape, 3)), 0, 255).astype(np.uint8))


def apart(one: Image.Image, other: Image.Image) -> np.ndarray:
    assert (one.mode, one.size) == (other.mode, other.size)
    return np.abs(np.asarray(one).astype(float) - np.asarray(other).astype(float))


@pytest.mark.parametrize("mode", MODES_OF_PNG)
@pytest.mark.parametrize("orientation", TURNED)
def test_a_png_is_turned_without_loss(orientation: int, mode: str) -> None:
    encoded = stored(orientation, upright_picture().convert(mode), "PNG")
    turned = decoded(turned_upright(encoded, "a.png"))
    assert apart(turned, ImageOps.exif_transpose(decoded(encoded))).max() == 0


def test_a_png_of_16_bit_grey_levels_keeps_them_and_one_of_colours_is_refused() -> None:
    levels = np.arange(96 * 64, dtype=np.uint16).reshape(64, 96) * 10
    turned = decoded(turned_upright(stored(6, Image.fromarray(levels), "PNG"), "a.png"))
    assert np.array_equal(np.asarray(turned), levels)
    with pytest.raises(DataError, match=r"^a\.png: a PNG of 16 bits a colour with an EXIF orientation"):
        turned_upright(deep_colours(6), "a.png")


def deep_colours(orientation: int) -> bytes:
    """A PNG that Pillow cannot write: red, green and blue of 16 bits, 2 x 1 px."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0), b"eXIf": tiff(orientation)}
    parts |= {b"IDAT": zlib.compress(bytes(13)), b"IEND": b""}
    chunks = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_transparent_colour_stays_transparent() -> None:
    encoded = stored(6, upright_picture().convert("P"), "PNG", transparency=bytes((0, 128, 255)))
    assert decoded(turned_upright(encoded, "a.png")).info["transparency"] == decoded(encoded).info["transparency"]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("orientation", TURNED)
def test_a_jpeg_of_whole_blocks_hardly_changes(orientation: int, sampling: str, mode: str) -> None:
    encoded = stored(orientation, noisy().convert(mode), quality=80, subsampling=sampling)
    turned = turned_upright(encoded, "a.jpg")
    # Colours that are stored half along one side cannot be so along the other, and are stored in full.
    is_sideways = orientation >= 5 and sampling == "4:2:2"
    assert apart(decoded(turned), ImageOps.exif_transpose(decoded(encoded))).mean() < (1 if is_sideways else 0.5)
    assert len(turned) < 1.5 * len(encoded)


@pytest.mark.parametrize("options", [{"progressive": True}, {"keep_rgb": True}, {"quality": 30}])
def test_a_jpeg_of_any_kind_and_size_loses_no_more_than_when_it_was_first_encoded(options: dict[str, object]) -> None:
    picture = noisy((91, 53))
    encoded = stored(7, picture, **{"quality": 90, **options})
    turned, before = decoded(turned_upright(encoded, "a.jpg")), ImageOps.exif_transpose(decoded(encoded))
    assert apart(turned, before).mean() <= 1.05 * apart(before, picture).mean()


def test_its_own_quantisation_tables_are_used_turned_as_the_picture() -> None:
    tables = [[min(255, 8 + 3 * row + column) for row in range(8) for column in range(8)]] * 2
    encoded = stored(6, noisy(), qtables=tables)
    table = decoded(encoded).quantization[0]  # type: ignore[attr-defined]
    turned = decoded(turned_upright(encoded, "a.jpg")).quantization[0]  # type: ignore[attr-defined]
    assert turned == [table[place % 8 * 8 + place // 8] for place in range(64)] != table


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_its_orientation_is_upright_for_every_reader_and_profile_and_exif_stay(form: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = turned_upright(stored(6, form=form, icc_profile=profile), "a")
    read = decoded(turned)
    assert stored_orientation(turned) == read.getexif()[0x0112] == 1
    assert read.getexif()[0x010E] == "a picture"
    assert read.info["icc_profile"] == profile
    assert turned_upright(turned, "a") is turned


def test_an_orientation_in_xmp_does_not_turn_it_again() -> None:
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    turned = decoded(turned_upright(stored(6, xmp=xmp), "a.jpg"))
    assert turned.getexif()[0x0112] == 1
    assert "xmp" not in turned.info


def test_the_thumbnail_in_its_exif_which_is_not_turned_is_no_longer_found() -> None:
    first, second = tiff(6), tiff(6, tag=0x0103)
    encoded = jpeg_with(b"Exif\0\0" + first[:-4] + struct.pack(">I", len(first)) + second[8:])
    turned = turned_upright(encoded, "a.jpg")
    places = [decoded(file).info["exif"][6:][len(first) - 4 : len(first)] for file in (encoded, turned)]
    assert places == [struct.pack(">I", len(first)), bytes(4)]


def test_an_exif_block_too_long_for_a_jpeg_is_left_out() -> None:
    blocks = b"Exif\0\0" + decoded(stored(6)).info["exif"][6:].ljust(60_000, b"\0")
    segment = b"\xff\xe1" + (len(blocks) + 2).to_bytes(2, "big") + blocks
    encoded = b"\xff\xd8" + segment * 2 + stored(1)[2:]
    assert stored_orientation(turned_upright(encoded, "a.jpg")) == 1


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_what_cannot_be_decoded_is_an_error(form: str) -> None:
    encoded = stored(6, noisy(), form)
    with pytest.raises(DataError, match=r"^cam/a: "):
        turned_upright(encoded[: len(encoded) // 2], "cam/a")


def test_the_same_file_is_turned_into_the_same_bytes() -> None:
    """The digest of a golden set is of the turned files."""
    assert turned_upright(stored(6, noisy()), "a") == turned_upright(stored(6, noisy()), "b")
