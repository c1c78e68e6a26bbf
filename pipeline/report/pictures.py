"""Thumbnails of the images that a report shows, from a directory that somebody named; the files may be anybody's."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from ratchet.components.example_gen.file_names import is_plain_path
from ratchet.components.imaging.drawing import JPEG_QUALITY, scaled
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, refuse_irregular

THUMBNAIL_PX = 480
# Of those that Pillow knows, the ones that are decoded without another program.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP")
_ORIENTATION = 0x0112  # tag of EXIF
_TURNED = range(5, 9)  # its values that exchange width and height


class Pictures:
    """Reads images when they are asked for, and remembers what could not be read.

    Attributes:
        unseen: why there is no picture, by file name.
        sizes_px: width and height of the files that were read, by file name.
    """

    def __init__(self, directory: Path | None) -> None:
        """Makes sure that a directory is one.

        Args:
            directory: what file names are relative to; None where no picture is wanted.

        Raises:
            InputError: it is none.
        """
        if directory is not None and not directory.is_dir():
            what = "is no directory" if os.path.lexists(directory) else "there is no such directory"
            raise InputError(f"--images {directory}: {what}; give the one that the images' file names are relative to")
        self.directory = directory
        self.unseen: dict[str, str] = {}
        self.sizes_px: dict[str, tuple[int, int]] = {}
        self._expected: Mapping[str, Sequence[float]] = {}

    def check(self, sizes_px: Mapping[str, Sequence[float]]) -> None:
        """Makes sure that the directory holds at least one image, and remembers how large the images should be.

        Args:
            sizes_px: by file name, empty where the ground truth does not say one, width and height of all images; NaN
                where it does not say them. Images of another shape are not shown.

        Raises:
            InputError: it holds none of them.
        """
        if self.directory is None:
            return
        self._expected = sizes_px
        example = None
        for name in filter(None, sizes_px):
            if is_plain_path(name) and (self.directory / name).is_file():
                return
            example = example or name
        if example is None:
            raise InputError(
                f"--images {self.directory}: the ground truth names no image files; give file_name in its images[], "
                "or leave --images out"
            )
        raise InputError(
            f"--images {self.directory}: holds none of the images that the ground truth names, such as {example!r}; "
            "give the directory that these file names are relative to"
        )

    def __call__(self, names: Sequence[str]) -> dict[str, bytes]:
        """JPEG thumbnails of those that can be read, by file name."""
        return {name: jpeg for name in names if (jpeg := self._read(name)) is not None}

    def address(self, name: str) -> str:
        """Where the file of a picture that was read lies, as an address."""
        return "" if self.directory is None else (self.directory / name).resolve().as_uri()

    def _read(self, name: str) -> bytes | None:
        if self.directory is None:
            return None
        if not is_plain_path(name):
            self.unseen[name] = "no plain path below the directory of --images"
            return None
        try:
            return self._thumbnail(name, self.directory / name)
        except FileNotFoundError:
            self.unseen[name] = "no such file in the directory of --images"
        except Image.DecompressionBombError as error:
            self.unseen[name] = _too_large(error)
        except Exception as error:  # Pillow's readers raise errors of every kind for damaged files
            self.unseen[name] = f"cannot be read: {reason_of(error)}"
        return None

    def _thumbnail(self, name: str, path: Path) -> bytes | None:
        refuse_irregular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # not yet too large
            with Image.open(path, formats=_FORMATS) as image:
                expected = self._expected.get(name, ())
                picture = _as_annotated(image, expected)
                if not _is_alike(picture.size, expected):
                    self.unseen[name] = _otherwise(image, expected)
                    return None
                self.sizes_px[name] = picture.size
                thumbnail = scaled(picture, THUMBNAIL_PX)
        buffer = io.BytesIO()
        thumbnail.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
        return buffer.getvalue()


def _is_alike(size_px: Sequence[float], expected_px: Sequence[float]) -> bool:
    """Whether two sizes are of one shape but for a pixel by which the smaller was rounded; an unknown one is of any."""
    if not expected_px or not all(side > 0 for side in expected_px):
        return True
    (width, height), (wide, high) = size_px, expected_px
    return abs(width * high - height * wide) <= max(width + height, wide + high)


def _as_annotated(image: Image.Image, expected_px: Sequence[float]) -> Image.Image:
    """The picture that the ground truth is of: turned upright where only then it has the size that is said."""
    if _is_alike(image.size, expected_px) or not _is_alike((image.height, image.width), expected_px):
        return image
    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION) in _TURNED else image


def _otherwise(image: Image.Image, expected_px: Sequence[float]) -> str:
    return f"is {image.width}x{image.height}, the ground truth says {expected_px[0]:.0f}x{expected_px[1]:.0f}"


def _too_large(error: Image.DecompressionBombError) -> str:
    pixels = re.search(r"\d+", str(error))  # the size itself is not given away
    return f"too large to show ({round(int(pixels[0]) / 1e6):,} megapixels)" if pixels else "too large to show"
