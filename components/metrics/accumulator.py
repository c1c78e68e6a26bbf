"""Collects the matches of a data set part by part, in any order and on any number of machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from components.metrics.average_precision import DetectionMetrics, detection_metrics
from components.metrics.match_table import MatchTable, build_table, join
from components.metrics.matching import Matches
from components.metrics.packing import Packed, pack, unpack


@dataclass(eq=False)
class Accumulator:
    """The matches of a set of images; a plain value that can be pickled and sent elsewhere."""

    _parts: list[Matches] = field(default_factory=list, repr=False)

    @classmethod
    def create(cls) -> Accumulator:
        """An accumulator that holds no image."""
        return cls()

    @classmethod
    def merge(cls, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Join accumulators over different images into a new one; the given ones stay as they are.

        Args:
            accumulators: any number of them, in any order.

        Returns:
            A new accumulator over all their images.
        """
        return cls([part for accumulator in accumulators for part in accumulator._parts])

    def add(self, matches: Matches) -> None:
        """Take in some images, also those without detections or without ground truth: misses and errors count.

        Args:
            matches: the result of `match`; kept, not copied, and never written to.
        """
        self._parts.append(matches)

    def table(self) -> MatchTable:
        """All matches, sorted; equal for equal images whatever the order of add and merge.

        Raises:
            ValueError: an image was added twice.
        """
        return build_table(self._joined())

    def finish(self, num_classes: int | None = None) -> DetectionMetrics:
        """The COCO metrics of all images added so far.

        Args:
            num_classes: K of the label map; without it, the classes are those that occur.

        Returns:
            The metrics; the accumulator can be used further.

        Raises:
            ValueError: an image was added twice, or the ground truth holds a label above num_classes.
        """
        return detection_metrics(self.table(), num_classes)

    def __getstate__(self) -> Packed:
        return pack(self._parts)

    def __setstate__(self, packed: Packed) -> None:
        self._parts = [unpack(packed)]

    def _joined(self) -> Matches:
        return self._parts[0] if len(self._parts) == 1 else join(self._parts)
