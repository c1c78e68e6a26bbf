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


@dataclass(frozen=True)
class SpanCopies:
    """Copies in a span.

    Attributes:
        leaked: images of the span that copy golden ones.
        repeated: images that copy others of the span.
    """

    leaked: Copies
    repeated: Copies

    @classmethod
    def find(cls, span: Fingerprints, golden: Fingerprints, max_bits: int) -> SpanCopies:
        """Looks for both; hashes that differ in at most `max_bits` bits are copies."""
        return cls(leaked(span, golden, max_bits), repeated(span, max_bits))

    @property
    def captions(self) -> dict[int, str]:
        """What each image of the span is, by its id; that it is a golden one counts most."""
        originals = {other: f"image {image} is a copy of it" for image, other in self.repeated.pairs}
        copies = {image: f"a copy of image {other}" for image, other in self.repeated.pairs}
        return originals | copies | {image: f"a copy of golden image {other}" for image, other in self.leaked.pairs}

    def worst(self, most: int) -> set[int]:
        """Ids of the images of the span in the closest pairs of each kind."""
        leaks = (image for image, _ in self.leaked.pairs[:most])
        return {*leaks, *(image for pair in self.repeated.pairs[:most] for image in pair)}


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
