"""Perceptual fingerprints: which images are copies of each other although their bytes differ.

Format of the text files: one image a line, `<image id> <64 hex digits>`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.base.errors import StateError
from schemas.base.persisted import check_arrays

BITS = 256
_FORMAT = 1  # of the .npz file; before it had a number, it was the same
_CHUNK_PAIRS = 4_000_000


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Images by what they show.

    Attributes:
        spans: [n] int64, the span an image came with; 0 for the golden set.
        image_ids: [n] int64, its id there.
        hashes: [n, 32] uint8, 256 bits of perceptual hash.
    """

    spans: np.ndarray
    image_ids: np.ndarray
    hashes: np.ndarray

    @classmethod
    def parse(cls, lines: Iterable[str], span: int) -> Fingerprints:
        """Reads lines of the text format.

        >>> Fingerprints.parse(["7 " + "0f" * 32], span=1).image_ids
        array([7])
        """
        pairs = [line.split() for line in lines]
        return cls(
            spans=np.full(len(pairs), span, dtype=np.int64),
            image_ids=np.array([int(image_id) for image_id, _ in pairs], dtype=np.int64),
            hashes=np.frombuffer(bytes.fromhex("".join(text for _, text in pairs)), np.uint8).reshape(-1, BITS // 8),
        )

    @classmethod
    def join(cls, parts: Sequence[Fingerprints]) -> Fingerprints:
        """All images of several parts."""
        return cls(
            spans=np.concatenate([np.empty(0, np.int64), *(part.spans for part in parts)]),
            image_ids=np.concatenate([np.empty(0, np.int64), *(part.image_ids for part in parts)]),
            hashes=np.concatenate([np.empty((0, BITS // 8), np.uint8), *(part.hashes for part in parts)]),
        )

    def distinct(self) -> Fingerprints:
        """Every image of every span once."""
        _, rows = np.unique(np.stack([self.spans, self.image_ids]), axis=1, return_index=True)
        return Fingerprints(self.spans[rows], self.image_ids[rows], self.hashes[rows])

    def to_bytes(self) -> bytes:
        """The content of an .npz file."""
        file = io.BytesIO()
        np.savez_compressed(
            file, format=np.array(_FORMAT), spans=self.spans, image_ids=self.image_ids, hashes=self.hashes
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
            return cls(arrays["spans"], arrays["image_ids"], arrays["hashes"])
        except (ValueError, KeyError, OSError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(f"{source}: not the fingerprints of training images ({error})") from error


def line_of(image_id: int, hash_bits: np.ndarray) -> str:
    """One image in the text format.

    Args:
        image_id: its id.
        hash_bits: [256] bool.
    """
    return f"{image_id} {np.packbits(hash_bits).tobytes().hex()}"


def near_duplicates(images: Fingerprints, others: Fingerprints, max_bits: int) -> list[tuple[int, int, int]]:
    """Pairs of images that show the same.

    Args:
        images: n of them.
        others: m of them.
        max_bits: pairs that differ in more bits than this are different images.

    Returns:
        (row in images, row in others, bits that differ), the closest pairs first.
    """
    chunk = max(1, _CHUNK_PAIRS // max(1, len(others.hashes)))
    signs = _signs(others.hashes)
    pairs: list[tuple[int, int, int]] = []
    for start in range(0, len(images.hashes), chunk):
        # Of vectors of +1 and -1 the product is the number of equal bits minus that of unequal ones.
        distance = (BITS - _signs(images.hashes[start : start + chunk]) @ signs.T) / 2
        rows, columns = np.nonzero(distance <= max_bits)
        pairs += zip((rows + start).tolist(), columns.tolist(), distance[rows, columns].astype(int).tolist())
    return sorted(pairs, key=lambda pair: pair[2])


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
