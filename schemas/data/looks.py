"""How the images of a split look, small: by which copies are told from pictures of one scene. `looks/NAME.npz`."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import check_arrays
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.records import ImageRecord

SIDE = 64  # px; as small as it may be with an object of 3 % of the width to be seen
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Looks:
    """Images as they look.

    Attributes:
        prints: their fingerprints, n of them.
        thumbnails: [n, 64, 64] uint8, grey, squeezed into a square.
        box_counts: [n] int64, boxes of each.
        boxes_xywh: [boxes, 4] float32 in units of the sides, 0..1, image after image.
    """

    prints: Fingerprints
    thumbnails: np.ndarray
    box_counts: np.ndarray
    boxes_xywh: np.ndarray

    def __len__(self) -> int:
        return len(self.thumbnails)

    def boxes(self, row: int) -> np.ndarray:
        """The boxes [n, 4] of an image."""
        end = int(self._ends[row])
        return self.boxes_xywh[end - int(self.box_counts[row]) : end]

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.box_counts)

    @classmethod
    def join(cls, parts: Sequence[Looks]) -> Looks:
        """All images of several parts."""
        return cls(
            prints=Fingerprints.join([part.prints for part in parts]),
            thumbnails=np.concatenate([np.empty((0, SIDE, SIDE), np.uint8), *(part.thumbnails for part in parts)]),
            box_counts=np.concatenate([np.empty(0, np.int64), *(part.box_counts for part in parts)]),
            boxes_xywh=np.concatenate([np.empty((0, 4), np.float32), *(part.boxes_xywh for part in parts)]),
        )

    def to_bytes(self) -> bytes:
        """The content of an .npz file, without the fingerprints, which lie in a file of their own."""
        file = io.BytesIO()
        np.savez(
            file,
            format=np.array(_FORMAT),
            image_ids=self.prints.image_ids,
            thumbnails=self.thumbnails,
            box_counts=self.box_counts,
            boxes_xywh=self.boxes_xywh,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, prints: Fingerprints, source: str) -> Looks:
        """The inverse of `to_bytes`.

        Args:
            content: of the file.
            prints: the fingerprints of the same images.
            source: the file's name in messages.

        Raises:
            StateError: not such a file, or one of other images.
        """
        try:
            arrays = np.load(io.BytesIO(content), allow_pickle=False)
            check_arrays(arrays, _FORMAT, source)
            if not np.array_equal(arrays["image_ids"], prints.image_ids):
                raise StateError(f"{source}: not of the images of the fingerprints beside it; restore both")
            return cls(prints, arrays["thumbnails"], arrays["box_counts"], arrays["boxes_xywh"])
        except (ValueError, KeyError, OSError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(f"{source}: not the looks of images ({error})") from error


def write_looks(
    file: IO[bytes],
    image_ids: Sequence[int],
    thumbnails: Iterable[bytes],
    box_counts: Sequence[int],
    boxes_xywh: Sequence[np.ndarray],
) -> None:
    """Writes what `Looks.from_bytes` reads; of the thumbnails only one is in memory.

    Args:
        file: to write to.
        image_ids: of n images.
        thumbnails: 64 x 64 bytes of each.
        box_counts: boxes of each.
        boxes_xywh: those of each, [boxes, 4] in units of the sides.
    """
    arrays = {
        "format": np.array(_FORMAT),
        "image_ids": np.array(image_ids, np.int64),
        "box_counts": np.array(box_counts, np.int64),
        "boxes_xywh": np.concatenate([np.empty((0, 4), np.float32), *boxes_xywh]),
    }
    with zipfile.ZipFile(file, "w") as whole:
        for name, array in arrays.items():
            with whole.open(f"{name}.npy", "w") as part:
                np.lib.format.write_array(part, array, allow_pickle=False)
        with whole.open("thumbnails.npy", "w", force_zip64=True) as part:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(image_ids), SIDE, SIDE)}
            np.lib.format.write_array_header_1_0(part, header)
            for pixels in thumbnails:
                part.write(pixels)


def relative_boxes(record: ImageRecord) -> np.ndarray:
    """The boxes [n, 4] of an image in units of its sides, 0..1, as float32."""
    sides = np.array([record.width_px, record.height_px] * 2, np.float64)
    return (record.truth.boxes_xywh_px.reshape(-1, 4) / sides).astype(np.float32)
