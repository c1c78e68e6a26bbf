"""Sizes and orientations of pictures by their headers, for annotations that do not give the sizes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ratchet.components.example_gen.file_names import unreadable
from ratchet.components.example_gen.labelled import FileOrientation
from ratchet.components.imaging.orientation import UPRIGHT, orientation_in
from ratchet.components.imaging.quality import open_image
from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.base.files import Files, refuse_irregular
from ratchet.schemas.base.progress import Progress

_THREADS = 8  # headers are small and object stores slow


class ImageHeader(NamedTuple):
    """What the beginning of an image file says.

    Attributes:
        size_px: width and height of the stored pixels.
        orientation: EXIF orientation, 1..8.
    """

    size_px: tuple[int, int]
    orientation: int


def orientations_of(said: Sequence[ImageHeader | None]) -> list[FileOrientation]:
    """Of images whose size is that of a header, and of those, None, which were not opened."""
    return [
        FileOrientation(header.orientation if header else UPRIGHT, gives_size=header is not None) for header in said
    ]


def headers_where_unsaid(
    paths: Sequence[str], said: Sequence[tuple[int, int] | None], files: Files
) -> list[ImageHeader | None]:
    """The header of each picture whose size is not said, and None of the others.

    Raises:
        DataError: one of them is no picture.
    """
    problems = Problems()
    found = iter(read_headers([path for path, size in zip(paths, said) if size is None], files, problems))
    problems.raise_if_any()
    return [next(found) if size is None else None for size in said]


def sizes_said_or_read(
    said: Sequence[tuple[int, int] | None], headers: Sequence[ImageHeader | None]
) -> list[tuple[int, int]]:
    """Width and height of each picture, as it is said, else of its header."""
    sizes = (header.size_px if header else size for size, header in zip(said, headers))
    return [size for size in sizes if size is not None]


def read_headers(paths: Sequence[str], files: Files, problems: Problems) -> list[ImageHeader]:
    """The headers of pictures.

    Args:
        paths: of the pictures.
        files: the file system.
        problems: is told of what is no picture.

    Returns:
        In the order of `paths`, without those that are none.
    """

    def header(path: str) -> ImageHeader | DataError:
        try:
            refuse_irregular(path)
            with files.open(path, "rb") as file:
                return ImageHeader(open_image(file, path).size, orientation_in(file))
        except DataError as error:
            return error
        except StateError as error:  # of an object store; it says what to do
            return DataError(str(error))
        except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
            return unreadable(error, path, files, path)

    headers: list[ImageHeader] = []
    progress = Progress("reading headers of images", len(paths), only_if_long=True)
    with ThreadPoolExecutor(_THREADS) as pool:
        each = ahead(header, paths) if files is OBJECT_FILES else pool.map(header, paths)
        for number, found in enumerate(each, 1):
            progress.update(number)
            if isinstance(found, DataError):
                problems.add(str(found))
            else:
                headers.append(found)
    return headers
