"""Small copies of images, over which a page lays its boxes; Pillow only."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

JPEG_QUALITY = 80


def thumbnail(encoded: bytes, longest_side_px: int) -> bytes:
    """A small copy of an image.

    Args:
        encoded: a JPEG or PNG; its EXIF orientation is ignored, as TensorFlow does.
        longest_side_px: of the copy; a smaller image is enlarged.

    Returns:
        A JPEG without metadata.
    """
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(encoded)) as image:
        scaled(image, longest_side_px).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def scaled(image: Image.Image, longest_side_px: int) -> Image.Image:
    """The same before it is encoded; `image` is as `Image.open` returned it."""
    scale = longest_side_px / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # The JPEG decoder takes most of the way to a thumbnail; asking for twice the size leaves the filter enough.
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    return _to_rgb(image).resize(size)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel: convert("RGB") would clip, TensorFlow keeps the high byte
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")
