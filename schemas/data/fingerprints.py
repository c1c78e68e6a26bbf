"""Perceptual fingerprints: which images are copies of each other although their bytes differ.

Format of the text files: one image a line, `<image id> <64 hex digits of the hash> <48 of file and labels>`; lines of
an older version lack the last part.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import check_arrays

BITS = 256
FILE_BYTES, CONTENT_BYTES = 16, 24
_FORMAT = 1  # of the .npz file; before it had a number, it was the same
_CHUNK_PAIRS = 4_000_000


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Images by what they show.

    Attributes:
        spans: [n] int64, the span an image came with; 0 for the golden set.
        image_ids: [n] int64, its id there.
        hashes: [n, 32] uint8, 256 bits of perceptual hash.
        contents: [n, 24] uint8, `ratchet.schemas.data.dataset.content_digest`: of the file (16) and of its
            labels (8); zeros where an older version wrote none.
    """

    spans: np.ndarray
    image_ids: np.ndarray
    hashes: np.ndarray
    contents: np.ndarray = field(default_factory=lambda: np.empty((0, CONTENT_BYTES), np.uint8))

    def __post_init__(self) -> None:
        if len(self.contents) != len(self.hashes):
            object.__setattr__(self, "contents", np.zeros((len(self.hashes), CONTENT_BYTES), np.uint8))

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def files(self) -> list[bytes | None]:
        """A digest of each image's file; None where it is not known."""
        return [row.tobytes() if row.any() else None for row in self.contents[:, :FILE_BYTES]]

    @property
    def labels(self) -> list[bytes]:
        """A digest of each image's labels."""
        return [row.tobytes() for row in self.contents[:, FILE_BYTES:]]

    @classmethod
    def parse(cls, lines: Iterable[str], span: int) -> Fingerprints:
        """Reads lines of the text format.

        >>> Fingerprints.parse(["7 " + "0f" * 32], span=1).image_ids
        array([7])
        """
        parts = [line.split() for line in lines]
        contents = [bytes.fromhex(more[0]) if more else bytes(CONTENT_BYTES) for _, _, *more in parts]
        return cls(
            spans=np.full(len(parts), span, dtype=np.int64),
            image_ids=np.array([int(part[0]) for part in parts], dtype=np.int64),
            hashes=np.frombuffer(bytes.fromhex("".join(part[1] for part in parts)), np.uint8).reshape(-1, BITS // 8),
            contents=np.frombuffer(b"".join(contents), np.uint8).reshape(-1, CONTENT_BYTES),
        )

    @classmethod
    def join(cls, parts: Sequence[Fingerprints]) -> Fingerprints:
        """All images of several parts."""
        return cls(
            spans=np.concatenate([np.empty(0, np.int64), *(part.spans for part in parts)]),
            image_ids=np.concatenate([np.empty(0, np.int64), *(part.image_ids for part in parts)]),
            hashes=np.concatenate([np.empty((0, BITS // 8), np.uint8), *(part.hashes for part in parts)]),
            contents=np.concatenate([np.empty((0, CONTENT_BYTES), np.uint8), *(part.contents for part in parts)]),
        )

    def take(self, rows: np.ndarray) -> Fingerprints:
        """Some of the images, by row or by truth."""
        return Fingerprints(self.spans[rows], self.image_ids[rows], self.hashes[rows], self.contents[rows])

    def distinct(self) -> Fingerprints:
        """Every image of every span once."""
        _, rows = np.unique(np.stack([self.spans, self.image_ids]), axis=1, return_index=True)
        return self.take(rows)

    def to_bytes(self) -> bytes:
        """The content of an .npz file."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            format=np.array(_FORMAT),
            spans=self.spans,
            image_ids=self.image_ids,
            hashes=self.hashes,
            contents=self.contents,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> Fingerprints:
        """The inverse of `to_bytes`.

        Raises:
            StateError: not such a file; `source` is its name in the message.
        """
        try:
            arrays = np.load(io.BytesIO(content), allow_pickle=False)
            check_arrays(arrays, _FORMAT, source)
            hashes = arrays["hashes"]
            none = np.zeros((len(hashes), CONTENT_BYTES), np.uint8)
            contents = arrays.get("contents", none)  # an older version wrote none
            return cls(arrays["spans"], arrays["image_ids"], hashes, contents)
        except (ValueError, KeyError, OSError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(f"{source}: not the fingerprints of training images ({error})") from error


def line_of(image_id: int, hash_bits: np.ndarray, content: bytes = b"") -> str:
    """One image in the text format.

    Args:
        image_id: its id.
        hash_bits: [256] bool.
        content: 24 bytes, `ratchet.schemas.data.dataset.content_digest`; empty if it is not known.
    """
    return f"{image_id} {np.packbits(hash_bits).tobytes().hex()} {content.hex()}".rstrip()


def nearest(images: Fingerprints, others: Fingerprints, earlier_only: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """For every image the most similar one of others; memory grows with images, not with pairs.

    Args:
        images: n of them.
        others: m of them.
        earlier_only: others are the same images, and only those in earlier rows count.

    Returns:
        Rows of others [n] int64, and bits that differ [n] int64; 257 where there is none to compare with.
    """
    rows = np.zeros(len(images.hashes), np.int64)
    bits = np.full(len(images.hashes), BITS + 1, np.int64)
    if not len(others.hashes):
        return rows, bits
    chunk = max(1, _CHUNK_PAIRS // len(others.hashes))
    signs = _signs(others.hashes)
    for start in range(0, len(images.hashes), chunk):
        distance = (BITS - _signs(images.hashes[start : start + chunk]) @ signs.T) / 2
        if earlier_only:
            own = np.arange(start, start + len(distance))
            distance[np.arange(len(others.hashes)) >= own[:, None]] = BITS + 1
        rows[start : start + chunk] = distance.argmin(axis=1)
        bits[start : start + chunk] = distance.min(axis=1)
    return rows, bits


def _signs(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1  # [n, 256]
