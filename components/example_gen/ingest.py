"""One delivered image file -> the file that is kept, checked and measured: turned upright where that is asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ratchet.components.example_gen.dataset import inspect_image
from ratchet.components.example_gen.orientations import Oriented, OrientedImageError
from ratchet.components.imaging.orientation import UPRIGHT, stored_orientation, upright_size
from ratchet.components.imaging.quality import ImageQuality, open_image, quality_of
from ratchet.components.imaging.upright import turned_upright
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.exif import IGNORE, REFUSE, Exif
from ratchet.schemas.data.records import ImageRecord


@dataclass(frozen=True)
class Ingested:
    """An image as it is kept.

    Attributes:
        encoded: its file: as it was delivered, or turned upright.
        quality: how that looks.
        orientation: of the file as it was delivered, 1..8.
    """

    encoded: bytes
    quality: ImageQuality
    orientation: int


def ingest(encoded: bytes, record: ImageRecord, source: str, exif: Exif) -> Ingested:
    """Makes sure that a file is the image which the record describes, turns it if need be, and measures it.

    Args:
        encoded: the content of the file.
        record: its annotation; upright where orientations are applied.
        source: the path of the file, for messages.
        exif: what is done about an orientation other than 1.

    Raises:
        OrientedImageError: the orientation is not 1, and is refused.
        DataError: see `inspect_image`; or an orientation is applied, and the annotation is of the stored pixels.
    """
    orientation = stored_orientation(encoded)
    if orientation == UPRIGHT or exif == IGNORE:
        return Ingested(encoded, inspect_image(encoded, record, source), orientation)
    where = f"{source} (image {record.image_id})"
    image = open_image(io.BytesIO(encoded), where)
    annotated = (record.width_px, record.height_px)
    if exif == REFUSE:
        raise OrientedImageError(Oriented.of(record.file_name, orientation, image.size, annotated))
    _check_upright(image.size, orientation, annotated, where)
    quality_of(image, encoded, where)  # damage that Pillow passes over could not be seen after turning
    turned = turned_upright(encoded, where)
    return Ingested(turned, inspect_image(turned, record, source), orientation)


def _check_upright(stored: tuple[int, int], orientation: int, annotated: tuple[int, int], where: str) -> None:
    width, height = upright_size(stored, orientation)
    if annotated == stored != (width, height):
        raise DataError(
            f"{where}: the annotation says {annotated[0]}x{annotated[1]} px, the size of the stored pixels, but with "
            f"data.exif: apply boxes are on the upright picture of {width}x{height} px (EXIF orientation "
            f"{orientation}); export the annotations with the sizes of upright pictures, or take data.exif: ignore if "
            "the boxes were drawn on the stored pixels"
        )
