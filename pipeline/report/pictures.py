"""Thumbnails of the images that a report shows, from a directory that somebody named; the files may be anybody's."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from ratchet.components.example_gen.file_names import is_plain_path
from ratchet.components.imaging.drawing import JPEG_QUALITY, with_boxes
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, refuse_irregular

THUMBNAIL_PX = 480
# Of those that Pillow knows, the ones that are decoded without another program.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP")


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

    def check(self, names: Iterable[str]) -> None:
        """Makes sure that the directory holds at least one image.

        Args:
            names: file names of all images, empty where the ground truth does not say one.

        Raises:
            InputError: it holds none of them.
        """
        if self.directory is None:
            return
        example = None
        for name in filter(None, names):
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

    def _read(self, name: str) -> bytes | None:
        if self.directory is None:
            return None
        if not is_plain_path(name):
            self.unseen[name] = "no plain path below the directory of --images"
            return None
        path = self.directory / name
        try:
            refuse_irregular(path)
            with Image.open(path, formats=_FORMATS) as image:
                self.sizes_px[name] = image.size
                thumbnail = with_boxes(image, [], THUMBNAIL_PX)
        except FileNotFoundError:
            self.unseen[name] = "no such file in the directory of --images"
            return None
        except Exception as error:  # Pillow's readers raise errors of every kind for damaged files
            self.unseen[name] = f"cannot be read: {reason_of(error)}"
            return None
        buffer = io.BytesIO()
        thumbnail.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
        return buffer.getvalue()
