"""Delivered image files: are they what the annotation says."""

from __future__ import annotations

import io

from PIL import Image

from components.imaging.quality import ImageQuality, measure, open_image
from schemas.base.errors import DataError
from schemas.data.records import ImageRecord

_EXIF_ORIENTATION = 0x0112


def inspect_image(encoded: bytes, record: ImageRecord, source: str) -> ImageQuality:
    """Makes sure that a file is the image which the record describes, and measures it; decodes it once.

    The stored size counts: TensorFlow does not apply EXIF orientation, so neither may the annotation.

    Args:
        encoded: the content of the file.
        record: its annotation.
        source: the path of the file, for messages.

    Raises:
        DataError: not a JPEG or PNG, too many pixels, another size than annotated, truncated or damaged.
    """
    where = f"{source} (image {record.image_id})"
    image = open_image(io.BytesIO(encoded), where)
    if image.size != (record.width_px, record.height_px):
        raise DataError(
            f"{where}: the file has {image.width}x{image.height} px, the annotation says "
            f"{record.width_px}x{record.height_px}{_rotation_hint(image, record)}; correct one of them"
        )
    return measure(image, encoded, where)


def _rotation_hint(image: Image.Image, record: ImageRecord) -> str:
    if (image.height, image.width) != (record.width_px, record.height_px):
        return ""
    if image.getexif().get(_EXIF_ORIENTATION, 1) == 1:
        return " (width and height swapped)"
    return " (width and height swapped by an EXIF orientation, which TensorFlow ignores: store the pixels rotated)"
