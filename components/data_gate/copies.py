"""Copies: of golden images in the span, and of the span's own images; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.components.imaging.copies import Copy, Originals, find_copies, find_repeats
from ratchet.schemas.data.looks import Looks


@dataclass(frozen=True)
class Copies:
    """Images that show the same as another one.

    Attributes:
        pairs: (image id, id of the image that it copies).
        images: how many images were looked at.
        how: by the id of a copy, what was done to it: `mirrored, cropped to 90 %`; of those that it says something of.
        doubtful: ids of copies that may be other photographs of the same scene.
    """

    pairs: tuple[tuple[int, int], ...]
    images: int
    how: Mapping[int, str] = field(default_factory=dict)
    doubtful: frozenset[int] = frozenset()

    @classmethod
    def of(cls, images: Looks, others: Looks, copies: Sequence[Copy]) -> Copies:
        """Rows told as ids; the same files first, then those that were changed least, the doubtful last."""
        ids, other_ids = images.prints.image_ids.tolist(), others.prints.image_ids.tolist()
        order = sorted(copies, key=lambda copy: (not copy.is_certain, not copy.is_file, len(copy.how), copy.row))
        pairs = tuple((ids[copy.row], other_ids[copy.other]) for copy in order)
        how = {ids[copy.row]: copy.how for copy in copies if copy.how}
        return cls(pairs, len(ids), how, frozenset(ids[copy.row] for copy in copies if not copy.is_certain))

    def told(self, image: int, other: int, what: str) -> str:
        """What an image is in words: a copy of another one, or perhaps one."""
        return f"{'perhaps ' if image in self.doubtful else ''}a copy of {what} {other}"


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
    def find(cls, span: Looks, golden: Looks) -> SpanCopies:
        """Looks for both."""
        return cls(
            Copies.of(span, golden, find_copies(span, Originals(golden))), Copies.of(span, span, find_repeats(span))
        )

    @classmethod
    def none(cls) -> SpanCopies:
        """Where they are not looked for."""
        return cls(Copies((), 0), Copies((), 0))

    @property
    def captions(self) -> dict[int, str]:
        """What each image of the span is, by its id; that it is a golden one counts most."""
        originals = {other: f"image {image} is a copy of it" for image, other in self.repeated.pairs}
        copies = {image: f"a copy of image {other}" for image, other in self.repeated.pairs}
        return (
            originals
            | copies
            | {image: self.leaked.told(image, other, "golden image") for image, other in self.leaked.pairs}
        )

    def worst(self, most: int) -> set[int]:
        """Ids of the images of the span in the closest pairs of each kind."""
        leaks = (image for image, _ in self.leaked.pairs[:most])
        return {*leaks, *(image for pair in self.repeated.pairs[:most] for image in pair)}

    def worst_golden(self, most: int) -> set[int]:
        """Ids of the golden images in the closest pairs."""
        return {golden for _, golden in self.leaked.pairs[:most]}
