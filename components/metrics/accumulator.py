"""Collects the matches of a data set image by image, in any order and on any number of machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from components.metrics.average_precision import DetectionMetrics, detection_metrics
from components.metrics.match_table import MatchTable, build_table
from components.metrics.matching import ImageMatches


@dataclass(eq=False)
class Accumulator:
    """The matches of a set of images; a plain value that can be pickled and sent elsewhere."""

    _matches: dict[int, ImageMatches] = field(default_factory=dict, repr=False)

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

        Raises:
            ValueError: two of them hold the same image.
        """
        merged = cls.create()
        for accumulator in accumulators:
            for image_id, matches in accumulator._matches.items():
                merged.add(image_id, matches)
        return merged

    def add(self, image_id: int, matches: ImageMatches) -> None:
        """Take in one image, also one without detections or without ground truth: its misses and errors count.

        Args:
            image_id: the data set's own id of the image.
            matches: the result of `match_image`; kept, not copied, and never written to.

        Raises:
            ValueError: the image was added before.
        """
        if image_id in self._matches:
            raise ValueError(f"image id {image_id} was added twice; every image must be evaluated once")
        self._matches[int(image_id)] = matches

    def table(self) -> MatchTable:
        """All matches, sorted; equal for equal images whatever the order of add and merge."""
        return build_table(self._matches)

    def finish(self, num_classes: int | None = None) -> DetectionMetrics:
        """The COCO metrics of all images added so far.

        Args:
            num_classes: K of the label map; without it, the classes are those that occur.

        Returns:
            The metrics; the accumulator can be used further.

        Raises:
            ValueError: the ground truth holds a label above num_classes.
        """
        return detection_metrics(self.table(), num_classes)
