"""What TensorFlow refuses is refused when images are read."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from ratchet.components.imaging.quality import image_quality
from ratchet.schemas.base.errors import DataError
from tests.builders import encode, picture
from tests.components.imaging.altered_files import (
    altered_jpegs,
    altered_pngs,
    chunks_of,
    files_by_kind,
    png_of,
    raw_png,
    rich_png,
)

KINDS = files_by_kind()


def problem_of(encoded: bytes) -> str:
    try:
        image_quality(encoded, "a.png")
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_unusual_files_that_are_sound_are_read(kind: str) -> None:
    assert problem_of(KINDS[kind]) == ""


@pytest.mark.parametrize("number", range(len(chunks_of(rich_png()))))
def test_a_wrong_checksum_of_any_chunk_names_file_and_fix(number: int) -> None:
    kind = chunks_of(rich_png())[number][0].decode()
    message = problem_of(png_of(chunks_of(rich_png()), wrong=number))
    assert message.startswith("a.png: ")
    assert kind in message
    assert message.endswith("copy the file again")


def test_a_wrong_checksum_of_later_image_data_is_found() -> None:
    header, (_, data), end = chunks_of(encode(picture(), "PNG"))
    parts = [(b"IDAT", data[start : start + 500]) for start in range(0, len(data), 500)]
    assert problem_of(png_of([header, *parts, end])) == ""
    assert "checksum of its chunk IDAT" in problem_of(png_of([header, *parts, end], wrong=len(parts)))


@pytest.mark.parametrize("kind", ["png RGB", "png L"])
def test_rows_that_are_missing_at_the_end_are_found(kind: str) -> None:
    header, (_, data), end = chunks_of(KINDS[kind])
    rows = zlib.decompress(data)
    short = rows[: -3 * len(rows) // 48]
    message = problem_of(png_of([header, (b"IDAT", zlib.compress(short)), end]))
    assert message == f"a.png: truncated: it holds {len(short)} of {len(rows)} bytes of pixels; copy the file again"


def test_a_picture_that_is_black_below_is_whole() -> None:
    pixels = np.asarray(picture()).copy()
    pixels[30:] = 0
    assert problem_of(encode(Image.fromarray(pixels), "PNG")) == ""


def test_a_palette_that_is_missing_and_a_chunk_that_nobody_knows_are_named() -> None:
    assert "palette that is not there" in problem_of(raw_png(8, 8, 8, 3, bytes(9 * 8)))
    header, *others = chunks_of(KINDS["png L"])
    assert "critical chunk ABCD" in problem_of(png_of([header, (b"ABCD", b"x"), *others]))


def test_four_inks_without_the_mark_how_they_are_stored_are_refused() -> None:
    assert "store it as RGB" in problem_of(KINDS["jpeg cmyk"].replace(b"Adobe", b"Adobx"))


@pytest.mark.parametrize("kind", ["jpeg", "jpeg grey", "jpeg restarted"])
def test_a_jpeg_whose_end_is_zeros_is_truncated_though_pillow_reads_it(kind: str) -> None:
    encoded = KINDS[kind]
    zeroed = encoded[:-60] + bytes(60)
    Image.open(io.BytesIO(zeroed)).load()
    assert problem_of(zeroed) == "a.png: truncated: its end mark is missing; copy the file again"


def test_a_marker_within_the_pixels_that_leads_beyond_the_end_is_found() -> None:
    encoded = KINDS["jpeg grey"]
    stray = encoded[:-20] + b"\xff\xc4\xf0\x00" + encoded[-16:]
    assert "its end mark is missing" in problem_of(stray)


def test_the_end_mark_of_a_thumbnail_is_not_that_of_its_picture() -> None:
    thumbnail = encode(picture())
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = KINDS["jpeg"][:2] + segment + KINDS["jpeg"][2:]
    assert problem_of(whole) == ""
    assert problem_of(whole + b"what a camera appends") == ""
    assert "its end mark is missing" in problem_of(whole[:-60] + bytes(60))


@pytest.mark.tensorflow
def test_whatever_is_read_here_is_decoded_by_tensorflow_to_the_same_size() -> None:
    import tensorflow as tf

    altered = dict(KINDS)
    for kind, encoded in KINDS.items():
        of_kind = altered_pngs(encoded) if kind.startswith("png") else altered_jpegs(encoded, len(kind), 40)
        altered |= {f"{kind}: {name}": content for name, content in of_kind.items()}
    read = [name for name, content in altered.items() if not problem_of(content)]
    refused = []
    for name in read:
        try:
            shape = tf.io.decode_image(altered[name], channels=3, expand_animations=False).shape
        except tf.errors.InvalidArgumentError:
            refused.append(name)
        else:
            if Image.open(io.BytesIO(altered[name])).size != (shape[1], shape[0]):
                refused.append(name)
    assert refused == []
    assert 200 < len(read) < len(altered) - 100
