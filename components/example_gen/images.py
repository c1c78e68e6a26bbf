"""Delivered image files: can they be decoded, are they what the annotation says, how do they look."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field

import imagehash
import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from components.example_gen.coco import MAX_IMAGE_PIXELS
from schemas.errors import DataError
from schemas.records import ImageRecord

QUALITY_SIDE_PX = 256  # sharpness depends on the scale: one scale for all cameras

HASH_SIDE = 16  # 256 bits: 64 do not tell two pictures of one scene from a copy

# What Pillow's JPEG and PNG readers raise on damaged bytes, seen by fuzzing them.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
_JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class ImageQuality:
    """How an image looks, independent of its size.

    Attributes:
        brightness: mean grey level, 0..255.
        contrast: standard deviation of the grey level, 0..127.5.
        sharpness: log1p of the variance of the Laplacian of the grey levels, 0 for a flat image.
        hash_bits: [256] bool, perceptual hash: nearly equal for copies that were re-encoded, resized or re-lit.
    """

    brightness: float
    contrast: float
    sharpness: float
    hash_bits: np.ndarray = field(repr=False)


def check_image(encoded: bytes, record: ImageRecord, source: str) -> None:
    """Makes sure that a file is the image which the record describes and decodes to its last row.

    The stored size counts: TensorFlow does not apply EXIF orientation, so neither may the annotation.

    Args:
        encoded: the content of the file.
        record: its annotation.
        source: the path of the file, for messages.

    Raises:
        DataError: not a JPEG or PNG, too many pixels, another size than annotated, truncated or damaged.
    """
    where = f"{source} (image {record.image_id})"
    image = _open(encoded, where)
    if image.width * image.height > MAX_IMAGE_PIXELS:
        raise DataError(
            f"{where}: {image.width}x{image.height} is {image.width * image.height} pixels, allowed are "
            f"{MAX_IMAGE_PIXELS}; deliver a smaller image"
        )
    if image.size != (record.width_px, record.height_px):
        raise DataError(
            f"{where}: the file has {image.width}x{image.height} px, the annotation says "
            f"{record.width_px}x{record.height_px}{_rotation_hint(image, record)}; correct one of them"
        )
    image.draft("L", (1, 1))  # all of the data is read, but only an eighth of the pixels is computed
    _load(image, where)
    if isinstance(image, PngImagePlugin.PngImageFile) and _PNG_END not in encoded:
        raise DataError(f"{where}: truncated: its end mark is missing; copy the file again")


def image_quality(encoded: bytes) -> ImageQuality:
    """Measures brightness, contrast, sharpness and hash on the grey image, its longer side reduced to 256 px.

    Args:
        encoded: a JPEG or PNG.

    Returns:
        The figures; smaller images are measured at their own size.

    Raises:
        DataError: the image cannot be decoded.
    """
    image = _open(encoded, "image")
    shrink = min(1.0, QUALITY_SIDE_PX / max(image.size))
    size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
    image.draft("L", (2 * size[0], 2 * size[1]))  # coarse steps by the JPEG decoder, the last by the filter
    _load(image, "image")
    # Bicubic: a box filter makes the sharpness of one picture differ by up to 15 % between resolutions, this by 3 %.
    small = _to_grey(image).resize(size, Image.Resampling.BICUBIC)
    grey = np.asarray(small, np.float64)  # [h, w]
    return ImageQuality(
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        sharpness=float(np.log1p(_laplacian(grey).var())),
        hash_bits=imagehash.phash(small, hash_size=HASH_SIDE).hash.ravel(),
    )


def _open(encoded: bytes, where: str) -> Image.Image:
    # Not Image.open: its warning about large images cannot be silenced in threads, and it tries other formats.
    if encoded.startswith(_JPEG_MAGIC):
        reader = JpegImagePlugin.JpegImageFile
    elif encoded.startswith(_PNG_MAGIC):
        reader = PngImagePlugin.PngImageFile
    else:
        start = f"its first bytes are {encoded[:8]!r}" if encoded else "it is empty"
        raise DataError(f"{where}: not a JPEG or PNG file, {start}; deliver the image in one of these formats")
    try:
        return reader(io.BytesIO(encoded))
    except _DAMAGE as error:
        raise DataError(f"{where}: truncated or damaged in its header ({error}); copy the file again") from error


def _load(image: Image.Image, where: str) -> None:
    try:
        image.load()
    except _DAMAGE as error:
        raise DataError(f"{where}: truncated or damaged ({error}); copy the file again") from error


def _rotation_hint(image: Image.Image, record: ImageRecord) -> str:
    if (image.height, image.width) != (record.width_px, record.height_px):
        return ""
    if image.getexif().get(_EXIF_ORIENTATION, 1) == 1:
        return " (width and height swapped)"
    return " (width and height swapped by an EXIF orientation, which TensorFlow ignores: store the pixels rotated)"


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel: convert("L") would clip, TensorFlow keeps the high byte
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    return image.convert("L")


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """The 4-neighbour Laplacian of the inner pixels, [h, w] -> [h - 2, w - 2]; [1, 1] of 0 for smaller images."""
    if min(grey.shape) < 3:
        return np.zeros((1, 1))
    neighbours = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return neighbours - 4 * grey[1:-1, 1:-1]
