"""Copies: of golden images in the span, and of the span's own images; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.data.fingerprints import Fingerprints, nearest


@dataclass(frozen=True)
class Copies:
    """Images that show the same as another one.

    Attributes:
        pairs: (image id, id of the image that it copies), the closest first.
        images: how many images were looked at.
    """

    pairs: tuple[tuple[int, int], ...]
    images: int


def leaked(span: Fingerprints, golden: Fingerprints, max_bits: int) -> Copies:
    """Images of the span that are copies of golden ones.

    Args:
        span: all its images.
        golden: the golden set.
        max_bits: hashes that differ in at most this many bits are copies.
    """
    return _copies(span, golden, *nearest(span, golden), max_bits)


def repeated(span: Fingerprints, max_bits: int) -> Copies:
    """Images of the span that are copies of earlier ones in it."""
    return _copies(span, span, *nearest(span, span, earlier_only=True), max_bits)


def _copies(images: Fingerprints, others: Fingerprints, rows: np.ndarray, bits: np.ndarray, max_bits: int) -> Copies:
    order = np.argsort(bits, kind="stable")
    order = order[bits[order] <= max_bits]
    pairs = zip(images.image_ids[order].tolist(), others.image_ids[rows[order]].tolist())
    return Copies(tuple(pairs), len(images.image_ids))
