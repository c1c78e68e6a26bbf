"""Image files: can they be decoded, and how do they look; Pillow and numpy only."""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from ratchet.components.imaging.decodable import (
    PNG_MAGIC,
    check_jpeg,
    check_jpeg_end,
    check_last_row,
    check_png,
    stores_rgb,
)
from ratchet.components.imaging.measures import Look, hue, look_of, noise
from ratchet.components.imaging.views import hash_bits
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data import features
from ratchet.schemas.data.looks import SIDE

MAX_SIDE_PX = 65_535  # the largest side a JPEG can have
MAX_IMAGE_PIXELS = 100_000_000  # more is a mistake or a decompression bomb
QUALITY_SIDE_PX = 256  # sharpness depends on the scale: one scale for all cameras
_LEVELS = np.arange(256, dtype=np.float64)

# What Pillow's JPEG and PNG readers raise on damaged bytes, seen by fuzzing them.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
JPEG_MAGIC = b"\xff\xd8\xff"
_COLOURS_SIDE_PX = 48  # of the pixels that the hue is taken of


@dataclass(frozen=True)
class ImageQuality:
    """How an image looks; all but `file_bytes` and `noise` do not depend on its size.

    Attributes:
        brightness: mean grey level, 0..255.
        contrast: standard deviation of the grey level, 0..127.5.
        sharpness: log1p of the variance of the Laplacian of the grey levels, 0 for a flat image.
        red_cast: ln(mean red / mean green), 0 for a grey image.
        blue_cast: ln(mean blue / mean green).
        hue: of its most coloured things, 0..1 of the circle from red over green and blue; NaN for a grey image.
        noise: standard deviation of the noise of single pixels, in grey levels of the image as it was decoded.
        look: what is in it at all.
        file_bytes: size of the file.
        hash_bits: [256] bool, perceptual hash: nearly equal for copies that were re-encoded, resized or re-lit.
        thumbnail: [64, 64] uint8, grey, squeezed into a square; the hash is of it.
    """

    brightness: float
    contrast: float
    sharpness: float
    red_cast: float
    blue_cast: float
    hue: float
    noise: float
    look: Look
    file_bytes: int
    hash_bits: np.ndarray = field(repr=False)
    thumbnail: np.ndarray = field(repr=False)


def image_features(quality: ImageQuality) -> dict[str, float]:
    """The figures under the keys of `ratchet.schemas.data.features`; NaN for what an image does not have."""
    return {
        features.QA_BRIGHTNESS: quality.brightness,
        features.QA_CONTRAST: quality.contrast,
        features.QA_SHARPNESS: quality.sharpness,
        features.QA_RED_CAST: quality.red_cast,
        features.QA_BLUE_CAST: quality.blue_cast,
        features.QA_HUE: quality.hue,
        features.QA_NOISE: quality.noise,
        features.QA_LOG_FILE_SIZE: math.log(quality.file_bytes),
    }


def image_quality(encoded: bytes, source: str) -> ImageQuality:
    """Decodes an image file once, to its last row, and measures it.

    Args:
        encoded: a JPEG or PNG.
        source: what to call it in messages.

    Raises:
        DataError: not a JPEG or PNG, too many pixels, truncated or damaged.
    """
    return quality_of(open_image(io.BytesIO(encoded), source), encoded, source)


def open_image(file: IO[bytes], where: str) -> Image.Image:
    """Reads the header of an image file; nothing after it is read, and nothing decoded, before `quality_of`.

    Args:
        file: open at the start of the image.
        where: what to call it in messages.

    Raises:
        DataError: not a JPEG or PNG, damaged in its header, or larger than allowed.
    """
    start = file.read(len(PNG_MAGIC))
    # Not Image.open: its warning about large images cannot be silenced in threads, and it tries other formats.
    if start.startswith(JPEG_MAGIC):
        reader = JpegImagePlugin.JpegImageFile
    elif start == PNG_MAGIC:
        reader = PngImagePlugin.PngImageFile
    else:
        begins = f"its first bytes are {start!r}" if start else "it is empty"
        raise DataError(f"{where}: not a JPEG or PNG file, {begins}; deliver the image in one of these formats")
    file.seek(0)
    try:
        image = reader(file)
    except DAMAGE as error:
        raise DataError(f"{where}: truncated or damaged in its header ({error}); copy the file again") from error
    check_size(image.width, image.height, where)
    return image


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


def quality_of(image: Image.Image, encoded: bytes, where: str) -> ImageQuality:
    """Decodes and measures what `open_image` opened, with its longer side reduced to 256 px.

    Args:
        image: of `open_image`.
        encoded: its file.
        where: what to call it in messages.

    Raises:
        DataError: truncated or damaged, or nothing that TensorFlow reads.
    """
    is_png = isinstance(image, PngImagePlugin.PngImageFile)
    if is_png:
        check_png(encoded, where)
    else:
        check_jpeg(image, where)
    shrink = min(1.0, QUALITY_SIDE_PX / max(image.size))
    size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
    # Coarse steps by the JPEG decoder, which still reads all of the data, and the last one by the filter.
    image.draft(None if stores_rgb(image) else "YCbCr", (2 * size[0], 2 * size[1]))
    try:
        image.load()
    except DAMAGE as error:
        raise DataError(f"{where}: truncated or damaged ({error}); copy the file again") from error
    if is_png:
        check_last_row(image, encoded, where)
    else:
        check_jpeg_end(encoded, where)
    grey_image, (red, green, blue) = _grey_and_colours(image)
    # Bicubic: a box filter makes the sharpness of one picture differ by up to 15 % between resolutions, this by 3 %.
    small = grey_image.resize(size, Image.Resampling.BICUBIC)
    levels = np.asarray(small)  # [h, w] uint8
    thumbnail = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    counts = np.array(small.histogram())
    brightness, contrast = _mean_and_deviation(counts)
    return ImageQuality(
        brightness=brightness,
        contrast=contrast,
        sharpness=float(np.log1p(_variance(_laplacian(levels)))),
        red_cast=float(np.log((red + 1) / (green + 1))),  # + 1 level: black has no colour
        blue_cast=float(np.log((blue + 1) / (green + 1))),
        hue=_hue(image),
        noise=noise(np.asarray(grey_image)),
        look=look_of(levels, counts, deep=is_png and encoded[24] == 16),
        file_bytes=len(encoded),
        hash_bits=hash_bits(thumbnail),
        thumbnail=thumbnail,
    )


def _hue(image: Image.Image) -> float:
    if image.mode.startswith("I") or image.mode in ("L", "1", "LA"):
        return float("nan")
    side = _COLOURS_SIDE_PX / max(image.size)
    size = (max(1, round(image.width * side)), max(1, round(image.height * side)))
    # Single pixels: means would mix the colours of neighbouring things.
    return hue(np.asarray(image.resize(size, Image.Resampling.NEAREST).convert("RGB")))


def _grey_and_colours(image: Image.Image) -> tuple[Image.Image, tuple[float, float, float]]:
    """The image in grey levels, and its mean red, green and blue, 0..255."""
    if image.mode.startswith("I"):  # 16 bits a pixel: convert("L") would clip, TensorFlow keeps the high byte
        grey = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
        return grey, (1.0, 1.0, 1.0)
    if image.mode in ("L", "1", "LA"):
        return image.convert("L"), (1.0, 1.0, 1.0)
    if image.mode == "YCbCr":  # what draft() left; conversion is linear, so that the means are enough
        y, cb, cr = _means(image)
        return image.getchannel(0), _rgb(y, cb - 128, cr - 128)
    colours = image.convert("RGB")
    red, green, blue = _means(colours)
    return colours.convert("L"), (red, green, blue)


def _rgb(y: float, cb: float, cr: float) -> tuple[float, float, float]:
    """JFIF's conversion (ITU-T T.871, clause 7), for mean values."""
    return max(0.0, y + 1.402 * cr), max(0.0, y - 0.344136 * cb - 0.714136 * cr), max(0.0, y + 1.772 * cb)


# Whole numbers are summed without rounding, whatever the order, and faster than an array of floats is made of them.


def _means(image: Image.Image) -> tuple[float, ...]:
    """The mean of each channel of 8 bits."""
    counts = np.array(image.histogram()).reshape(-1, len(_LEVELS))  # [channels, 256]
    return tuple((counts @ _LEVELS / (image.width * image.height)).tolist())


def _mean_and_deviation(counts: np.ndarray) -> tuple[float, float]:
    """Of grey levels, of which there are so many pixels [256]."""
    mean = float(counts @ _LEVELS / counts.sum())
    return mean, math.sqrt(counts @ (_LEVELS - mean) ** 2 / counts.sum())


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """The 4-neighbour Laplacian of the inner pixels, [h, w] uint8 -> [h - 2, w - 2] int16; [1, 1] of 0 without any."""
    if min(grey.shape) < 3:
        return np.zeros((1, 1), np.int16)
    levels = grey.astype(np.int16)
    bent = levels[:-2, 1:-1] + levels[2:, 1:-1]
    bent += levels[1:-1, :-2]
    bent += levels[1:-1, 2:]
    bent -= 4 * levels[1:-1, 1:-1]
    return bent


def _variance(numbers: np.ndarray) -> float:
    """Of whole numbers of at most 16 bits."""
    values = numbers.astype(np.int32)
    mean = int(values.sum()) / values.size
    return int(np.square(values).sum()) / values.size - mean**2
