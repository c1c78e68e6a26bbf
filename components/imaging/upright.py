"""Pixels turned as an EXIF orientation says, so that whoever reads the file without EXIF sees the upright picture.

A PNG loses nothing. A JPEG is encoded again with its own quantisation tables and sampling of colours: where its sides
are multiples of its blocks (16 px) the same numbers come out but for rounding, else it loses as much as when it was
first encoded.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, JpegImagePlugin, PngImagePlugin

from ratchet.components.imaging.decodable import stores_rgb
from ratchet.components.imaging.orientation import (
    UPRIGHT,
    exif_in,
    png_chunks,
    stored_orientation,
    swaps_sides,
)
from ratchet.components.imaging.quality import DAMAGE, open_image
from ratchet.schemas.base.errors import DataError

# What makes the stored pixels upright, by orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MOST_EXIF_BYTES = 65_000  # a JPEG's segment has no room for more
_COLOUR_CHUNKS = (b"cHRM", b"gAMA", b"sRGB")  # of a PNG, for viewers; TensorFlow does not look at them
_GREY, _COLOUR_TYPES_OF_PNG = 0, 25  # colour type grey; place of the colour type in a PNG
_DEPTH_OF_PNG = 24  # place of the bits a channel
_FULL_COLOUR, _QUALITY = 0, 95  # sampling 4:4:4; only where a file does not say its tables


def turned_upright(encoded: bytes, where: str) -> bytes:
    """An image file whose pixels are as its EXIF orientation wants them shown, and whose orientation is 1.

    Colour profile, comment and EXIF are kept; XMP, which may say an orientation of its own, and thumbnails are not.

    Args:
        encoded: a sound JPEG or PNG; one that is upright comes back as it is.
        where: what to call it in messages.

    Raises:
        DataError: it cannot be decoded, or is a PNG of 16 bits a colour, which would lose half of them.
    """
    orientation = stored_orientation(encoded)
    if orientation == UPRIGHT:
        return encoded
    image = open_image(io.BytesIO(encoded), where)
    if isinstance(image, PngImagePlugin.PngImageFile):
        _check_depth(encoded, where)
        options = _png_options(encoded)
    else:
        options = _jpeg_options(image, orientation)
    exif = exif_in(io.BytesIO(encoded))
    if exif is not None and len(exif.tiff) <= _MOST_EXIF_BYTES:
        options["exif"] = b"Exif\0\0" + exif.without_orientation()
    if image.info.get("icc_profile"):
        options["icc_profile"] = image.info["icc_profile"]
    written = io.BytesIO()
    try:
        image.transpose(_TURNS[orientation]).save(written, **options)
    except DAMAGE as error:
        raise DataError(f"{where}: cannot be turned upright ({error}); store it upright") from error
    return written.getvalue()


def _check_depth(encoded: bytes, where: str) -> None:
    if encoded[_DEPTH_OF_PNG] == 16 and encoded[_COLOUR_TYPES_OF_PNG] != _GREY:
        raise DataError(
            f"{where}: a PNG of 16 bits a colour with an EXIF orientation, which cannot be turned without loss here; "
            "store it upright, or with 8 bits"
        )


def _png_options(encoded: bytes) -> dict[str, Any]:
    kept = PngImagePlugin.PngInfo()
    for kind in _COLOUR_CHUNKS:
        for content in png_chunks(io.BytesIO(encoded), kind):
            kept.add(kind, content)
    return {"format": "PNG", "pnginfo": kept}


def _jpeg_options(image: Image.Image, orientation: int) -> dict[str, Any]:
    """How to encode a JPEG as it was, turned."""
    options: dict[str, Any] = {"format": "JPEG", "subsampling": _sampling(image, orientation)}
    options["progressive"] = "progressive" in image.info
    options["keep_rgb"] = stores_rgb(image)
    tables = _tables(image, orientation)
    return options | ({"qtables": tables} if tables else {"quality": _QUALITY})


def _sampling(image: Image.Image, orientation: int) -> int:
    """Of the colours; where it is not the same along both sides, a turned picture has them in full."""
    stored = JpegImagePlugin.get_sampling(image)
    if stored < 0 or (stored == 1 and swaps_sides(orientation)):
        return _FULL_COLOUR
    return stored


def _tables(image: Image.Image, orientation: int) -> list[list[int]]:
    """The quantisation table of each channel, with rows and columns exchanged as those of the picture."""
    known, layers = getattr(image, "quantization", {}), getattr(image, "layer", [])
    tables = [list(known.get(layer[3], ())) for layer in layers]
    if not tables or any(len(table) != 64 for table in tables):
        return []
    if swaps_sides(orientation):
        tables = [[table[place % 8 * 8 + place // 8] for place in range(64)] for table in tables]
    while len(tables) > 1 and tables[-1] == tables[-2]:  # the last one serves for all further channels
        tables.pop()
    return tables
