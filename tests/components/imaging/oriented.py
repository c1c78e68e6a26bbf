"""Pictures with a red rectangle whose pixels are stored turned, with the EXIF orientation that makes them upright."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

UPRIGHT_PX = (96, 64)  # width and height of the picture as a person sees it
RED_XYWH_PX = (8, 16, 40, 24)  # on it; edges of a JPEG's blocks, so that no pixel of it is in between
ORIENTATIONS = tuple(range(1, 9))

# What undoes an orientation; a turn to one side is undone by that to the other.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright_picture(size: tuple[int, int] = UPRIGHT_PX) -> Image.Image:
    """What a person sees."""
    image = Image.new("RGB", size, (250, 250, 250))
    draw = ImageDraw.Draw(image)
    x, y, width, height = RED_XYWH_PX
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=(255, 0, 0))
    draw.rectangle((size[0] - 16, size[1] - 8, size[0] - 1, size[1] - 1), fill=(0, 0, 200))  # no turn looks alike
    return image


def stored(orientation: int, image: Image.Image | None = None, form: str = "JPEG", **options: Any) -> bytes:
    """The file of a picture, by default `upright_picture`, with its pixels turned away and the tag that turns them."""
    image = upright_picture() if image is None else image
    turned = image.transpose(_UNDO[orientation]) if orientation in _UNDO else image
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a picture"
    written = io.BytesIO()
    if form == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    turned.save(written, form, exif=exif, **options)
    return written.getvalue()


def decoded(encoded: bytes) -> Image.Image:
    """The pixels as they are stored: no reader that ignores EXIF sees others."""
    image = Image.open(io.BytesIO(encoded))
    image.load()
    return image


def red_xywh_px(encoded: bytes) -> list[float]:
    """The rectangle around the red pixels, as they are stored."""
    pixels = np.asarray(decoded(encoded).convert("RGB")).astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 180) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90))
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return [float(value) for value in (left, top, right - left, bottom - top)]
